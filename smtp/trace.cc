#include "smtp/trace.h"

#include <algorithm>
#include <charconv>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

constexpr size_t kNameOctets = 255;
constexpr size_t kUsual = 400;            // octets of the whole line, more than nearly all have
constexpr size_t kRecipientOctets = 600;  // a longer one is left out: the clause is optional

// What a client called itself may hold anything printable; a parenthesis, quote or semicolon in it
// would let it write the rest of the line.
void append_name(std::string_view name, std::string& out) {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  out += name.substr(0, kNameOctets);
  const auto strange = [](char c) {
    return !is_alnum(c) && c != '.' && c != '-' && c != '_' && c != ':' && c != '[' && c != ']';
  };
  std::replace_if(out.begin() + begin, out.end(), strange, '?');
}

// RFC 3848 §1; with SMTPUTF8 RFC 6531 §4.3. There is no name for TLS without EHLO.
std::string_view protocol(const TraceInfo& info) {
  if (!info.esmtp) return "SMTP";
  if (info.utf8) return info.tls ? "UTF8SMTPS" : "UTF8SMTP";
  return info.tls ? "ESMTPS" : "ESMTP";
}

void append_number(int value, std::string& out) {
  char digits[12];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_two_digits(int64_t value, std::string& out) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

// date-time = day-of-week "," day month year hh:mm:ss zone                     RFC 5322 §3.3
void append_date(std::chrono::system_clock::time_point time, int utc_offset_minutes,
                 std::string& out) {
  static constexpr std::string_view kDays[] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ",
                                               "Thu, ", "Fri, ", "Sat, "};
  static constexpr std::string_view kMonths[] = {" Jan ", " Feb ", " Mar ", " Apr ",
                                                 " May ", " Jun ", " Jul ", " Aug ",
                                                 " Sep ", " Oct ", " Nov ", " Dec "};
  using namespace std::chrono;
  const auto local = floor<seconds>(time) + minutes(utc_offset_minutes);
  const auto midnight = floor<days>(local);
  const year_month_day date(midnight);
  const hh_mm_ss clock(local - midnight);
  const int offset = utc_offset_minutes < 0 ? -utc_offset_minutes : utc_offset_minutes;
  out += kDays[weekday(midnight).c_encoding()];
  append_number(static_cast<int>(static_cast<unsigned>(date.day())), out);
  out += kMonths[static_cast<unsigned>(date.month()) - 1];
  append_number(static_cast<int>(date.year()), out);
  out += ' ';
  append_two_digits(clock.hours().count(), out);
  out += ':';
  append_two_digits(clock.minutes().count(), out);
  out += ':';
  append_two_digits(clock.seconds().count(), out);
  out += utc_offset_minutes < 0 ? " -" : " +";
  append_two_digits(offset / 60, out);
  append_two_digits(offset % 60, out);
}

}  // namespace

// Time-stamp-line = "Received:" FWS From-domain By-domain Opt-info ";" FWS date-time
// TCP-info names a client only if its name leads back to its address; "unknown" is what readers of
// these lines expect otherwise.
std::string received_line(const TraceInfo& info) {
  std::string line;
  line.reserve(kUsual);
  line += "Received: from ";
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
