// What became of dialogs, in plain words.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |result| is the answer to "explain". Nothing in it is trusted.
std::string explain(const nlohmann::json& result);

}  // namespace ravelin::proxy
