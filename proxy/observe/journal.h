// What happened, as values: dialogs, backends and the server tell it to a Journal; how it looks in
// a log is decided behind it. Everything a client said is passed raw and escaped there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dns/ip.h"
#include "smtp/command.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

// Ids of dialogs and transactions: 48 bits, ordered in time, unique in the process; written as 12
// upper-case hex digits.
using Id = uint64_t;
std::string id_text(Id id);
// Nothing unless |text| is 12 hex digits.
std::optional<Id> parse_id(std::string_view text);
// Their upper 32 bits are seconds since 2020; the lower 16 the part of a second.
Id id_at(std::chrono::system_clock::time_point wall);
std::chrono::system_clock::time_point time_of(Id id);

// The head of every line of one dialog. The strings belong to the session.
struct DialogInfo {
  Id id = 0;
  uint32_t serial = 0;  // stands in [ ] behind the program name
  dns::Endpoint client;
  std::string name;  // confirmed by FCrDNS, or ""
  std::string helo;
  bool esmtp = false;
  std::string tls;  // "TLSv1.3 TLS_AES_256_GCM_SHA384"; "" in the clear
};

// The result of a handshake.
struct Secured {
  std::string_view version;
  std::string_view cipher;
  int bits = 0;
  bool resumed = false;
  std::string_view server_name;  // asked for by the client, "" if none
};

struct VerbCount {
  uint32_t taken = 0;  // answered 2xx or 3xx
  uint32_t all = 0;
};

// Indexed by smtp::Verb.
using VerbCounts = std::span<const VerbCount>;

// What is to blame for a refusal, in the few words that a curve can be drawn for.
enum class Cause : uint8_t {
  Unknown,   // recipient, says the backend
  Greylist,  // comes later, or never
  Shield,    // against those who try names
  Check,     // of the client, HELO, the sender
  Relay,     // a rule of the house about recipients
  Backend,   // refused it for another reason
  Trouble,   // ours or the backend's: no answer
  Limit,     // a number or a size
  Access,    // the deny list
  Early,     // talked before our greeting
  Protocol,  // errors in the dialog or in the text
  NoPlace,   // no dialog at all
};
inline constexpr size_t kCauses = 12;
inline constexpr std::string_view kCauseNames[kCauses] = {
    "unknown_recipient", "greylist", "harvest_shield", "check",      "relay",    "backend",
    "trouble",           "limit",    "access_list",    "early_talk", "protocol", "no_place"};

struct Refusal {
  std::string_view stage;  // "CONNECT", "EHLO", "MAIL", "RCPT", "DATA"
  const smtp::Reply& reply;
  std::string_view subject;  // what is in <>: the recipient, "DATA", ...
  std::string_view reason;   // "Recipient address rejected", "Relay access denied", ...
  const smtp::Address* sender = nullptr;     // null before MAIL
  const smtp::Address* recipient = nullptr;  // null before RCPT
  std::string_view backend_said = {};        // "" or "host NAME[IP] said: ..."
  bool shadow = false;                       // written as reject_warning: nothing was refused
  Id transaction = 0;                        // 0: NOQUEUE
  Cause cause = Cause::Protocol;
};

// What became of one recipient of a message.
struct RecipientFate {
  enum class Kind : uint8_t {
    Sent,
    Bounced,   // refused for good: who sent the message tells its author
    Deferred,  // refused for now, or it is not known
  };
  Kind kind = Kind::Sent;
  std::string status;  // "5.2.2"
  std::string said;    // the backend's words, sanitised, or why there are none
};

// Taken for some of its recipients at least.
struct Delivered {
  Id transaction = 0;
  const smtp::Address& sender;
  std::span<const smtp::Address> recipients;
  uint64_t size = 0;                    // octets of the client's text
  std::string_view message_id;          // raw; "" if there was none
  std::string_view relay;               // "mail.internal[192.0.2.7]:25"
  std::string_view said;                // the backend's last reply, sanitised
  std::chrono::nanoseconds before{};    // MAIL to DATA
  std::chrono::nanoseconds setup{};     // connecting and asking the backend
  std::chrono::nanoseconds transfer{};  // text and final reply
  bool client_gone = false;             // it closed its side between our dot and our reply
  // Of each of |recipients|, where backends say it (LMTP); empty: all were taken, with |said|.
  std::span<const RecipientFate> fates{};
};

// What one test of a check said.
struct CheckResult {
  std::string_view check;           // "helo"
  std::string_view test;            // "literal", or "" if the check has one only
  std::string_view outcome;         // "pass", "note", "greylist", "defer", "reject"
  std::string_view saw;             // what it looked at: "client", "helo", "from", "to"
  std::chrono::nanoseconds took{};  // since the check began, look-ups included
};

// One per RCPT (tag ravelin/decision). Strings may hold anything.
struct Decision {
  Id transaction = 0;
  const smtp::Address* sender = nullptr;
  std::string_view recipient;
  std::string_view standing;  // "unknown", "passed", "good", "allowed"
  std::string_view greylist;  // "off", "exempt", "first", "early", "passed", "known"
  std::string_view checks;    // "rdns:note,helo.literal:greylist"
  std::string_view verify;    // one of kVerifyWords (journal_counters.h)
  std::string_view verdict;   // "accept", "reject", "defer"
  const smtp::Reply& reply;
  std::chrono::nanoseconds took{};
  // For those who keep it in full.
  std::span<const CheckResult> results = {};  // |checks|
  std::string_view backend_said = {};         // "" or "host NAME[IP] said: ..."
  std::chrono::nanoseconds backend_took{};    // for its answer; 0: it was not asked
};

enum class Severity : uint8_t { Info, Warning, Fatal };

// Thread-safe; never blocks.
class Journal {
 public:
  virtual ~Journal() = default;

  virtual void connected(const DialogInfo& dialog) = 0;
  virtual void disconnected(const DialogInfo& dialog, VerbCounts counts) = 0;
  virtual void refused(const DialogInfo& dialog, const Refusal& refusal) = 0;
  virtual void delivered(const DialogInfo& dialog, const Delivered& delivered) = 0;
  virtual void decided(const DialogInfo& dialog, const Decision& decision) = 0;
  // "lost connection after RCPT", "timeout after DATA", "too many errors after RCPT"
  virtual void ended(const DialogInfo& dialog, std::string_view what, std::string_view after) = 0;
  virtual void secured(const DialogInfo& dialog, const Secured& tls) = 0;
  // |trouble|: what went wrong with the handshake, in OpenSSL's words.
  virtual void not_secured(const DialogInfo& dialog, std::string_view trouble) = 0;
  virtual void pregreet(const DialogInfo& dialog, size_t bytes, std::chrono::nanoseconds after,
                        std::string_view text) = 0;
  // A dialog that got no place: the limit's name, and the 421.
  virtual void no_place(const dns::Endpoint& client, std::string_view limit) = 0;
  // What an operator should know; |text| is one line, already clean of what clients said.
  virtual void message(Severity severity, std::string_view text) = 0;
};

}  // namespace ravelin::proxy
