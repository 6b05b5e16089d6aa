// The picture of "ravelinctl top".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

struct Size {
  size_t columns = 80;
  size_t rows = 24;
};

// |before| and |now| are answers to "top", |seconds| apart; rates are their differences. Lines of
// at most |size|, as many as there is room for. Nothing in the answers is trusted.
std::string print_top(const nlohmann::json& before, const nlohmann::json& now, double seconds,
                      const Size& size);

}  // namespace ravelin::proxy
