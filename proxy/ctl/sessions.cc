#include "proxy/ctl/sessions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "proxy/ctl/fields.h"
#include "proxy/ctl/print.h"
#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

std::string escaped(const json& value) {
  std::string out;
  if (value.is_string()) append_text(out, value.get<std::string>());
  return out;
}

std::string envelope(const json& mail) {
  auto text = " <" + word(mail, "from") + ">";
  const auto to = mail.value("to", json::array());
  for (const auto& one : to) text += " -> <" + escaped(one) + ">";
  const auto more = number(mail, "recipients") - static_cast<double>(to.size());
  if (more > 0) text += fmt::format(" and {:.0f} more", more);
  if (const auto octets = number(mail, "octets"); octets > 0)
    text += fmt::format(", {:.0f} octets", octets);
  return text;
}

}  // namespace

std::string print_sessions(const json& result) {
  std::string out = fmt::format("{:<12}  {:<15}  {:<13} {:>9} {:>9}  {:<8} {}\n", "ID", "CLIENT",
                                "PHASE", "AGE", "IDLE", "STANDING", "NAME OR HELO, ENVELOPE");
  const auto dialogs = result.is_object() ? result.value("dialogs", json::array()) : json::array();
  for (const auto& one : dialogs) {
    if (!one.is_object()) continue;
    auto who = word(one, "name");
    if (who.empty()) who = word(one, "helo");
    if (const auto mail = one.find("mail"); mail != one.end() && mail->is_object())
      who += envelope(*mail);
    out += fmt::format("{:<12}  {:<15}  {:<13} {:>9} {:>9}  {:<8} {}\n", word(one, "id"),
                       word(one, "client"), word(one, "phase"),
                       print_duration(number(one, "age_s")), print_duration(number(one, "idle_s")),
                       word(one, "standing"), who.empty() ? "-" : who);
  }
  if (flag(result, "more")) out += "there are more: --limit or --client\n";
  return out;
}

}  // namespace ravelin::proxy
