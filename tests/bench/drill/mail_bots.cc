// Bots that want to get mail in. Retrying: to random recipients, again and again what was deferred,
// from the same address, as the ones that beat plain greylisting. Valid: to recipients that exist.
// Tls: as retrying, behind STARTTLS where it is offered.
#include <deque>

#include "tests/bench/drill/bot.h"
#include "tests/bench/drill/names.h"

namespace ravelin::drill {
namespace {

constexpr size_t kMostDeferred = 50;  // a bot works through a list; the oldest are forgotten
constexpr size_t kSpamSize = 1500;

class MailBot final : public Bot {
 public:
  MailBot(Script script, World& world, Group& group, const Identity& identity)
      : Bot(world, group, identity), script_(script) {}

 private:
  struct Message {
    std::string sender, recipient;
    Seconds due{};
  };

  void begin() override {
    choose();
    if (!call()) return rest();
    be_patient();
  }

  // What is due again, or a new one.
  void choose() {
    if (!deferred_.empty() && deferred_.front().due <= world_.loop.now()) {
      message_ = std::move(deferred_.front());
      deferred_.pop_front();
      return;
    }
    message_ = {sender(), script_ == Script::Valid ? random_mailbox() : nobody(), {}};
  }

  void on_reply(Step step, const Reply& reply) override {
    be_patient();
    switch (step) {
      case Step::Greeting:
        return reply.positive() ? hello() : over(reply);
      case Step::Helo:
        if (!reply.positive()) return over(reply);
        if (script_ == Script::Tls && !connection().secured() && reply.offers("STARTTLS"))
          return say(Step::StartTls, "STARTTLS");
        return say(Step::Mail, "MAIL FROM:<" + message_.sender + ">");
      case Step::StartTls:
        return reply.positive() ? secure() : over(reply);
      case Step::Mail:
        if (!reply.positive()) return over(reply);
        return say(Step::Rcpt, "RCPT TO:<" + message_.recipient + ">");
      case Step::Rcpt:
        return reply.positive() ? say(Step::Data, "DATA") : over(reply);
      case Step::Data:
        return reply.go_on() ? send_text() : over(reply);
      case Step::Text:
        return over(reply);
      default:  // QUIT's, or a 421
        return rest();
    }
  }
  void on_tls() override { hello(); }

  void hello() { say(Step::Helo, "EHLO " + identity_.helo); }

  void send_text() {
    send_raw(message_text(message_.sender, message_.recipient, std::to_string(random_.next()),
                          kSpamSize));
    say(Step::Text, ".");
  }

  void over(const Reply& reply) {
    if (reply.later()) {
      message_.due = world_.loop.now() + settings().retry;
      deferred_.push_back(std::move(message_));
      if (deferred_.size() > kMostDeferred) deferred_.pop_front();
    }
    if (random_.chance(settings().no_quit)) return rest();
    say(Step::Quit, "QUIT");
  }

  const Script script_;
  Message message_;
  std::deque<Message> deferred_;  // by the time they are due
};

// Goes through a dictionary, many recipients a dialog. One in fifty exists.
class HarvestingBot final : public Bot {
 public:
  using Bot::Bot;

 private:
  static constexpr size_t kOneExistsIn = 50;

  void begin() override {
    left_ = settings().rcpts;
    if (!call()) return rest();
    be_patient();
  }

  void on_reply(Step step, const Reply& reply) override {
    be_patient();
    switch (step) {
      case Step::Greeting:
        if (!reply.positive()) return leave();
        return say(Step::Helo, "EHLO " + identity_.helo);
      case Step::Helo:
        if (!reply.positive()) return leave();
        return say(Step::Mail, "MAIL FROM:<" + sender() + ">");
      case Step::Mail:
        return reply.positive() ? ask() : leave();
      case Step::Rcpt:
        return reply.code == 421 ? rest() : ask();
      case Step::Rset:
        return leave();
      default:
        return rest();
    }
  }

  void ask() {
    if (left_ == 0) return say(Step::Rset, "RSET");
    --left_;
    const bool exists = random_.below(kOneExistsIn) == 0;
    const auto recipient =
        exists ? random_mailbox() : dictionary_local_part(random_) + "@" + settings().domain;
    say(Step::Rcpt, "RCPT TO:<" + recipient + ">");
  }

  void leave() {
    if (random_.chance(settings().no_quit)) return rest();
    say(Step::Quit, "QUIT");
  }

  uint32_t left_ = 0;
};

}  // namespace

std::unique_ptr<Bot> make_mail_bot(Script script, World& world, Group& group,
                                   const Identity& identity) {
  return std::make_unique<MailBot>(script, world, group, identity);
}

std::unique_ptr<Bot> make_harvesting_bot(World& world, Group& group, const Identity& identity) {
  return std::make_unique<HarvestingBot>(world, group, identity);
}

}  // namespace ravelin::drill
