#include "proxy/config/section.h"

#include <algorithm>
#include <cassert>
#include <vector>

namespace ravelin::proxy {
namespace {

// A function's static: registration runs before this file's own statics may exist.
std::vector<const Section*>& sections() {
  static std::vector<const Section*> list;
  return list;
}

}  // namespace

RegisterSection::RegisterSection(const Section& section) {
  assert(section.make != nullptr && !section.path.empty());
  auto& list = sections();
  const auto at = std::lower_bound(
      list.begin(), list.end(), section.path,
      [](const Section* known, std::string_view path) { return known->path < path; });
  assert(at == list.end() || (*at)->path != section.path);
  list.insert(at, &section);
}

std::span<const Section* const> registered_sections() { return sections(); }

}  // namespace ravelin::proxy
