// "ravelinctl top" in a terminal.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace ravelin::proxy {

// A picture a second of what |ask| answers, until q, Ctrl-C, or |ask| has no answer; then the
// screen is as it was. |once|: one picture of the first second, as plain text. False if it cannot
// be written.
bool watch(const std::function<std::optional<nlohmann::json>()>& ask, bool once);

}  // namespace ravelin::proxy
