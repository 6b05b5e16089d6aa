// What an EHLO reply offers.                                           RFC 5321 §4.1.1.1
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/command.h"
#include "smtp/reply.h"

namespace ravelin::smtp {

struct Capabilities {
  bool esmtp = false;  // EHLO was accepted
  bool pipelining = false;
  bool eightbitmime = false;
  bool smtputf8 = false;
  bool dsn = false;
  bool enhanced_codes = false;
  bool starttls = false;
  bool size = false;
  uint64_t size_limit = 0;            // octets; 0: none stated
  std::vector<std::string> xforward;  // attribute names, upper case; empty: not offered
  std::vector<std::string> xclient;

  Offered offered() const { return {size, eightbitmime, smtputf8, dsn}; }
  bool operator==(const Capabilities&) const = default;
};

// Unknown keywords and empty lines are passed over. Keywords in any case.
Capabilities parse_ehlo_reply(const Reply& reply);
// What both offer; the smaller size limit (no limit is the largest). SIZE is offered if either has
// it: we count for ourselves, and leave the parameter out towards a backend that does not know it.
Capabilities intersect(const Capabilities& a, const Capabilities& b);
// Our EHLO reply: PIPELINING, ENHANCEDSTATUSCODES, STARTTLS and XCLIENT if they are
// offered, and what |common| has of
// SIZE, 8BITMIME, SMTPUTF8, DSN. SIZE is the smaller of |size_limit| and the backends', less
// |trace_room|.
Reply ehlo_reply(std::string_view hostname, const Capabilities& common, uint64_t size_limit,
                 uint64_t trace_room, bool starttls = false, bool xclient = false);

}  // namespace ravelin::smtp
