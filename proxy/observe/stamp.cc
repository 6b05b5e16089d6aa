#include "proxy/observe/stamp.h"

#include <fmt/format.h>

#include <ctime>

namespace ravelin::proxy {
namespace {

constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// One second as text in both styles, since one thread may write both.
struct Second {
  int64_t second = -1;
  fmt::basic_memory_buffer<char, 32> traditional;
  fmt::basic_memory_buffer<char, 32> date;    // of the RFC 3339 form
  fmt::basic_memory_buffer<char, 16> offset;  // likewise
};

void fill(Second& text, int64_t second) {
  const auto time = static_cast<time_t>(second);
  tm local{};
  localtime_r(&time, &local);
  text.second = second;
  text.traditional.clear();
  text.date.clear();
  text.offset.clear();
  fmt::format_to(fmt::appender(text.traditional), "{} {:2} {:02}:{:02}:{:02}",
                 kMonths[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
  fmt::format_to(fmt::appender(text.date), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                 local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min,
                 local.tm_sec);
  const auto minutes = local.tm_gmtoff / 60;
  const auto size = minutes < 0 ? -minutes : minutes;
  fmt::format_to(fmt::appender(text.offset), "{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60,
                 size % 60);
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
    out.append(text.traditional.data(), text.traditional.size());
    return;
  }
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now - second).count();
  out.append(text.date.data(), text.date.size());
  fmt::format_to(std::back_inserter(out), ".{:06}", micros);
  out.append(text.offset.data(), text.offset.size());
}

}  // namespace ravelin::proxy
