#include "tests/bench/drill/good_sender.h"

#include <algorithm>
#include <cmath>

#include "tests/bench/drill/names.h"

namespace ravelin::drill {

// One dialog with one message: as Postfix does unless a destination has a queue of its own. MAIL,
// RCPT and DATA go together where PIPELINING is offered.
class GoodSender::Attempt final : public Client {
 public:
  Attempt(GoodSender& owner, const Identity& identity)
      : Client(owner.world_, owner.group_, identity),
        owner_(owner),
        timer_(owner.world_.loop, Turn::Measured) {}

  bool free() const { return !busy_; }

  void carry(Letter letter) {
    letter_ = std::move(letter);
    busy_ = true;
    settled_ = false;
    began_ = world_.loop.now();
    // Told in the next turn, for the queue is being looked through.
    if (!call()) return timer_.set(Seconds(0), [this] { put_off(name_of(End::NoSocket)); });
    be_patient();
  }

  void stop() {
    timer_.cancel();
    hang_up();
  }

 private:
  void on_reply(Step step, const Reply& reply) override {
    be_patient();
    switch (step) {
      case Step::Greeting:
        if (reply.positive()) return hello();
        ++owner_.counts(letter_).places_told;
        return settle(step, reply);
      case Step::Helo:
        return reply.positive() ? after_hello(reply) : settle(step, reply);
      case Step::StartTls:
        return reply.positive() ? secure() : settle(step, reply);
      case Step::Mail:
      case Step::Rcpt:
        if (!reply.positive()) return settle(step, reply);
        if (!pipelining_) say_after(step);
        return;
      case Step::Data:
        return reply.go_on() && !settled_ ? send_text() : settle(step, reply);
      case Step::Text:
        return settle(step, reply);
      default:
        if (!settled_) return settle(step, reply);
        return done();
    }
  }
  void on_tls() override { hello(); }
  void on_end(End end) override {
    if (settled_) return done();
    if (end == End::Wordless || end == End::Refused) ++owner_.counts(letter_).places_wordless;
    put_off(name_of(end));
  }

  void hello() { say(Step::Helo, "EHLO " + identity_.helo); }

  void after_hello(const Reply& reply) {
    if (world_.settings.good_tls && !connection().secured() && reply.offers("STARTTLS"))
      return say(Step::StartTls, "STARTTLS");
    pipelining_ = reply.offers("PIPELINING");
    say(Step::Mail, "MAIL FROM:<" + letter_.sender + ">");
    if (!pipelining_) return;
    say_after(Step::Mail);
    say_after(Step::Rcpt);
  }

  void say_after(Step step) {
    if (step == Step::Mail) return say(Step::Rcpt, "RCPT TO:<" + letter_.recipient + ">");
    say(Step::Data, "DATA");
  }

  void send_text() {
    const auto from = letter_.sender.empty() ? "mailer-daemon@" + identity_.helo : letter_.sender;
    send_raw(message_text(from, letter_.recipient, letter_.id, world_.settings.size));
    say(Step::Text, ".");
  }

  // The letter's fate for now; of several replies the first that is not good counts. A 354 that
  // came in spite of it is answered by leaving, for the text must not be sent.
  void settle(Step step, const Reply& reply) {
    if (settled_) {
      if (reply.go_on()) done();
      return;
    }
    settled_ = true;
    if (step == Step::Text && reply.positive()) {
      owner_.accepted(letter_, world_.loop.now() - began_);
    } else if (reply.code >= 500 && reply.code < 600 && step != Step::Greeting) {
      owner_.refused(letter_, describe(step, reply));
    } else {  // a greeting's 5xx is no word on this message: another MX, or another time
      owner_.put_off(letter_, describe(step, reply));
    }
    if (reply.code == 421 || step == Step::Greeting || step == Step::Unasked) return done();
    say(Step::Quit, "QUIT");
  }

  void put_off(const std::string& cause) {
    settled_ = true;
    owner_.put_off(letter_, cause);
    done();
  }

