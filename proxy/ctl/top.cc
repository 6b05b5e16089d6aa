#include "proxy/ctl/top.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "proxy/ctl/fields.h"
#include "proxy/ctl/print.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

const json& member(const json& from, const char* name) {
  static const json none;
  if (!from.is_object()) return none;
  const auto found = from.find(name);
  return found != from.end() ? *found : none;
}

// Columns, not octets; never in the middle of a character.
std::string cut(const std::string& text, size_t columns) {
  size_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && seen++ == columns) return text.substr(0, i);
  }
  return text;
}

size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

class Page {
 public:
  explicit Page(const Size& size) : size_(size) {}

  void line(const std::string& text) {
    if (lines_ == size_.rows) return;
    ++lines_;
    out_ += cut(text, size_.columns) + '\n';
  }
  size_t columns() const { return size_.columns; }
  size_t left() const { return size_.rows - lines_; }
  // Lines for a list that is not all there is to see.
  size_t share() const { return std::clamp<size_t>(size_.rows / 4, 4, 11) - 1; }
  std::string take() { return std::move(out_); }

 private:
  const Size size_;
  size_t lines_ = 0;
  std::string out_;
};

std::string rate(const json& before, const json& now, const char* name, double seconds) {
  const auto more =
      number(member(now, "counters"), name) - number(member(before, "counters"), name);
  return fmt::format("{:.1f}/s", seconds > 0 && more > 0 ? more / seconds : 0);
}

void tell_head(const json& before, const json& now, double seconds, Page& page) {
  const auto& pressure = member(now, "pressure");
  const auto& dialogs = member(now, "sessions");
  const auto cause = word(pressure, "cause");
  page.line(fmt::format("{}  up {}  pressure {}{}{}", word(now, "hostname"),
                        print_duration(number(now, "uptime_s")), word(pressure, "level"),
                        cause.empty() ? "" : ": ", cause));
  page.line(fmt::format("dialogs {:.0f} of {:.0f} (peak {:.0f})   new {}", number(dialogs, "open"),
                        number(dialogs, "limit"), number(dialogs, "peak"),
                        rate(before, now, "dialogs", seconds)));
  page.line(
      fmt::format("accepted {}   refused {}   deferred {}   no place {}",
                  rate(before, now, "accepted", seconds), rate(before, now, "refused", seconds),
                  rate(before, now, "deferred", seconds), rate(before, now, "no_place", seconds)));
}

void tell_backends(const json& now, Page& page) {
  page.line("");
  page.line(fmt::format("{:<34} {:<8} {:>5} {:>5} {:>5} {:>8}", "BACKEND", "STATE", "OPEN", "CAP",
                        "IDLE", "WAITING"));
  size_t shown = 0;
  for (const auto& one : member(now, "backends")) {
    if (++shown > 4) break;
    const bool healthy = member(one, "healthy") == true;
    const auto* const state = member(one, "drained") == true ? "drained" : healthy ? "up" : "DOWN";
    page.line(fmt::format("{:<34} {:<8} {:>5.0f} {:>5.0f} {:>5.0f} {:>8.0f}",
                          cut(word(one, "name"), 34), state, number(one, "open"),
                          number(one, "cap"), number(one, "idle"), number(one, "waiting")));
  }
}

std::string crowd(const json& list, size_t index) {
  if (!list.is_array() || index >= list.size()) return "";
  const auto& one = list[index];
  return fmt::format("{:>6.0f}  {}", number(one, "dialogs"), word(one, "network"));
}

void tell_sources(const json& now, Page& page) {
  const auto& sources = member(now, "sources");
  const auto& networks = member(now, "networks");
  page.line("");
  page.line(fmt::format("{:<40}{}", "   NOW  SOURCE", "   NOW  NETWORK"));
  for (size_t i = 0; i < page.share(); ++i) {
    const auto left = crowd(sources, i), right = crowd(networks, i);
    if (!left.empty() || !right.empty()) page.line(fmt::format("{:<40}{}", cut(left, 39), right));
  }
}

std::string clock_text(double ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  if (ms < 0 || ms > 1e15 || localtime_r(&seconds, &parts) == nullptr) return "--:--:--";
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// Of two addresses that do not fit side by side, each has its half; what the shorter one leaves is
// the other's.
std::string side_by_side(const std::string& from, const std::string& to, size_t room) {
  constexpr std::string_view kBetween = "> -> <";
  const auto shorten = [](const std::string& text, size_t columns) {
    if (width(text) <= columns) return text;
    return columns > 2 ? cut(text, columns - 2) + ".." : cut(text, columns);
  };
  const size_t both = room > kBetween.size() + 2 ? room - kBetween.size() - 2 : 0;
  const auto half = both / 2;
  const auto left = std::max(half, both - std::min(both, width(to)));
  const auto right = std::max(both - half, both - std::min(both, width(from)));
  return fmt::format("<{}{}{}>", shorten(from, left), kBetween, shorten(to, right));
}

std::string in_words(const json& one, size_t room) {
  auto what = word(one, "verdict");
  if (const auto code = number(one, "code"); code > 0) what += fmt::format(" {:.0f}", code);
  if (what.empty()) return word(one, "end");
  if (!member(one, "from").is_string()) return what;
  const auto taken = width(what) + 1;
  return what + ' ' +
         side_by_side(word(one, "from"), word(one, "to"), room > taken ? room - taken : 0);
}

void tell_latest(const json& now, Page& page) {
  const auto& latest = member(now, "latest");
  const size_t shown = page.left() > 2 ? page.left() - 2 : 0;
  size_t column = 15;  // of addresses; those of IPv6 are longer
  size_t seen = 0;
  for (const auto& one : latest)
    if (seen++ < shown) column = std::max(column, width(word(one, "client")));
  page.line("");
  page.line(fmt::format("{:<8}  {:<{}}  {}", "ENDED", "CLIENT", column, "WHAT"));
  const size_t before = 8 + 2 + column + 2;
  const size_t room = page.columns() > before ? page.columns() - before : 0;
  for (const auto& one : latest) {
    if (page.left() == 0) return;
    page.line(fmt::format("{}  {:<{}}  {}", clock_text(number(one, "last_ms")), word(one, "client"),
                          column, in_words(one, room)));
  }
}

}  // namespace

std::string print_top(const json& before, const json& now, double seconds, const Size& size) {
  Page page(size);
  tell_head(before, now, seconds, page);
  tell_backends(now, page);
  tell_sources(now, page);
  tell_latest(now, page);
  return page.take();
}

}  // namespace ravelin::proxy
