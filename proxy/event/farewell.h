// A few last words to a connection that gets no dialog.
#pragma once

#include <string_view>

#include "proxy/event/fd.h"

namespace ravelin::proxy {

// Sends |text| as far as the kernel takes it at once, and closes: for a client that has no reason
// to have sent anything yet. It costs two system calls and keeps nothing, which is the point:
// whoever is refused a place must not hold one. A client that talked early gets a RST instead of
// the text.
void say_and_close(Fd connection, std::string_view text);

}  // namespace ravelin::proxy
