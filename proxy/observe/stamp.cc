#include "proxy/observe/stamp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <type_traits>
#include <utility>

namespace ravelin::proxy {
namespace {

constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// A few characters. Without a destructor, because a thread's first use of it would have to register
// that, and the C library ends the process if there is no memory to do so.
struct Piece {
  char text[40];
  size_t size = 0;

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    const auto end = fmt::format_to_n(text, sizeof text, format, std::forward<Args>(args)...);
    size = std::min(end.size, sizeof text);
  }
  void append_to(std::string& out) const { out.append(text, size); }
};

// One second as text in both styles, since one thread may write both.
struct Second {
  int64_t second = -1;
  Piece traditional;
  Piece date;    // of the RFC 3339 form
  Piece offset;  // likewise
};
static_assert(std::is_trivially_destructible_v<Second>);

void fill(Second& text, int64_t second) {
  const auto time = static_cast<time_t>(second);
  tm local{};
  localtime_r(&time, &local);
  text.second = second;
  text.traditional.print("{} {:2} {:02}:{:02}:{:02}", kMonths[local.tm_mon], local.tm_mday,
                         local.tm_hour, local.tm_min, local.tm_sec);
  text.date.print("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                  local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
  const auto minutes = local.tm_gmtoff / 60;
  const auto size = minutes < 0 ? -minutes : minutes;
  text.offset.print("{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

}  // namespace

// localtime_r, unlike localtime, need not read TZ: somebody has to.
Stamp::Stamp(StampStyle style) : style_(style) { tzset(); }

void Stamp::append(std::string& out, Wall now) const {
  thread_local Second text;
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const auto count = static_cast<int64_t>(second.time_since_epoch().count());
  if (text.second != count) fill(text, count);
  if (style_ == StampStyle::Traditional) {
    text.traditional.append_to(out);
    return;
  }
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now - second).count();
  text.date.append_to(out);
  fmt::format_to(std::back_inserter(out), ".{:06}", micros);
  text.offset.append_to(out);
}

}  // namespace ravelin::proxy
