#include "proxy/ctl/explain.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "proxy/ctl/fields.h"
#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

// Each word of an account, and what it means.
struct Meaning {
  std::string_view word, sentence;
};

constexpr Meaning kGreylist[] = {
    {"exempt", "is exempt"},
    {"first", "had never seen this client, sender and recipient together: told to come again"},
    {"early", "was asked again too early: told to come again"},
    {"passed", "let it pass: it came back in time"},
    {"known", "knows it"},
    {"full", "had no room to remember it, and let it pass"}};

constexpr Meaning kVerify[] = {
    {"accepted", "takes this recipient"},
    {"unknown", "knows no such recipient"},
    {"refused", "refused this recipient"},
    {"shared", "had said so a moment ago to somebody else"},
    {"trouble", "could not be asked"},
    {"shielded", "was not asked: the client had tried too many unknown recipients"},
    {"not-asked", "was not asked"}};

constexpr Meaning kVerdicts[] = {
    {"accept", "accepted"}, {"reject", "refused"}, {"defer", "deferred"}};

template <size_t N>
std::string meaning(const Meaning (&meanings)[N], std::string_view word) {
  for (const auto& one : meanings)
    if (one.word == word) return std::string(one.sentence);
  std::string unknown;
  append_text(unknown, word);
  return unknown;
}

std::string code_of(const json& event) {
  auto code = fmt::format("{:.0f}", number(event, "code"));
  if (const auto status = word(event, "status"); !status.empty()) code += ' ' + status;
  return code;
}

void line(std::string& out, const std::string& text) { out += "      " + text + '\n'; }

void tell_texts(const json& event, std::string& out) {
  if (const auto reply = word(event, "reply"); !reply.empty()) line(out, "it heard: " + reply);
  if (const auto said = word(event, "backend_said"); !said.empty())
    line(out, "the mail server: " + said);
}

void tell_checks(const json& event, const json& dialog, std::string& out) {
  for (const auto& check : list(event, "checks")) {
    if (!check.is_object()) continue;
    auto name = word(check, "check");
    if (const auto test = word(check, "test"); !test.empty()) name += '.' + test;
    const auto saw = word(check, "saw");
    auto input =
        saw == "client" ? word(dialog, "name") : word(saw == "helo" ? dialog : event, saw.c_str());
    if (saw == "client") input = word(dialog, "client") + (input.empty() ? "" : " " + input);
    line(out, fmt::format("check {} of <{}>: {} ({})", name, input, word(check, "said"),
                          span(number(check, "ms"))));
  }
}

void tell_rcpt(const json& event, const json& dialog, std::string& out) {
  out +=
      fmt::format("from <{}> to <{}>: {} with {}  [{}]\n", word(event, "from"), word(event, "to"),
                  meaning(kVerdicts, word(event, "verdict")), code_of(event), word(event, "id"));
  tell_texts(event, out);
  line(out, "standing of the client: " + word(event, "standing"));
  tell_checks(event, dialog, out);
  if (const auto greylist = word(event, "greylist"); greylist != "off")
    line(out, "greylisting " + meaning(kGreylist, greylist));
  auto asked = "the mail server " + meaning(kVerify, word(event, "verify"));
  if (const auto took = number(event, "backend_ms"); took > 0) asked += " (" + span(took) + ")";
  line(out, asked);
}

void tell_delivered(const json& event, std::string& out) {
  out +=
      fmt::format("message from <{}>, {:.0f} octets: {} by {}  [{}]\n", word(event, "from"),
                  number(event, "size"), number(event, "code") < 400 ? "taken" : "not taken by all",
                  word(event, "relay"), word(event, "id"));
  for (const auto& one : list(event, "recipients")) {
    if (!one.is_object()) continue;
    const auto said = word(one, "backend_said");
    line(out,
         "to <" + word(one, "to") + ">: " + word(one, "fate") + (said.empty() ? "" : ": " + said));
  }
  tell_texts(event, out);
  if (flag(event, "client_gone"))
    line(out, "the client had gone before our reply: it may send the message again");
}

