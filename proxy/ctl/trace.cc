#include "proxy/ctl/trace.h"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>

#include "proxy/ctl/fields.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

int64_t whole(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string clock_text(int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  if (ms < 0 || localtime_r(&seconds, &parts) == nullptr) return "--:--:--.---";
  return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec,
                     ms % 1000);
}

std::string_view arrow(std::string_view way) {
  if (way == "client") return "<";
  return way == "us" ? ">" : "=";
}

}  // namespace

std::string print_trace(const json& part) {
  std::string out;
  if (!part.is_object()) return out;
  const auto lines = part.value("lines", json::array());
  for (const auto& line : lines) {
    if (!line.is_object()) continue;
    out += fmt::format("{} {} {} {} {}\n", clock_text(whole(line, "time_ms")), word(line, "id"),
                       word(line, "client"), arrow(word(line, "way")), word(line, "text"));
  }
  if (const auto lost = whole(part, "lost"); lost > 0)
    out += fmt::format("({} lines were lost: too many for this terminal)\n", lost);
  if (const auto why = word(part, "ended"); !why.empty()) out += "(ended: " + why + ")\n";
  return out;
}

}  // namespace ravelin::proxy
