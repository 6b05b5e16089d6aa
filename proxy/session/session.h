// One client's dialog, step by step: stream -> line -> command -> legal now? -> parse -> checks ->
// greylist -> backend -> reply. Sees interfaces only: no sockets, no libevent, no DNS library.
//
// A step that has to wait pauses reading, so that nothing pipelined overtakes it, and names the
// member function that goes on. Every path of a command ends in one reply. A dialog ends in
// Stream::finish(), or by the client's leaving; both come back as on_end(), and only there, and
// where a reply of the backend comes to a client that is gone, does a session retire itself.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>

#include "proxy/backend/verifier.h"
#include "proxy/checks/check_run.h"
#include "proxy/checks/dialog_dns.h"
#include "proxy/checks/policy.h"
#include "proxy/event/stream.h"
#include "proxy/observe/dialog_record.h"
#include "proxy/observe/journal.h"
#include "proxy/overload/places.h"
#include "proxy/session/arrival.h"
#include "proxy/session/bounds.h"
#include "proxy/session/habit.h"
#include "proxy/session/held_checks.h"
#include "proxy/session/recipient_counts.h"
#include "proxy/session/services.h"
#include "proxy/session/session_view.h"
#include "proxy/session/transaction.h"
#include "proxy/standing/standing.h"
#include "smtp/command.h"
#include "smtp/dialog_state.h"
#include "smtp/replies.h"

