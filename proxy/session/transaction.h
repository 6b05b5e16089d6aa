// One mail transaction of a dialog: from MAIL to whatever ends it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/backend/verifier.h"
#include "proxy/capture/captures.h"
#include "proxy/checks/check_run.h"
#include "proxy/event/stream.h"
#include "proxy/standing/greylist.h"
#include "smtp/command.h"
#include "smtp/data_reader.h"

namespace ravelin::proxy {

// What the greylist said, for the decision line.
enum class GreylistAnswer : uint8_t {
  Off,     // not asked: it is off, or does not apply to this client or at this point
  Exempt,  // not asked: an exception
  First,
  Early,
  Passed,
  Known,
  Full,
  Ask,  // not an answer yet
};
std::string_view greylist_answer_name(GreylistAnswer answer);
GreylistAnswer greylist_answer(Greylist::Kind kind);

// The recipient that is being judged.
struct PendingRcpt {
  smtp::RcptCommand rcpt;
  Time asked{};
  bool role = false;  // postmaster or abuse
  GreylistAnswer greylist = GreylistAnswer::Off;
  std::chrono::seconds left{};    // if the greylist defers
  std::unique_ptr<CheckRun> run;  // of Stage::Rcpt
  std::vector<Finding> said;
  // For verify.order = "before-greylist": asks about a recipient that will be deferred, and so must
  // not become part of the transaction that carries mail.
  std::unique_ptr<BackendTransaction> question;
};

// The text on its way. Times are of Reactor::now().
struct TextFlow {
  explicit TextFlow(const smtp::DataLimits& limits, Time now) : reader(limits), began(now) {}

  smtp::DataReader reader;
  Time began;
  Time held_since{};                   // while the backend takes no more
  std::chrono::nanoseconds held{};     // not the client's time: outside the minimum rate
  uint64_t octets = 0;                 // from the client; since it was refused, if it was
  bool traced = false;                 // our Received line is on its way
  bool started = false;                // and something of the message itself
  bool full = false;                   // the backend takes no more for now
  std::optional<smtp::Reply> refusal;  // the text is discarded, and this is what comes of it
};

// A transaction that is refused as a whole, and let go on: see session_capture.cc.
struct CaptureFlow {
  std::unique_ptr<CapturePlace> place;
  smtp::Reply refusal;          // of the first recipient; what is said at the end
  std::vector<std::string> to;  // recipients that were refused, and heard 250
  std::string text;             // at most place->message_size()
};

// Order of members: the backend is given back before what it may refer to.
struct MailTransaction {
  explicit MailTransaction(smtp::MailCommand command, Id id_of, Time now)
      : mail(std::move(command)), id(id_of), began(now) {}

  const smtp::MailCommand mail;
  const Id id;
  const Time began;
  Handle bounce;              // its place among those with the null sender, if it needs one
  uint32_t asked = 0;         // RCPTs, whatever came of them
  uint32_t excess = 0;        // RCPTs beyond the limit
  bool data_refused = false;  // DATA came, and there was no recipient
  bool hope = false;          // some recipient was taken, or may be when it comes again
  std::vector<smtp::Address> accepted;      // recipients
  std::optional<std::string> organisation;  // of the client, once it was needed
  std::optional<PendingRcpt> pending;
  std::unique_ptr<TextFlow> text;  // from 354 to the last reply
  std::unique_ptr<CaptureFlow> capture;
  std::unique_ptr<BackendTransaction> backend;
};

}  // namespace ravelin::proxy
