// What a DNS message says about a question.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "dns/resolver.h"

namespace ravelin::dns {

// Records beyond these are left out: nobody honest has more, and what a stranger's server sends
// must not fill our memory.
constexpr size_t kMaxAddresses = 30;
constexpr size_t kMaxNames = 10;
constexpr size_t kMaxMx = 20;
constexpr int kMaxAliases = 10;  // CNAMEs in a row; resolvers stop at about that many themselves

struct Reading {
  Answer answer;
  // How long the answer may be kept, in seconds: the least TTL on the way to it; for "no", what the
  // zone's SOA says (RFC 2308 §5). nullopt if the message does not say.
  std::optional<std::chrono::seconds> ttl;
  bool truncated = false;  // nothing known yet: ask again over TCP
};

// The wire number of |type|.
uint16_t number_of(Type type);

// |question.name| must be a canonical query name. A message that is broken, that answers something
// else, that contradicts itself or that does not come to an end of its aliases is a TempFail.
Reading read_answer(const Question& question, std::span<const uint8_t> message);

}  // namespace ravelin::dns
