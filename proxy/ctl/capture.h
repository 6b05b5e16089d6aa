// Messages that were captured, for a terminal. Nothing in the answers is trusted.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |result|: the answer to "capture.list".
std::string print_captures(const nlohmann::json& result);
// |result|: the answer to "capture.show".
std::string print_capture(const nlohmann::json& result);

}  // namespace ravelin::proxy