namespace ravelin::proxy {

// Lives on one thread. Owned by the worker, which destroys it after Services::retire().
class Session final : public dns::Retirable,
                      public StreamEvents,
                      public BackendEvents,
                      public CheckRun::Events {
 public:
  // |services| must outlive it.
  Session(Services& services, std::shared_ptr<const Policy> policy, std::unique_ptr<Stream> stream,
          Arrival arrival);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Once, before the stream's first event.
  void start();
  // Looks at the clock: every second or more often. May end the dialog, never destroys it.
  void sweep(Time now);
  // The process is to end: idle dialogs hear 421 at once, transactions may end first; with |now|
  // only those live on whose text is with the backend, for its reply must be heard.
  void shut_down(bool now);
  // Since when the client of a dialog without good standing has said nothing, while it holds
  // nothing that anybody would miss; no value for any other dialog.
  std::optional<Time> doubtful_since() const;
  bool of_stranger() const;   // its place is one of those that strangers share
  bool holds_bounce() const;  // a place among those with the null sender
  // What an administrator sees of it.
  SessionView view(Time now) const;
  // An administrator ends it: the client hears 421. False: its message is behind the dot, and the
  // dialog goes on.
  bool kill();
  // Gives its place away, at once. The client hears 421.
  void yield();

  const DialogInfo& info() const { return info_; }
  // Its own id, or that of its transaction?
  bool is(Id id) const { return info_.id == id || (transaction_ && transaction_->id == id); }
  // Whose turn it is.
  enum class Phase : uint8_t {
    Greeting,  // ours: the pause before 220
    Command,   // the client's: its next command
    Securing,  // the client's: the TLS handshake
    Checks,    // ours: RCPT waits for checks
    Asking,    // the backend's: RCPT
    Opening,   // the backend's: DATA
    Text,      // the client's: the message
    Discard,   // the client's: a message that is refused already
    Final,     // the backend's: the reply to the message
    Closing,   // the stream's: finish() was called
    Over,      // retired
  };
  static constexpr size_t kPhases = static_cast<size_t>(Phase::Over);  // of those that are there
  static constexpr std::string_view kPhaseNames[kPhases] = {
      "greeting", "command", "securing", "checks", "asking",
      "opening",  "text",    "discard",  "final",  "closing"};
  Phase phase() const { return phase_; }
  // The text is with the backend: its reply is waited for, whatever happens.
  bool in_custody() const { return phase_ == Phase::Final; }

  size_t on_data(std::string_view data) override;
  void on_drained() override;
  void on_secured(const TlsFacts& facts) override;
  void on_end(StreamEnd end) override;
  void on_recipient(const RecipientAnswer& answer) override;
  void on_data_ready(const FinalAnswer& answer) override;
  void on_room() override;
  void on_final(const FinalAnswer& answer) override;
  void on_checks_done(CheckRun& run) override;

 private:
  using Handler = void (Session::*)(const smtp::Command& command);
  struct Row {
    Handler handler;
    bool junk;  // moves no mail
  };
  static const Row kCommands[];  // by smtp::Verb
  // The parts of a Refusal that differ.
  struct Why {
    std::string_view stage = {};
    std::string subject = {};
    std::string_view reason = {};
    const smtp::Address* recipient = nullptr;
    std::string_view said = {};
    bool shadow = false;
    Id transaction = 0;
    Cause cause = Cause::Protocol;
  };
  struct Count {
    uint16_t taken = 0;
    uint16_t all = 0;
  };

  // session.cc: input and ends
  size_t take(std::string_view data);
  size_t take_line(std::string_view data);
  void wait(Phase phase);
  void listen();
  void close_with(const smtp::Reply& reply);
  void close_broken(std::string_view stage, const smtp::Reply& last);
  void give_up(std::string_view what, const smtp::Reply& reply);
  void reset();
  void retire_backend();
  void end();
  void out_of_memory();
  // Every call from outside runs in here. |act| is not kept.
  template <class Act>
  void survive(const Act& act) {
    try {
      act();
    } catch (const std::bad_alloc&) {
      out_of_memory();
    }
  }

  // session_connect.cc: until 220
  void begin();
  bool refuse_denied();
  void look_up_name();
  void on_name();
  void on_pause_over();
  void greet_if_ready();
  size_t on_early_talk(std::string_view data);
  bool trusted() const { return allowed() || grade_ == Grade::Good; }
  bool allowed() const { return access_ == Access::Allow; }
  bool has_standing() const { return allowed() || grade_ != Grade::Unknown; }
  std::chrono::milliseconds pause() const;

  // session_commands.cc
  void on_command(std::string_view line, bool more);
  bool forgives(const smtp::Reply& refusal);
  bool too_much(const Row& row);
  void on_helo(const smtp::Command& command);
  void on_ehlo(const smtp::Command& command);
  bool take_helo(const smtp::Command& command, bool esmtp, const smtp::Offered& offered);
  void on_rset(const smtp::Command& command);
  void on_noop(const smtp::Command& command);
  void on_vrfy(const smtp::Command& command);
  void on_help(const smtp::Command& command);
  void on_quit(const smtp::Command& command);
  void on_refused(const smtp::Command& command);

  // session_tls.cc
  void on_starttls(const smtp::Command& command);
  void secure(bool alone);
  void say_not_secured();

  // session_xclient.cc
  void on_xclient(const smtp::Command& command);
  void forget_greeting();
  void become(const dns::Endpoint& client, std::optional<dns::Fcrdns> name);

  // session_mail.cc
  void on_mail(const smtp::Command& command);
  bool too_big(const smtp::MailCommand& mail);
  void refuse_mail(const smtp::MailCommand& mail, const smtp::Reply& why, std::string_view reason);
  CheckInput check_input();
  uint64_t message_limit() const;

  // session_rcpt.cc: check it, filter it (may wait), proceed
  void on_rcpt(const smtp::Command& command);
  const smtp::Reply* no_more_recipients() const;
  void refuse_excess(const smtp::Reply& full, const smtp::Command& command);
  void check_rcpt();
  bool settled() const;
  const Finding* broken_rule() const;
  const Finding* held_refusal() const;
  void judge_rcpt();
  Why why_of(const Finding& finding) const;
  // About the recipient that is pending.
  Why why_of_rcpt(Cause cause) const;
  void refuse_rcpt(const Finding& finding);
  bool answers_others() const;
  bool looks_like_bot() const;
  Asked asked_as() const;
  bool shielded();
  void shield_rcpt();
  void greylist_rcpt();
  VerifyOrder verify_order() const;
  std::unique_ptr<BackendTransaction> begin_backend();
  std::optional<dns::Endpoint> server() const;
  void ask_backend();
  void finish_question(const RecipientAnswer& answer);
  void finish_rcpt(const RecipientAnswer& answer);
  // The end of each RCPT that was judged.
  enum class Refusing : uint8_t { AsItIs, MayCapture };
  void answer_rcpt(const smtp::Reply& said, Refusing how = Refusing::AsItIs);
  static std::string_view verify_word(const RecipientAnswer& answer);
  static Cause cause_of(const RecipientAnswer& answer);
  void count_recipient(const RecipientAnswer& answer);

  // session_greylist.cc
  GreylistAnswer greylist_applies(const smtp::Address& recipient) const;
  bool is_suspicious() const;
  std::string_view organisation_of_client();
  Greylist::Tuple tuple(const smtp::Address& recipient);
  bool would_defer();
  Greylist::Result ask_greylist(const smtp::Address& recipient);
  bool greylist_defers();
  Why greylisted_why() const;
  void defer_rcpt(std::string_view verify, const RecipientAnswer* answer = nullptr);
  bool greylist_defers_data();

  // session_data.cc
  void on_data(const smtp::Command& command);
  void begin_text();
  std::string received() const;
  void keep_apart(std::string& text, size_t begin) const;
  size_t take_text(std::string_view data);
  void write_text(std::string_view text);
  size_t discard_text(std::string_view data);
  void refuse_text(const smtp::Reply& refusal, std::string_view said, Cause cause);
  void end_text();
  void end_discard();
  void finish_data(const FinalAnswer& answer);
  void say_delivered(const smtp::Reply& last, const FinalAnswer& answer);
  static bool taken_by_some(const FinalAnswer& answer);
  void say_undelivered(const smtp::Reply& last, const FinalAnswer& answer);

  // session_capture.cc
  bool captures_rcpt(const smtp::Reply& refusal);
  bool may_be_captured();
  void refuse_beside_capture(const RecipientAnswer& answer);
  void begin_capture();
  void keep_text(std::string_view text);
  void end_capture();
  void store_capture(bool whole);

  // session_time.cc
  bool reads_slowly(Time now);
  std::chrono::nanoseconds longest_look_up() const;
  bool backend_is_mute(Time now) const;
  void end_unanswered();
  void sweep_text(Time now);

  // session_trace.cc
  void trace_command(std::string_view line, smtp::Verb verb) noexcept;
  void trace_reply(std::string_view wire) noexcept;
  void trace_note(std::string_view what) noexcept;
  void trace_text() noexcept;

  // session_reply.cc: replies and the journal
  void write(const smtp::Reply& reply);
  void reply(const smtp::Reply& reply);
  void error(const smtp::Reply& reply);
  void syntax_error(std::string_view stage, const smtp::Command& command,
                    const smtp::SyntaxError& what);
  smtp::Reply with_id(const smtp::Reply& reply) const;
  void count_taken();
  std::string_view after() const;
  void say_connected();
  void say_ended(std::string_view what);
  void say_disconnected();
  void say_refused(const smtp::Reply& reply, const Why& why);
  std::string_view standing_word() const;
  void say_decided(const smtp::Reply& reply, std::string_view verify,
                   const RecipientAnswer* answer = nullptr);
  std::vector<CheckResult> results() const;
  void begin_record(const RecordOptions& options);
  // Puts something down, if that is wanted. It explains, and nothing depends on it: if there is no
  // memory for it, it is left out.
  template <class Act>
  void note(const Act& act) {
    const auto* const options = services_.recording();
    if (options == nullptr) return;
    try {
      if (!record_) begin_record(*options);
      act(*record_, services_.reactor.now());
    } catch (const std::bad_alloc&) {
    }
  }

  const Limits& limits() const { return services_.limits(has_standing()); }
  const Config& config() const { return policy_->config(); }
  bool shadow() const { return policy_->shadow(); }

  Services& services_;
  const std::shared_ptr<const Policy> policy_;
  std::unique_ptr<Stream> stream_;  // null once the client is gone and the backend is waited for
  Places::Place place_;
  DialogInfo info_;
  const uint32_t listener_;
  bool introduced_;  // by somebody whose connection this is
  Access access_;
  Grade grade_;  // as of the connection, then of each MAIL
  Phase phase_ = Phase::Greeting;
  smtp::Verb verb_ = smtp::Verb::Unknown;  // the last command, for the log
  bool spoken_ = false;                    // there was a command
  bool said_connected_ = false;
  bool pause_over_ = false;
  bool draining_ = false;
  bool doomed_ = false;        // ends at the next sweep
  bool unknown_seen_ = false;  // some recipient was unknown
  smtp::DialogState state_;
  smtp::Offered offered_;  // in our EHLO reply; nothing after HELO
  uint16_t junk_ = 0;
  uint64_t backend_size_ = 0;  // the least limit of the backends as of then; 0: none
  Time arrived_{};
  Time unread_since_{};  // since when some of our replies waits for the client to read; or nothing
  Time since_{};         // when the phase began, or, in Text, when the client last sent something
  std::array<Count, kVerbs> counts_{};
  DialogDns dns_;
  dns::Handle timer_;      // the pause before the greeting
  dns::Handle handshake_;  // our place among them
  HeldChecks held_;
  Habit habit_;
  uint16_t errors_ = 0;
  RecipientCounts recipients_;
  std::unique_ptr<DialogRecord> record_;  // once there is something to put down
  std::unique_ptr<MailTransaction> transaction_;
};

}  // namespace ravelin::proxy
