// Takes a state file that cannot be used out of the way, without losing it.
#pragma once

#include <optional>
#include <string>

#include "proxy/event/clock.h"

namespace ravelin::proxy {

// Renames |path| and its write-ahead log to "PATH.broken-YYYYMMDDTHHMMSSZ" (by |wall|, UTC), keeps
// the newest few of those and removes older ones. The new name; nullopt if it could not be renamed.
// A file that is not there needs no moving: then the name is "".
std::optional<std::string> move_aside(const std::string& path, Wall wall);

}  // namespace ravelin::proxy