  void be_patient() {
    timer_.set(world_.settings.patience, [this] {
      give_up();
      if (settled_) return done();
      put_off(name_of(End::Silence));
    });
  }

  void done() {
    timer_.cancel();
    hang_up();
    busy_ = false;
    owner_.dispatch();
  }

  GoodSender& owner_;
  Timer timer_;
  Letter letter_;
  Seconds began_{};
  bool busy_ = false;
  bool settled_ = false;  // the letter is no longer ours
  bool pipelining_ = false;
};

GoodSender::GoodSender(World& world, Group& group, GoodKind kind, const Identity& identity)
    : world_(world),
      group_(group),
      kind_(kind),
      identity_(identity),
      random_(world.settings.seed, identity.number),
      arrivals_(world.loop, Turn::Measured),
      retries_(world.loop, Turn::Measured) {
  for (uint32_t i = 0; i < world.settings.parallel; ++i)
    attempts_.push_back(std::make_unique<Attempt>(*this, identity));
}

GoodSender::~GoodSender() = default;

void GoodSender::bring(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) enqueue();
  dispatch();
}

void GoodSender::start_arrivals() { next_arrival(); }

void GoodSender::start_arrivals(Seconds after) {
  arrivals_.set(after, [this] { arrive(); });
}

void GoodSender::next_arrival() {
  const double rate = world_.settings.rate[static_cast<size_t>(kind_)];
  arrivals_.set(Seconds(random_.exponential(1 / rate)), [this] { arrive(); });
}

void GoodSender::arrive() {
  next_arrival();
  bring(1);
}

void GoodSender::enqueue() {
  const auto& names = world_.settings.mailboxes;
  Letter letter;
  // Nothing is drawn where there are none: a seed gives what it always gave.
  if (world_.settings.bounces == 0 || !random_.chance(world_.settings.bounces))
    letter.sender = dictionary_local_part(random_) + "@" + identity_.helo;
  letter.recipient = names[random_.below(names.size())] + "@" + world_.settings.domain;
  letter.id = std::to_string(identity_.number) + "." + std::to_string(++serial_);
  letter.phase = world_.scene.phase;
  letter.arrival = letter.due = world_.loop.now();
  ++counts(letter).queued;
  ++waiting_;
  queue_.emplace(letter.due.count(), std::move(letter));
}

void GoodSender::dispatch() {
  for (const auto& attempt : attempts_) {
    if (queue_.empty()) return retries_.cancel();
    const Seconds wait = queue_.begin()->second.due - world_.loop.now();
    if (wait > Seconds(0)) return retries_.set(wait, [this] { dispatch(); });
    if (!attempt->free()) continue;
    Letter letter = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    attempt->carry(std::move(letter));
  }
}

void GoodSender::accepted(const Letter& letter, Seconds took) {
  --waiting_;
  MessageCounts& count = counts(letter);
  ++count.accepted;
  count.delays.push_back((world_.loop.now() - letter.arrival).count() * 1000);
  count.attempts.push_back(took.count() * 1000);
}

void GoodSender::refused(const Letter& letter, const std::string& cause) {
  --waiting_;
  ++counts(letter).refused;
  ++counts(letter).causes[cause];
}

void GoodSender::put_off(Letter letter, const std::string& cause) {
  MessageCounts& count = counts(letter);
  if (letter.tries++ == 0) ++count.deferred;
  ++count.deferrals;
  ++count.causes[cause];
  const double wait =
      world_.settings.good_retry.count() * std::exp2(std::min(letter.tries - 1, 20u));
  letter.due = world_.loop.now() +
               Seconds(random_.jitter(std::min(wait, world_.settings.good_retry_max.count()), 0.1));
  queue_.emplace(letter.due.count(), std::move(letter));
}

void GoodSender::stop() {
  arrivals_.cancel();
  retries_.cancel();
  for (const auto& attempt : attempts_) attempt->stop();
}

}  // namespace ravelin::drill
