// What is known of a living connection to a backend: what it offers, and how much of the backend's
// patience is used up. Moves with the connection from thread to thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/ip.h"
#include "dns/reactor.h"
#include "proxy/backend/secrecy.h"
#include "proxy/config/config.h"
#include "smtp/capabilities.h"

namespace ravelin::proxy {

struct Facts {
  dns::Endpoint peer;
  std::string greeting_name;  // what the backend calls itself, in lower case; no client hears it
  std::optional<dns::IpAddress> our_address;  // as the backend's EHLO reply names us
  std::optional<dns::IpAddress> local;        // of our end
  smtp::Capabilities offers;
  std::shared_ptr<const Secrecy> secrecy;  // that it was opened under
  std::string tls{};                       // "TLSv1.3"; "": in the clear
  bool verified = false;                   // the certificate is the backend's
  bool lmtp = false;                       // LHLO: the end of a text has a reply for each recipient
  bool exim = false;                       // its banner says so
  bool mail_open = false;                  // a MAIL was taken and not ended: RSET first
  bool reused = false;                     // has served a question before: may be stale
  // It speaks for one client, and serves one transaction: nobody else may ever have it.
  bool introduced = false;
  dns::Time opened{};
  uint32_t mails = 0;
  uint32_t rcpts = 0;                // since the last MAIL
  std::vector<std::string> domains;  // in RCPTs; empty where the backend states no limit for them
  uint32_t refusals = 0;             // of anything, since the last accepted message
  uint32_t resets = 0;               // likewise
  uint32_t accepted = 0;             // messages

  // LIMITS of its EHLO reply                                             RFC 9422 §4
  bool takes_rcpt() const { return offers.rcpt_max == 0 || rcpts < offers.rcpt_max; }
  bool takes_domain(std::string_view domain) const {
    return domains.size() < offers.rcpt_domain_max || offers.rcpt_domain_max == 0 || knows(domain);
  }
  void note_domain(std::string_view domain) {
    if (offers.rcpt_domain_max != 0 && !knows(domain)) domains.emplace_back(domain);
  }
  bool knows(std::string_view domain) const {
    return std::find(domains.begin(), domains.end(), domain) != domains.end();
  }

  void message_accepted() {
    ++accepted;
    refusals = 0;
    resets = 0;
    mail_open = false;
  }
};

// When to leave a connection and take a new one, before the backend begins to punish us. Postfix
// answers everything after a 1 s pause from the 10th refusal on; Exim counts RSETs as junk and lets
// mail after the 10th message of a connection wait for its queue runner.
struct Rotation {
  uint32_t max_refusals = 9;
  uint32_t max_resets = 9;
  uint32_t max_mails = 90;
  uint32_t max_accepted_exim = 10;
  std::chrono::nanoseconds max_age = std::chrono::minutes(4);

  uint32_t most_mails(const Facts& facts) const {
    const auto stated = facts.offers.mail_max;
    return stated == 0 ? max_mails : std::min(max_mails, stated);
  }
  bool refused_enough(const Facts& facts) const { return facts.refusals >= max_refusals; }
  bool worn(const Facts& facts, dns::Time now) const {
    return refused_enough(facts) || facts.resets >= max_resets ||
           facts.mails >= most_mails(facts) ||
           (facts.exim && facts.accepted >= max_accepted_exim) || now - facts.opened >= max_age;
  }
  // How many more questions may be asked before the last one's answer is there, if each may be
  // answered by |refusals| refusals.
  uint32_t room_behind(const Facts& facts, uint32_t refusals) const {
    const auto left = [](uint32_t most, uint32_t used) { return most - std::min(most, used); };
    const auto refused = left(max_refusals, facts.refusals) / refusals;
    return std::min(
        {left(refused, 1), left(max_resets, facts.resets), left(most_mails(facts), facts.mails)});
  }
  // One more question will do: time to open the next one.
  bool nearly_worn(const Facts& facts) const {
    return facts.refusals + 1 >= max_refusals || facts.resets + 1 >= max_resets ||
           facts.mails + 1 >= most_mails(facts);
  }
};

}  // namespace ravelin::proxy
