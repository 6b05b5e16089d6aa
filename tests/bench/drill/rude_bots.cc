// Bots that keep to no order. Early: all it has to say before the greeting, in one write. Silent:
// connects and says nothing. Stalling: half a ClientHello, and nothing more.
#include "tests/bench/drill/bot.h"
#include "tests/bench/drill/names.h"

namespace ravelin::drill {
namespace {

class EarlyBot final : public Bot {
 public:
  using Bot::Bot;

 private:
  void begin() override {
    if (!call()) return rest();
    be_patient();
    const auto from = sender(), to = nobody();
    say(Step::Helo, "EHLO " + identity_.helo);
    say(Step::Mail, "MAIL FROM:<" + from + ">");
    say(Step::Rcpt, "RCPT TO:<" + to + ">");
    say(Step::Data, "DATA");
    send_raw(message_text(from, to, std::to_string(random_.next()), 500));
    say(Step::Text, ".");
    say(Step::Quit, "QUIT");
  }
  // It listens to nothing: it is over when the server says so.
  void on_reply(Step, const Reply&) override {}
};

class SilentBot final : public Bot {
 public:
  using Bot::Bot;

 private:
  void begin() override {
    if (!call()) rest();
  }
  void on_reply(Step, const Reply&) override {}
};

class StallingBot final : public Bot {
 public:
  using Bot::Bot;

 private:
  void begin() override {
    if (!call()) rest();
  }
  void on_reply(Step step, const Reply& reply) override {
    if (step == Step::Greeting && reply.positive())
      return say(Step::Helo, "EHLO " + identity_.helo);
    if (step == Step::Helo && reply.offers("STARTTLS")) return say(Step::StartTls, "STARTTLS");
    if (step == Step::StartTls && reply.positive()) {
      const auto hello = world_.tls.client_hello();
      return send_raw(std::string_view(hello).substr(0, hello.size() / 2));
    }
    if (!reply.positive() || step == Step::Helo) rest();
  }
};

}  // namespace

std::unique_ptr<Bot> make_rude_bot(Script script, World& world, Group& group,
                                   const Identity& identity) {
  if (script == Script::Early) return std::make_unique<EarlyBot>(world, group, identity);
  if (script == Script::Silent) return std::make_unique<SilentBot>(world, group, identity);
  return std::make_unique<StallingBot>(world, group, identity);
}

}  // namespace ravelin::drill
