// Our Received: line.                                                   RFC 5321 §4.4, RFC 3848
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ravelin::smtp {

struct TraceInfo {
  std::string_view helo;         // as parse_helo() took it; what is not printable never gets here
  std::string_view client_name;  // "" unless confirmed
  std::string_view client_literal;  // "[192.0.2.1]", "[IPv6:...]"
  std::string_view hostname;        // ours
  bool esmtp = false;
  bool utf8 = false;
  bool tls = false;
  std::string_view tls_details;  // "TLSv1.3 TLS_AES_256_GCM_SHA384"; "" if there is none to tell
  std::string_view id;
  std::string_view only_recipient;  // Address::to_string(); "" unless there is exactly one
  std::chrono::system_clock::time_point time;
  int utc_offset_minutes = 0;
};

// The header line with its folds and last CRLF; each line at most 998 octets, HELO text that could
// end a comment or fold is replaced.
std::string received_line(const TraceInfo& info);
// The most that received_line() can return: what SIZE leaves room for.
inline constexpr uint64_t kTraceRoom = 2048;

}  // namespace ravelin::smtp
