// A parameter is one row: its name, meaning, default and range stand here and nowhere else. The
// sample file, docs/parameters.md, --print-defaults and the messages of --check print from the row.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ravelin::proxy {

enum class ParamKind : uint8_t {
  Integer,   // uint32_t
  Duration,  // std::chrono::milliseconds; "250ms" "5s" "4m" "9h" "36d"
  Size,      // uint64_t, bytes; "500B" "10kB" "50MB" "2GB" (decimal) or a bare number
  Rate,      // uint32_t, per second; "10000/s"
  Share,     // double, 0 to 1; "25%"
  Text,      // std::string
  TextList,  // std::vector<std::string>
  Choice,    // an enum with underlying type uint8_t, in the order of |choices|
  Boolean,   // bool
};

// nullptr if |text| will do, else what is wrong with it ("is not an address or network").
using TextCheck = const char* (*)(std::string_view text);

struct Param {
  std::string_view name;
  std::string_view doc;  // sentences: meaning, units, the RFC or other source if there is one
  ParamKind kind;
  std::string_view default_value;  // as TOML, read by the same parser as the file: "5m" is "\"5m\""
  double min = 0;                  // Integer, Rate, Share (0..1), Size in bytes, Duration in ms
  double max = 0;
  std::span<const std::string_view> choices = {};
  uint8_t choices_built = 255;  // choices from this index on are known but not built yet: refused
  TextCheck check = nullptr;    // Text (unless empty), each element of TextList
  void* (*member)(void* settings) = nullptr;
  // As TOML: what the sample shows instead of the default. A row without a default value must be
  // in the file.
  std::string_view example = {};
  bool fixed = false;  // at start: a reload that changes it fails, and the pages say so

  constexpr bool required() const { return default_value.empty(); }
};

// The same row, shown in the sample with another value than its default.
constexpr Param with_example(Param row, std::string_view example) {
  row.example = example;
  return row;
}
// The same row without a default: a file without it is refused.
constexpr Param required(Param row, std::string_view example) {
  row.default_value = {};
  return with_example(row, example);
}

// The same row, of what is bound, opened or given up at start.
constexpr Param fixed_at_start(Param row) {
  row.fixed = true;
  return row;
}

namespace detail {
template <class S, class V>
S owner_of(V S::*);
template <class S, class V>
V value_of(V S::*);
template <auto Member, class Value>
void* member_in(void* settings) {
  using S = decltype(owner_of(Member));
  static_assert(std::is_same_v<decltype(value_of(Member)), Value>);
  return &(static_cast<S*>(settings)->*Member);
}

template <auto Member, class Value>
constexpr Param row(ParamKind kind, std::string_view name, std::string_view doc,
                    std::string_view default_value, double min = 0, double max = 0) {
  Param made{name, doc, kind, default_value, min, max};
  made.member = &member_in<Member, Value>;
  return made;
}
}  // namespace detail

// The rows are written with these, e.g.
//   duration_param<&Limits::command_timeout>("command_timeout", "How long ...", "\"5m\"", 1s, 1h)
template <auto M>
constexpr Param integer_param(std::string_view name, std::string_view doc, std::string_view value,
                              uint32_t min, uint32_t max) {
  return detail::row<M, uint32_t>(ParamKind::Integer, name, doc, value, double(min), double(max));
}
template <auto M>
constexpr Param duration_param(std::string_view name, std::string_view doc, std::string_view value,
                               std::chrono::milliseconds min, std::chrono::milliseconds max) {
  return detail::row<M, std::chrono::milliseconds>(ParamKind::Duration, name, doc, value,
                                                   double(min.count()), double(max.count()));
}
template <auto M>
constexpr Param size_param(std::string_view name, std::string_view doc, std::string_view value,
                           uint64_t min, uint64_t max) {
  return detail::row<M, uint64_t>(ParamKind::Size, name, doc, value, double(min), double(max));
}
template <auto M>
constexpr Param rate_param(std::string_view name, std::string_view doc, std::string_view value,
                           uint32_t min, uint32_t max) {
  return detail::row<M, uint32_t>(ParamKind::Rate, name, doc, value, double(min), double(max));
}
template <auto M>
constexpr Param share_param(std::string_view name, std::string_view doc, std::string_view value,
                            double min = 0, double max = 1) {
  return detail::row<M, double>(ParamKind::Share, name, doc, value, min, max);
}
template <auto M>
constexpr Param text_param(std::string_view name, std::string_view doc, std::string_view value,
                           TextCheck check = nullptr) {
  auto made = detail::row<M, std::string>(ParamKind::Text, name, doc, value);
  made.check = check;
  return made;
}
template <auto M>
constexpr Param text_list_param(std::string_view name, std::string_view doc, std::string_view value,
                                TextCheck check = nullptr) {
  using List = std::vector<std::string>;
  auto made = detail::row<M, List>(ParamKind::TextList, name, doc, value);
  made.check = check;
  return made;
}
template <auto M>
constexpr Param choice_param(std::string_view name, std::string_view doc, std::string_view value,
                             std::span<const std::string_view> choices, uint8_t built = 255) {
  using E = decltype(detail::value_of(M));
  static_assert(std::is_enum_v<E> && std::is_same_v<std::underlying_type_t<E>, uint8_t>);
  auto made = detail::row<M, E>(ParamKind::Choice, name, doc, value);
  made.choices = choices;
  made.choices_built = built;
  return made;
}
template <auto M>
constexpr Param boolean_param(std::string_view name, std::string_view doc, std::string_view value) {
  return detail::row<M, bool>(ParamKind::Boolean, name, doc, value);
}

// What a check does with what it found, mildest first. `greylist` marks the client as suspicious
// and never delays a passed tuple or a client with standing.
enum class Action : uint8_t { Off, Note, Greylist, Defer, Reject };
inline constexpr std::string_view kActionNames[] = {"off", "note", "greylist", "defer", "reject"};

template <auto M>
constexpr Param action_param(std::string_view name, std::string_view doc, std::string_view value) {
  return choice_param<M>(name, doc, value, kActionNames);
}

// Text checks, for the rows. Names and domains are ASCII: an IDN is written in its xn-- form.
const char* check_cidr(std::string_view text);        // an address or network
const char* check_endpoint(std::string_view text);    // "ADDRESS:PORT", IPv6 as "[ADDRESS]:PORT"
const char* check_loopback(std::string_view text);    // likewise, an address of this machine only
const char* check_host_port(std::string_view text);   // "NAME-OR-ADDRESS:PORT"
const char* check_domain(std::string_view text);      // "example.com", or ".example.com"
const char* check_hostname(std::string_view text);    // RFC 5321 §4.1.2 Domain, no address literal
const char* check_dns_server(std::string_view text);  // "ADDRESS" or "ADDRESS:PORT"
const char* check_mailbox(std::string_view text);     // "user@domain"
const char* check_mailbox_pattern(std::string_view text);  // "user@domain", "user@", "@domain"
const char* check_client_pattern(std::string_view text);   // address, network, name, ".suffix"
const char* check_no_user_code(std::string_view text);     // RFC 3463 code of class 5: "5.4.1"
const char* check_word(std::string_view text);             // one word of printable ASCII
const char* check_socket_path(std::string_view text);      // fits into sockaddr_un

}  // namespace ravelin::proxy
