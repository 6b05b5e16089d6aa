// What a failed connect() means to the owner of a stream.
#pragma once

#include "proxy/event/stream.h"

namespace ravelin::proxy {

// |error| is an errno of socket() or connect(). Faults of this host are kept apart: they say
// nothing about the health of the other.
StreamEnd connect_failure(int error);

}  // namespace ravelin::proxy
