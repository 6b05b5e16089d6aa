// Whose fault is it? What a backend's reply means for the client, for the connection, for the
// shared negative answers and for the operator. A pure function: the table of all cases is here
// and nowhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dns/ip.h"
#include "smtp/backend_dialog.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

enum class Fault : uint8_t {
  None,   // the backend agrees
  User,   // a refusal that the sender shall hear as it is
  Later,  // the backend's own 4xx about this sender, recipient or message: 451 (452 stays)
  Busy,   // 421, or 452 "too many": about this connection; a reused one is replaced once
  Ours,   // about us or our connection, not about the mail: 451
};

struct Judgement {
  Fault fault = Fault::None;
  bool unknown = false;    // "no such user": counts against the client's standing
  bool cacheable = false;  // may be kept and told to other clients
  bool alarm = false;      // an operator should know
  bool discard = false;    // the connection is of no further use

  bool operator==(const Judgement&) const = default;
};

struct JudgeContext {
  // client_info none or xforward: the backend sees our address as the client's, so what it holds
  // against a client's address it holds against us.
  bool sees_us_as_client = true;
  std::span<const std::string> unknown_codes{};  // "5.4.1": more codes that mean "no such user"
  std::span<const dns::IpAddress> own_addresses{};
  const dns::IpAddress* seen_as = nullptr;  // what the backend itself calls us
  const dns::IpAddress* local = nullptr;    // of our end of the connection
  std::string_view hostname{};              // what we call ourselves to it
  // What the client said and a backend may repeat: words in it are not the backend's.
  std::string_view sender{};
  std::string_view recipient{};
};

// |reply| answers |step|. Any step and any reply; never throws.
Judgement judge(smtp::Step step, const smtp::Reply& reply, const JudgeContext& context);

// Is |address| in |text|, not as a part of a longer one?
bool names_address(std::string_view text, const dns::IpAddress& address);

}  // namespace ravelin::proxy
