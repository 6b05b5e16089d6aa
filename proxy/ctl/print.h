// The daemon's answers as text for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |result| as lines: "name  value" for an object's members, a table for a list of objects. Members
// that end in _s are seconds and are written as durations. Whatever could drive a terminal is
// escaped: results carry what strangers said.
std::string print_result(const nlohmann::json& result);

// |seconds| as "3d 04:05:06", "04:05:06", "5m 06s", "6s"; with a fraction below a minute.
std::string print_duration(double seconds);

}  // namespace ravelin::proxy
