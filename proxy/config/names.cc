#include "proxy/config/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/config/report.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxGuessed = 64;  // nothing longer is a slip of ours

// A third of the letters may be wrong: "sesion" is near "sessions", "foo" is near nothing.
bool near(std::string_view wrong, std::string_view known, size_t distance) {
  return distance <= std::max<size_t>(1, std::min(wrong.size(), known.size()) / 3);
}

struct Guess {
  std::string_view name;
  std::string_view path;
  size_t distance = SIZE_MAX;
};

void consider(std::string_view wrong, std::string_view name, std::string_view path, Guess& best) {
  const size_t distance = edit_distance(wrong, name);
  if (distance < best.distance && near(wrong, name, distance)) best = {name, path, distance};
}

std::string_view leaf(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == path.npos ? path : path.substr(dot + 1);
}

// The other sections that have a key of just this name, as "[dns] or [verify]".
std::string owners(std::string_view key, std::span<const Section* const> sections) {
  std::string text;
  for (const Section* section : sections)
    for (const Param& row : section->params)
      if (row.name == key) text += (text.empty() ? "" : " or ") + section_title(section->path);
  return text;
}

}  // namespace

std::string section_title(std::string_view path) {
  if (path.empty()) return "the top of the file";
  return path == "route" ? "[[route]]" : fmt::format("[{}]", path);
}

std::string in_section(std::string_view path) {
  return (path.empty() ? "at " : "in ") + section_title(path);
}

std::string unknown_key(std::string_view path, std::string_view key,
                        std::span<const Section* const> sections) {
  const auto message = fmt::format("unknown key {} {}", quoted(key), in_section(path));
  if (key.size() > kMaxGuessed) return message;
  if (const auto homes = owners(key, sections); !homes.empty())
    return fmt::format("{}; it belongs to {}", message, homes);

  Guess here, anywhere;
  for (const Section* section : sections)
    for (const Param& row : section->params)
      consider(key, row.name, section->path, section->path == path ? here : anywhere);
  if (!here.name.empty()) return fmt::format("{}; did you mean \"{}\"?", message, here.name);
  if (anywhere.name.empty()) return message;
  return fmt::format("{}; did you mean \"{}\" of {}?", message, anywhere.name,
                     section_title(anywhere.path));
}

std::string unknown_section(std::string_view path, std::span<const Section* const> sections) {
  const auto message = fmt::format("unknown section {}", quoted(path));
  if (path.size() > kMaxGuessed) return message;
  Guess best;  // as a whole, like "check.rdns", or by its last part, like "rdns"
  for (const Section* section : sections) {
    if (section->path.empty()) continue;
    consider(path, section->path, section->path, best);
    consider(leaf(path), leaf(section->path), section->path, best);
  }
  if (best.path.empty()) return message;
  return fmt::format("{}; did you mean {}?", message, section_title(best.path));
}

// Optimal string alignment, three rows at a time.
size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<size_t> before_last, last(to.size() + 1), row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t change = from[i - 1] == to[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[to.size()];
}

}  // namespace ravelin::proxy
