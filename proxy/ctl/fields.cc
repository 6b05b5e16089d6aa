#include "proxy/ctl/fields.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr double kLatest = 1e15;  // ms

}  // namespace

std::string raw(const json& from, const char* name) {
  if (!from.is_object()) return "";
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string word(const json& from, const char* name) {
  std::string out;
  append_text(out, raw(from, name));
  return out;
}

double number(const json& from, const char* name) {
  if (!from.is_object()) return 0;
  const auto found = from.find(name);
  return found != from.end() && found->is_number() ? found->get<double>() : 0;
}

bool flag(const json& from, const char* name) {
  if (!from.is_object()) return false;
  const auto found = from.find(name);
  return found != from.end() && *found == true;
}

const json& list(const json& from, const char* name) {
  static const json none = json::array();
  if (!from.is_object()) return none;
  const auto found = from.find(name);
  return found != from.end() && found->is_array() ? *found : none;
}

const json& object(const json& from, const char* name) {
  static const json none = json::object();
  if (!from.is_object()) return none;
  const auto found = from.find(name);
  return found != from.end() && found->is_object() ? *found : none;
}

std::string when(double ms) {
  if (!(ms >= 0 && ms <= kLatest)) return "some time";
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return "some time";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", parts);
}

std::string span(double ms) {
  if (ms < 1000) return fmt::format("{:.1f} ms", ms);
  if (ms < 120'000) return fmt::format("{:.1f} s", ms / 1000);
  const auto seconds = static_cast<int64_t>(std::min(ms, kLatest) / 1000);
  if (seconds < 7200) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace ravelin::proxy
