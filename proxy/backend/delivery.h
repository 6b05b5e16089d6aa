// DATA, the text and the reply to its end (of LMTP: the replies), on a connection whose recipients
// were accepted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/answers.h"
#include "proxy/backend/attempt.h"
#include "proxy/backend/connection.h"
#include "proxy/backend/plan.h"

namespace ravelin::proxy {

// How it ended. Without a reply the connection was lost, or the backend was too slow.
struct DeliveryEnd {
  enum class When : uint8_t {
    BeforeGo,  // no 354 yet: nothing of the message was sent, so it may be repeated elsewhere
    InText,
    AfterDot,  // without a reply nobody knows whether the backend has it      RFC 1047
  };
  When when = When::BeforeGo;
  std::optional<Judged> reply;
  ConnectionPtr connection;  // if it is of further use
  smtp::Reply heard;         // what the client shall hear
  std::string said;          // for logs
  bool silent = false;       // a timeout, not a loss
  // Of each recipient; empty if the reply, or its absence, is about all alike.
  std::vector<RecipientFate> fates;
  bool split = false;  // sent again, it may come twice to some of them
};

class Delivery final : ConnectionUser {
 public:
  class Owner {
   public:
    virtual void on_go() = 0;  // 354
    virtual void on_room() = 0;
    // The last thing that the delivery does: it may be destroyed or started again from here.
    virtual void on_delivery_end(DeliveryEnd end) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  Delivery(Reactor& reactor, Owner& owner) : reactor_(reactor), owner_(owner) {}
  ~Delivery() { abandon(); }

  // If memory runs out in these calls, check() ends it. |rcpts| are those that were accepted on the
  // connection, in order, and must stay as they are until the end.
  void start(ConnectionPtr connection, std::shared_ptr<const Plan> plan, const Route& route,
             std::span<const smtp::RcptCommand> rcpts);
  bool active() const { return connection_ != nullptr; }
  bool write(std::string_view text);  // false: wait for on_room()
  void finish() noexcept;
  // Ends it without a word to the owner. A connection inside DATA cannot be used again.
  void abandon() noexcept;
  void check(Time now);  // timeouts; calls nobody before it has returned
  bool overdue(Time now) const;

 private:
  enum class Phase : uint8_t { Asked, Text, Final };

  void on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) override;
  void on_room(BackendConnection& connection) override;
  void on_lost(BackendConnection& connection, const Lost& lost) override;
  void on_answer(smtp::Step step, const smtp::Reply& reply, bool keep);
  void on_recipient_answer(const smtp::Reply& reply);
  void end_with_all_answers();
  void expire();
  DeliveryEnd end_without_reply(std::string said);
  DeliveryEnd::When when() const;

  Reactor& reactor_;
  Owner& owner_;
  Phase phase_ = Phase::Asked;
  std::shared_ptr<const Plan> plan_;
  const Route* route_ = nullptr;
  std::span<const smtp::RcptCommand> rcpts_;
  std::vector<Judged> answers_;  // of LMTP, as far as they have come
  ConnectionPtr connection_;
  Time since_{};  // of the phase, or since when the backend takes no text
  bool blocked_ = false;
  Handle expiry_;
};

}  // namespace ravelin::proxy
