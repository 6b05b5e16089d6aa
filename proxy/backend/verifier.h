// What a dialog sees of the mail servers behind us. Verification is the relay transaction: the
// recipient is verified by asking the backend, with the real sender, on the connection that will
// carry the mail. Which connection that is, whether it was kept until DATA or the accepted
// recipients are asked again there, which of several backends it is: nothing of that is seen here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/idn.h"
#include "dns/ip.h"
#include "dns/reactor.h"
#include "proxy/observe/journal.h"
#include "smtp/capabilities.h"
#include "smtp/command.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

// Who sends, for XFORWARD, XCLIENT and PROXY, and for fairness. Everything in it has been checked
// or sanitised.
struct ClientIdentity {
  dns::Endpoint address;
  std::optional<dns::Endpoint> server{};  // of ours, that it has reached
  std::string name;                       // "" unless confirmed by FCrDNS
  bool name_unsure = false;               // the DNS has not said (yet) whether there is one
  std::string helo;
  bool esmtp = false;
  bool good = false;   // good standing: served before others
  bool known = false;  // any standing: stays out of the shared negative answers
};

// Why an answer is what it is: for the log, for standing, for counters.
enum class AnswerSource : uint8_t {
  Backend,     // it said so, to this question
  Shared,      // it said so to an equal question in flight, or less than negative_ttl ago
  File,        // route.recipients_file
  OurTrouble,  // no backend could be asked, or what it said is about us: 451
  Breaker,     // many known recipients vanished at once: 451 until it is clear why
  Pinned,      // another backend than that of the recipients before: 452
  Full,        // one recipient more than this transaction may have: 452
};

struct RecipientAnswer {
  smtp::Reply reply;  // what the client hears; never names a backend
  AnswerSource source = AnswerSource::Backend;
  bool unknown = false;  // "no such user": counts against the client's standing
  std::string relay;     // "mail.internal[192.0.2.7]:25" for logs; "" if none was asked
  std::string said;      // the backend's own words for logs, sanitised; "" if none
  std::chrono::nanoseconds took{};

  bool accepted() const { return reply.positive(); }
};

struct FinalAnswer {
  smtp::Reply reply;  // ours to the client; positive only after the backend's 250 to the dot
  std::string relay;
  std::string said;
  bool maybe_delivered = false;  // the dot was sent and no reply of use came (RFC 1047)
  // Of each recipient, in the order in which they were accepted, if the backend told each apart;
  // empty: |reply| is about all.
  std::vector<RecipientFate> fates{};
  std::chrono::nanoseconds setup{};     // connecting and asking
  std::chrono::nanoseconds transfer{};  // text and final reply
};

// Called on the loop's thread, never from inside a call into the transaction.
class BackendEvents {
 public:
  virtual void on_recipient(const RecipientAnswer& answer) = 0;
  // To start_data(): positive (354) or the refusal that the client shall hear. Where connections
  // are short the text may be taken before there is one for it; the backend's refusal of DATA is
  // then on_final()'s.
  virtual void on_data_ready(const FinalAnswer& answer) = 0;
  virtual void on_room() = 0;  // write() may go on
  // After finish(), the end. Or before it, and then never positive: the backend is lost while the
  // text was on its way; the text that still comes from the client goes nowhere.
  virtual void on_final(const FinalAnswer& answer) = 0;

 protected:
  ~BackendEvents() = default;
};

// One mail transaction's way through a backend. One call at a time: recipient() until its answer,
// then the next; start_data() once, after at least one recipient was accepted.
// Destroying it gives back whatever it holds; after finish() and before on_final() it must be kept.
class BackendTransaction : public dns::Retirable {
 public:
  virtual ~BackendTransaction() = default;

  // The address as Verifier::canonicalise() leaves it.
  virtual void recipient(const smtp::RcptCommand& rcpt) = 0;
  virtual void start_data() = 0;
  // |text| is clean message text (smtp/data_reader.h), our Received: line first; stuffing is done
  // here. Returns false when the backend takes no more for now: stop until on_room().
  virtual bool write(std::string_view text) = 0;
  // Sends what is left and the dot. From here on the reply is always waited for.
  virtual void finish() = 0;
  // Since when something is due to be told that there was no memory to tell. It is tried again and
  // again; who cannot wait for it any longer destroys the transaction, be it after finish().
  virtual std::optional<dns::Time> untold_since() const { return {}; }
};

// One per worker.
class Verifier {
 public:
  virtual ~Verifier() = default;

  // Do we serve this domain (lower case)?
  virtual bool serves(std::string_view domain) const = 0;
  // The domain that <postmaster> without one belongs to.
  virtual std::string_view first_domain() const = 0;
  // |to| as it is looked up, logged and asked for: <postmaster> gets our first domain, and U-labels
  // become A-labels, so that a domain is one however it is spelled, and is what the backend's
  // own lists have.
  void canonicalise(smtp::Address& to) const {
    to.domain = to.domain.empty() ? std::string(first_domain()) : dns::to_a_labels(to.domain);
  }
  // What all backends of all routes offer: the base of our EHLO reply.
  virtual smtp::Capabilities offered() const = 0;
  // |events| must outlive the transaction.
  virtual std::unique_ptr<BackendTransaction> begin(const smtp::MailCommand& mail,
                                                    const ClientIdentity& client,
                                                    std::string_view id, BackendEvents& events) = 0;
};

}  // namespace ravelin::proxy
