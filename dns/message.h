// A DNS message, taken apart (RFC 1035 §4). Strict about the frame: a message whose records do not
// fill it exactly is no message. What is inside a record is judged by whoever needs it, so one
// broken record among good ones does not cost the good ones.
//
// Why not ares_parse_*_reply: they refuse the whole set for one bad name, accept names that are
// none, give no TTL for PTR, and know nothing of negative answers' SOA.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dns/name.h"

namespace ravelin::dns {

enum class RrType : uint16_t {
  A = 1,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Mx = 15,
  Aaaa = 28,
  Opt = 41,
};

constexpr uint16_t kClassIn = 1;

struct Record {
  WireName owner;
  RrType type{};
  uint16_t klass = 0;
  uint32_t ttl = 0;  // seconds
  size_t at = 0;     // where its data begins in the message
  size_t size = 0;   // bytes of data; always inside the message
};

struct Message {
  static constexpr size_t kMaxAnswers = 256;   // the rest is checked but not kept
  static constexpr size_t kMaxAuthority = 16;  // likewise

  bool response = false;
  bool truncated = false;  // then there are no records: what was cut is not worth guessing at
  int opcode = 0;
  int rcode = 0;  // with the upper bits of EDNS, RFC 6891 §6.1.3

  WireName name;  // of the only question
  RrType type{};
  uint16_t klass = 0;

  std::vector<Record> answers;
  std::vector<Record> authority;
};

// nullopt if |bytes| is not a message with exactly one question. Records keep offsets into |bytes|.
std::optional<Message> parse_message(std::span<const uint8_t> bytes);

}  // namespace ravelin::dns
