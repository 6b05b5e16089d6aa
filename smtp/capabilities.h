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
  bool requiretls = false;  // to be believed of a server whose certificate was checked
  bool size = false;
  uint64_t size_limit = 0;            // octets; 0: none stated
  uint32_t mail_max = 0;              // MAILs of a connection; 0: none stated
  uint32_t rcpt_max = 0;              // RCPTs of a transaction; likewise
  uint32_t rcpt_domain_max = 0;       // domains in the RCPTs of a connection; likewise
  std::vector<std::string> xforward;  // attribute names, upper case; empty: not offered
  std::vector<std::string> xclient;

  Offered offered() const { return {size, eightbitmime, smtputf8, dsn, requiretls}; }
  bool operator==(const Capabilities&) const = default;
};

// Unknown keywords and empty lines are passed over. Keywords in any case.
Capabilities parse_ehlo_reply(const Reply& reply);
// What both offer; the smaller size limit (no limit is the largest). SIZE is offered if either has
// it: we count for ourselves, and leave the parameter out towards a backend that does not know it.
Capabilities intersect(const Capabilities& a, const Capabilities& b);
// What of our EHLO reply is ours to say.
struct OwnOffers {
  uint64_t size_limit = 0;  // octets; 0: none
  uint64_t trace_room = 0;  // octets that we add to a message
  bool starttls = false;
  uint32_t rcpt_max = 0;  // RCPTs of a transaction; 0: as many as the backends take
  bool xclient = false;
};
// Our EHLO reply: PIPELINING, ENHANCEDSTATUSCODES, STARTTLS, XCLIENT, and what |common| has of
// SIZE, 8BITMIME, SMTPUTF8, DSN, REQUIRETLS. SIZE is the smaller of ours and the backends', less
// the room for what we add; LIMITS RCPTMAX the smaller of both. The other two LIMITS are of a
// connection, and the backends' connections are none of the client's.
Reply ehlo_reply(std::string_view hostname, const Capabilities& common, const OwnOffers& own);

}  // namespace ravelin::smtp
