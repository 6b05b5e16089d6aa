// One mail transaction of a client, and what becomes of it at a backend. Holds the connection that
// accepted its recipients for as long as that is fair (the tie); without it, everything accepted is
// asked again at DATA.
//
// Memory may run out anywhere. Ending never needs any. Where something is on its way and is not
// told for want of it, the next check() does: an answer becomes a 451, an end is told again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/ahead.h"
#include "proxy/backend/attempt.h"
#include "proxy/backend/delivery.h"
#include "proxy/backend/tie.h"
#include "proxy/backend/verifier.h"

namespace ravelin::proxy {

class BackendWorker;

class Transaction final : public BackendTransaction, Attempt::Owner, Delivery::Owner {
 public:
  // |worker| and |events| must outlive it.
  Transaction(BackendWorker& worker, const smtp::MailCommand& mail, const ClientIdentity& client,
              std::string_view id, BackendEvents& events);
  ~Transaction() override;

  void recipient(const smtp::RcptCommand& rcpt) override;
  void start_data() override;
  bool write(std::string_view text) override;
  void finish() override;
  std::optional<Time> untold_since() const override { return untold_since_; }

  // --- for the worker ---
  void check(Time now);  // timeouts; calls nobody before it has returned
  void joined(const Joined& letter) noexcept;
  uint64_t number() const { return number_; }
  size_t place = 0;  // in the worker's list

 private:
  enum class Phase : uint8_t {
    Rest,       // nothing is asked
    Answering,  // the answer is known and told at the end of the turn
    Following,  // somebody else asks the same
    Asking,
    Ahead,      // text comes, and holds no connection
    Replaying,  // DATA, and there is no tie
    Sending,    // DATA, text, final reply
    Over,
  };

  // Asking (transaction.cc)
  void ask();
  void ask_tied();
  void introduce(Outcome& outcome);
  std::optional<RecipientAnswer> answer_at_hand();
  bool full() const;
  size_t domains_with_asked() const;
  bool tie_serves() const;
  bool expected() const;
  bool join();
  void leave_question() noexcept;
  void end_question(const std::shared_ptr<const SharedAnswer>& answer, bool alone) noexcept;
  std::string question_key() const;
  Attempt::Job job(Want want) const;
  void on_outcome(Outcome outcome) noexcept override;
  void conclude_question(Outcome& outcome);
  RecipientAnswer judge_mail(const Outcome& outcome) const;
  RecipientAnswer judge_rcpt(const Outcome& outcome);
  void doubt(RecipientAnswer& answer) const;
  RecipientAnswer trouble_answer(const Outcome& outcome) const;
  void share(const RecipientAnswer& answer, bool keep);
  void accept(Outcome& outcome);
  void tell(RecipientAnswer answer);
  void tell_later(RecipientAnswer answer);
  bool asks() const;
  bool late(Time now) const;
  bool due(Time now) const;
  void expire(bool late);
  void forget_unheard() noexcept;

  // Sending (transaction_data.cc)
  bool crowded() const;
  void take_ahead();
  void tell_go() noexcept;
  void open();
  void send_ahead();
  void replay();
  void conclude_replay(Outcome& outcome);
  bool same_answers(const Outcome& outcome) const;
  void send(ConnectionPtr connection);
  void on_go() override;
  void on_room() override;
  void on_delivery_end(DeliveryEnd end) noexcept override;
  void conclude_delivery() noexcept;
  void tell_end();
  void settle();
  void refuse_data(const smtp::Reply& reply, std::string said);
  FinalAnswer final_answer(const smtp::Reply& reply, std::string said) const;

  BackendWorker& worker_;
  BackendEvents& events_;
  uint64_t number_ = 0;  // of the question; unique in the process
  const std::shared_ptr<const Plan> plan_;
  const smtp::MailCommand mail_;
  const ClientIdentity client_;
  const std::string id_;
  Phase phase_ = Phase::Rest;

  const Route* route_ = nullptr;   // of the recipient that is asked for
  const Route* pinned_ = nullptr;  // of those accepted
  smtp::RcptCommand asking_;
  std::vector<smtp::RcptCommand> accepted_;
  size_t heard_ = 0;    // of these, as many the client has been told of
  bool leads_ = false;  // others may wait for our question
  std::string key_;     // of it

  Attempt attempt_;
  Tie tie_;
  Delivery delivery_;
  std::optional<RecipientAnswer> answer_;  // told at the end of the turn
  std::optional<DeliveryEnd> end_;         // still to be told
  std::unique_ptr<Ahead> ahead_;           // while there is no connection for it
  bool ended_ = false;                     // the text, in |ahead_|
  bool replayed_ = false;
  bool ready_ = false;  // our 354 was told
  bool hurt_ = false;   // memory ran out: nothing but check() goes on from here
  std::optional<Time> untold_since_;
  Time asked_at_{};
  Time data_at_{};
  std::chrono::nanoseconds setup_{};
  std::string relay_;
  Handle later_;
};

}  // namespace ravelin::proxy