void tell_event(const json& event, const json& dialog, std::string& out) {
  if (!event.is_object()) return;
  const auto what = word(event, "what");
  out += fmt::format("  +{}: ", span(number(event, "at_ms")));
  if (what == "rcpt") return tell_rcpt(event, dialog, out);
  if (what == "delivered") return tell_delivered(event, out);
  if (what == "capturing") {
    out += "heard 250 for that instead, so that its message is seen (capture." +
           word(event, "rule") + ")\n";
  } else if (what == "captured") {
    out += fmt::format(
        "message of {:.0f} octets: kept to look at, and refused with {}: see capture show {}\n",
        number(event, "size"), code_of(event), word(event, "id"));
  } else if (what == "tls") {
    out += word(event, "version") + ' ' + word(event, "cipher") + '\n';
  } else if (what == "pregreet") {
    out += fmt::format("talked before our greeting, {:.0f} octets\n", number(event, "octets"));
  } else {
    out += fmt::format("{} {}: {} ({})\n", word(event, "stage"),
                       what == "warned" ? "would have been refused" : "refused", code_of(event),
                       word(event, "reason"));
    tell_texts(event, out);
  }
}

// What it seems to be.
void tell_client(const json& dialog, std::string& out) {
  std::string about;
  const auto add = [&](const std::string& what, const std::string& value) {
    if (!value.empty()) about += (about.empty() ? "" : ", ") + what + value;
  };
  add("stack ", word(dialog, "stack"));
  add("name ", word(dialog, "name_class"));
  add("", word(dialog, "country"));
  if (const auto asn = number(dialog, "asn"); asn > 0)
    add("", fmt::format("AS{:.0f} {}", asn, word(dialog, "network")));
  add("fingerprint ", word(dialog, "print"));
  if (!about.empty()) out += "  " + about + '\n';
  if (const auto habits = word(dialog, "habits"); !habits.empty())
    out += "  habits: " + habits + '\n';
}

void tell_dialog(const json& dialog, std::string& out) {
  const auto name = word(dialog, "name");
  out += fmt::format("{}  {}  {}[{}]", word(dialog, "id"), when(number(dialog, "time_ms")),
                     name.empty() ? "unknown" : name, word(dialog, "client"));
  if (const auto helo = word(dialog, "helo"); !helo.empty()) out += "  helo <" + helo + '>';
  out += '\n';
  tell_client(dialog, out);
  for (const auto& event : list(dialog, "events")) tell_event(event, dialog, out);
  if (const auto left = number(dialog, "left_out"); left > 0)
    out += fmt::format("  and {:.0f} more events, for which there was no room\n", left);
  const auto after = word(dialog, "after");
  out += fmt::format("  end: {}{}{}, after {}\n", word(dialog, "end"),
                     after.empty() ? "" : " after ", after, span(number(dialog, "lasted_ms")));
  if (const auto count = number(dialog, "count"); count > 1)
    out += fmt::format("  and {:.0f} more like it, the last at {}\n", count - 1,
                       when(number(dialog, "last_ms")));
  for (const auto& one : list(dialog, "others"))
    if (one.is_array() && one.size() == 3 && one[2].is_number())
      out += fmt::format("    among them from <{}> to <{}>, {:.0f} times\n",
                         word(json{{"x", one[0]}}, "x"), word(json{{"x", one[1]}}, "x"),
                         one[2].get<double>());
}

}  // namespace

std::string explain(const json& result) {
  std::string out;
  for (const auto& dialog : list(result, "entries")) {
    if (!dialog.is_object()) continue;
    if (!out.empty()) out += '\n';
    tell_dialog(dialog, out);
  }
  if (out.empty()) out = "nothing is known of it\n";
  if (flag(result, "more")) out += "\nthere is more: --limit or --since\n";
  return out;
}

}  // namespace ravelin::proxy
