// One run of MAIL and RCPTs against the backends of a route: finds a connection, says what is to be
// said in one write, collects the replies. Used to ask about a recipient, to repeat accepted ones
// at DATA, and by probes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/backend/fault_table.h"
#include "proxy/backend/plan.h"
#include "proxy/backend/pool.h"
#include "proxy/backend/verifier.h"
#include "smtp/command.h"

namespace ravelin::proxy {

class BackendWorker;

struct Judged {
  smtp::Reply reply;
  Judgement judgement;
};

// Why there is no answer.
enum class Trouble : uint8_t {
  None,
  Unreachable,  // no backend of the route could be connected to
  Lost,         // the connection broke in mid-dialog
  Confused,     // what it said is about us or our connection
  Lacks,        // no backend offers what the message needs
};

struct Outcome {
  Trouble trouble = Trouble::None;
  bool stale = false;  // in trouble: it was the connection's, and another one may do better
  // With its MAIL open if that was accepted; null if there is trouble.
  ConnectionPtr connection;
  std::optional<Judged> mail;  // none when only another RCPT was asked
  std::vector<Judged> rcpts;   // one for each asked, in order; not to be read if MAIL was refused
  std::string relay;           // of the backend asked last; "" if none
  std::string said;            // its words, in trouble
};

// Does the message need something that such a backend does not offer?
bool lacks(const smtp::Capabilities& offers, const smtp::MailCommand& mail,
           std::span<const smtp::RcptCommand> rcpts);

class Attempt final : ConnectionUser, Request, Pipelined {
 public:
  class Owner {
   public:
    // The last thing that the attempt does: it may be destroyed or started again from here.
    virtual void on_outcome(Outcome outcome) noexcept = 0;

   protected:
    ~Owner() = default;
  };
  // What is asked. What it points to must stay as it is until the outcome.
  struct Job {
    std::shared_ptr<const Plan> plan;
    const Route* route = nullptr;  // of |plan|
    const smtp::MailCommand* mail = nullptr;
    std::span<const smtp::RcptCommand> rcpts;
    const ClientIdentity* client = nullptr;  // null: nobody (a probe)
    std::string_view id;
    Want want = Want::Question;
    bool fresh = false;  // not on a used connection
    bool named = false;  // on one that speaks for |client|
  };

  // Both must outlive it.
  Attempt(BackendWorker& worker, Owner& owner) : worker_(worker), owner_(owner) {}
  ~Attempt() { cancel(); }

  // An outcome now (then always trouble), or later through the owner.
  std::optional<Outcome> start(Job job);
  // Another recipient on a connection that has this job's MAIL open.
  void ask_more(ConnectionPtr connection, Job job);
  // Memory has run out in the middle of it: no outcome will come.
  bool broken() const {
    return running_ && (broken_ || (connection_ != nullptr && !connection_->usable()));
  }
  const Waiter& asker() const { return waiter; }
  // What time brings; calls nobody before it has returned.
  void check(Time now) noexcept;
  // Ends it without an outcome. |silent|: it took too long, so the connection is of no use.
  void cancel(bool silent = false) noexcept;

 private:
  void on_connection(ConnectionPtr connection) noexcept override;
  void on_no_connection(const Lost& lost) noexcept override;
  const ClientIdentity* speaks_for() const override { return job_.named ? job_.client : nullptr; }
  bool may_follow(const BackendConnection& connection) const override;
  void follow(BackendConnection& connection) noexcept override;
  void on_turn(ConnectionPtr connection) noexcept override;
  void on_cut_off() noexcept override;
  void on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) override;
  void on_lost(BackendConnection& connection, const Lost& lost) override;

  std::optional<Outcome> acquire();
  std::optional<Outcome> next_backend(Trouble why);
  void begin();
  void say(BackendConnection& connection);
  void say_xforward(BackendConnection& connection);
  void say_rcpts(BackendConnection& connection);
  bool shares(const BackendConnection& connection) const;
  void resume_later() noexcept;
  void resume() noexcept;
  void leave_pipeline() noexcept;
  bool use(ConnectionPtr connection);
  bool crowded(const BackendConnection& connection) const;
  void make_room(ConnectionPtr connection) noexcept;
  template <class Act>
  void survive(const Act& act) noexcept;
  void connection_failed(Trouble why, std::string said, bool stale);
  void note(smtp::Step step, const smtp::Reply& reply, const Judgement& judgement);
  Judgement judged(smtp::Step step, const smtp::Reply& reply) const;
  void finish() noexcept;

  BackendWorker& worker_;
  Owner& owner_;
  Job job_;
  bool running_ = false;
  bool broken_ = false;
  bool more_ = false;      // on a connection that was given
  bool repeated_ = false;  // a stale connection was replaced
  bool cut_off_ = false;   // from behind another's question, and not asked again yet
  bool alone_ = false;     // once cut off, not behind others again
  size_t candidate_ = 0;
  Trouble trouble_ = Trouble::None;  // the last, while others are tried
  Pool* waiting_at_ = nullptr;
  BackendConnection* behind_ = nullptr;  // in whose pipeline it is
  ConnectionPtr connection_;
  Time said_at_{};
  Outcome outcome_;
  Handle resume_;
};

}  // namespace ravelin::proxy
