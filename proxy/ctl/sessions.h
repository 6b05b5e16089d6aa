// Living dialogs as a list.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |result| is the answer to "sessions". Nothing in it is trusted.
std::string print_sessions(const nlohmann::json& result);

}  // namespace ravelin::proxy
