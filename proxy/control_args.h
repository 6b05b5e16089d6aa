// Arguments of a control request.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ravelin::proxy {

// A text argument; "" if it is missing or something else.
inline std::string text(const nlohmann::json& args, const char* name) {
  const auto found = args.find(name);
  return found != args.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace ravelin::proxy
