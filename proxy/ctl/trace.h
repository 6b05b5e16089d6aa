// Living dialogs for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |part| of the answer to "trace", as lines; "" if it has none. Nothing in it is trusted.
std::string print_trace(const nlohmann::json& part);

}  // namespace ravelin::proxy
