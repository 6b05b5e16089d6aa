#include "tests/bench/drill/sink_settings.h"

#include <algorithm>
#include <cctype>
#include <fstream>

namespace ravelin::drill {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

void Mailboxes::add(std::string_view pattern) {
  const auto name = lower(pattern);
  const auto star = name.find('*');
  if (star == name.npos) {
    exact_.insert(name);
  } else {
    starred_.emplace_back(name.substr(0, star), name.substr(star + 1));
  }
}

bool Mailboxes::add_file(const std::string& name) {
  std::ifstream file(name);
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') add(line);
  return file.eof();
}

bool Mailboxes::has(std::string_view address) const {
  const auto full = lower(address);
  const auto local = full.substr(0, full.rfind('@'));
  if (local == "postmaster" || exact_.contains(full) || exact_.contains(local)) return true;
  return std::any_of(starred_.begin(), starred_.end(), [&](const auto& pattern) {
    const auto& [head, tail] = pattern;
    const auto& name = tail.find('@') == tail.npos ? local : full;
    return name.size() >= head.size() + tail.size() && name.starts_with(head) &&
           name.ends_with(tail);
  });
}

Command sink_command(SinkSettings& s) {
  Command command{"backend", "A slow mail server that knows its recipients, and counts.", {}};
  command.options = {
      {"listen", "ADDR:PORT", "", "Where it listens, on loopback.",
       store(s.listen, parse_endpoint, "an address and a port such as 127.0.0.1:2600")},
      {"i-own-this-target", "", "", "Allows an address that is not on loopback.",
       [&s](std::string_view) { return s.own_address = true, std::string(); }},
      {"delay", "TIME", "0ms",
       "What each command of a connection takes, one after the other, also when they come "
       "together.",
       store(s.delay, parse_duration, "a time such as 50ms")},
      {"latency", "TIME", "0ms",
       "How long commands are under way before they are here, as on a long line: what comes "
       "together "
       "waits once.",
       store(s.latency, parse_duration, "a time such as 50ms")},
      {"valid", "PATTERN", "",
       "A recipient that exists: good*, alice or alice@example.com; may be given often. "
       "postmaster always does, all others get 550 5.1.1.",
       [&s](std::string_view text) { return s.mailboxes.add(text), std::string(); }},
      {"valid-file", "FILE", "", "Such patterns, one a line.",
       [&s](std::string_view text) -> std::string {
         return s.mailboxes.add_file(std::string(text)) ? "" : "wants a file that can be read";
       }},
      {"connections-limit", "N", "0", "More get a 421 and are closed; 0: no limit.",
       store(
           s.connections, [](std::string_view text) { return parse_number(text, 1'000'000); },
           "a number")},
      {"pipelining", "on|off", "on", "Whether PIPELINING is offered.",
       [&s](std::string_view text) -> std::string {
         s.pipelining = text == "on";
         return text == "on" || text == "off" ? "" : "wants on or off";
       }},
      {"punish", "", "",
       "As Postfix does by default: from the 10th recipient on that a connection was refused since "
       "its last message, each command takes 1 s, at the 20th it hangs up.",
       [&s](std::string_view) { return s.punish = true, std::string(); }},
  };
  return command;
}

}  // namespace ravelin::drill
