// The files of the dashboard, which are part of the program: whoever looks at it needs nothing from
// anywhere else.
#pragma once

#include <span>
#include <string_view>

namespace ravelin::proxy {

struct Asset {
  std::string_view name;  // "dashboard.js"
  std::string_view data;  // gzip
};

std::span<const Asset> assets();

}  // namespace ravelin::proxy
