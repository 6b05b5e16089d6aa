#include "proxy/ctl/capture.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "proxy/ctl/fields.h"
#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

std::string texts(const json& all) {
  std::string out;
  for (const auto& one : all) {
    if (!one.is_string()) continue;
    if (!out.empty()) out += ", ";
    append_text(out, one.get_ref<const std::string&>());
  }
  return out;
}

}  // namespace

std::string print_captures(const json& result) {
  auto out = fmt::format("{:<12}  {:<19}  {:<15} {:>8}  {:<15}  {}\n", "ID", "TIME", "CLIENT",
                         "OCTETS", "RULE", "FROM, TO");
  for (const auto& one : list(result, "messages")) {
    if (!one.is_object()) continue;
    const auto& to = list(one, "to");
    out += fmt::format("{:<12}  {:<19}  {:<15} {:>8.0f}  {:<15}  <{}> <{}>{}\n", word(one, "id"),
                       when(number(one, "time_ms")), word(one, "client"), number(one, "size"),
                       word(one, "rule"), word(one, "from"),
                       to.empty() ? "" : texts(json::array({to[0]})),
                       to.size() > 1 ? fmt::format(" and {} more", to.size() - 1) : "");
  }
  if (flag(result, "more")) out += "there are more: --limit\n";
  return out;
}

std::string print_capture(const json& result) {
  const auto& message = object(result, "message");
  auto out = fmt::format("{}  {}  {}[{}]  helo <{}>\n", word(message, "id"),
                         when(number(message, "time_ms")), word(message, "name"),
                         word(message, "client"), word(message, "helo"));
  out += fmt::format("  from <{}>\n  to {}\n", word(message, "from"), texts(list(message, "to")));
  out += fmt::format("  refused with {:.0f} {} {}\n", number(message, "code"),
                     word(message, "status"), word(message, "reply"));
  out += fmt::format("  {:.0f} octets came, {:.0f} were kept; taken for {}; fingerprint {}\n",
                     number(message, "size"), number(message, "kept"), word(message, "rule"),
                     word(message, "print"));
  if (!flag(message, "whole")) out += "  its text was broken and refused for that\n";
  out += '\n';
  // The daemon has escaped each line; only what a terminal would act on is looked at again.
  for (const auto& line : list(result, "lines")) {
    if (!line.is_string()) continue;
    const auto once = unescape(line.get_ref<const std::string&>());
    out += "  ";
    append_text(out, once);
    out += '\n';
  }
  if (flag(result, "cut")) out += "\nthere is more: --octets\n";
  return out;
}

}  // namespace ravelin::proxy
