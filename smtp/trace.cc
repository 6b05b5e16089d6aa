#include "smtp/trace.h"

#include <cstdio>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

constexpr size_t kNameOctets = 255;
constexpr size_t kRecipientOctets = 600;  // a longer one is left out: the clause is optional

// What a client called itself may hold anything printable; a parenthesis, quote or semicolon in it
// would let it write the rest of the line.
void append_name(std::string_view name, std::string& out) {
  for (const char c : name.substr(0, kNameOctets)) {
    const bool plain =
        is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
    out += plain ? c : '?';
  }
}

// RFC 3848 §1; with SMTPUTF8 RFC 6531 §4.3. There is no name for TLS without EHLO.
std::string_view protocol(const TraceInfo& info) {
  if (!info.esmtp) return "SMTP";
  if (info.utf8) return info.tls ? "UTF8SMTPS" : "UTF8SMTP";
  return info.tls ? "ESMTPS" : "ESMTP";
}

// date-time = day-of-week "," day month year hh:mm:ss zone                     RFC 5322 §3.3
void append_date(std::chrono::system_clock::time_point time, int utc_offset_minutes,
                 std::string& out) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  const auto local = floor<seconds>(time) + minutes(utc_offset_minutes);
  const auto midnight = floor<days>(local);
  const year_month_day date(midnight);
  const hh_mm_ss clock(local - midnight);
  const int offset = utc_offset_minutes < 0 ? -utc_offset_minutes : utc_offset_minutes;
  char text[80];
  std::snprintf(text, sizeof text, "%s, %u %s %d %02d:%02d:%02d %c%02d%02d",
                kDays[weekday(midnight).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), utc_offset_minutes < 0 ? '-' : '+',
                offset / 60, offset % 60);
  out += text;
}

}  // namespace

// Time-stamp-line = "Received:" FWS From-domain By-domain Opt-info ";" FWS date-time
// TCP-info names a client only if its name leads back to its address; "unknown" is what readers of
// these lines expect otherwise.
std::string received_line(const TraceInfo& info) {
  std::string line = "Received: from ";
  append_name(info.helo, line);
  line += " (";
  append_name(info.client_name.empty() ? "unknown" : info.client_name, line);
  line += ' ';
  append_name(info.client_literal, line);
  line += ")\r\n\tby ";
  append_name(info.hostname, line);
  line += " with ";
  line += protocol(info);
  if (info.tls && !info.tls_details.empty()) {
    line += " (";
    line += info.tls_details;
    line += ')';
  }
  line += " id ";
  append_name(info.id, line);
  if (!info.only_recipient.empty() && info.only_recipient.size() <= kRecipientOctets) {
    line += "\r\n\tfor <";
    line += info.only_recipient;
    line += '>';
  }
  line += ";\r\n\t";
  append_date(info.time, info.utc_offset_minutes, line);
  return line += "\r\n";
}

}  // namespace ravelin::smtp
