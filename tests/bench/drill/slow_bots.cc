// Bots that hold their dialogs open with as little as possible, each index another way:
//   0  a command every so often, just within timeouts
//   1  a command octet by octet
//   2  the text of a message octet by octet, to a recipient that exists; where that is refused, as
//   0 3  many commands, the replies read a few octets at a time 4  many commands, no reply read at
//   all
#include <iterator>

#include "tests/bench/drill/bot.h"

namespace ravelin::drill {
namespace {

enum class Way : uint8_t { Pauses, DripsCommands, DripsText, ReadsSlowly, ReadsNever };
constexpr size_t kWays = 5;

class SlowBot final : public Bot {
 public:
  SlowBot(Way way, World& world, Group& group, const Identity& identity)
      : Bot(world, group, identity), way_(way) {}

 private:
  void begin() override {
    position_ = 0;
    in_text_ = false;
    if (!call(way_ == Way::ReadsSlowly || way_ == Way::ReadsNever)) return rest();
    be_patient();
  }

  void on_reply(Step step, const Reply& reply) override {
    if (reply.code == 421) return wait_no_more();  // stays until it is closed
    if (step == Step::Greeting && !reply.positive()) return rest();
    switch (way_) {
      case Way::Pauses:
        return hold();
      case Way::DripsCommands:
        position_ = 0;
        return drip_command();
      case Way::DripsText:
        return towards_text(step, reply);
      case Way::ReadsSlowly:
      case Way::ReadsNever:
        if (step != Step::Greeting) return;
        connection().stop_reading();
        return flood();
    }
  }

  void hold() {
    const Seconds time(settings().hold.count() * (0.8 + 0.2 * random_.fraction()));
    after(time, [this] { next_command(); });
  }

  void next_command() {
    switch (position_++ % 5) {
      case 0:
        return say(Step::Helo, "EHLO " + identity_.helo);
      case 1:
        return say(Step::Mail, "MAIL FROM:<" + sender() + ">");
      case 2:
        return say(Step::Rcpt, "RCPT TO:<" + nobody() + ">");
      case 3:
        return say(Step::Noop, "NOOP");
      default:
        return say(Step::Rset, "RSET");
    }
  }

  // "EHLO aaaa...", of two hundred octets.
  void drip_command() {
    static constexpr std::string_view kVerb = "EHLO ";
    static constexpr size_t kLength = 200;
    if (position_ == kLength) {
      expect(Step::Helo);
      return send_raw("\r\n");
    }
    send_raw(position_ < kVerb.size() ? kVerb.substr(position_, 1) : "a");
    ++position_;
    after(drip_time(), [this] { drip_command(); });
  }

  void towards_text(Step step, const Reply& reply) {
    if (in_text_) return rest();  // the server has had enough
    if (!reply.positive() && !reply.go_on()) {
      position_ = 4;  // RSET first
      return hold();
    }
    switch (step) {
      case Step::Greeting:
        return say(Step::Helo, "EHLO " + identity_.helo);
      case Step::Helo:
        return say(Step::Mail, "MAIL FROM:<" + sender() + ">");
      case Step::Mail:
        return say(Step::Rcpt, "RCPT TO:<" + random_mailbox() + ">");
      case Step::Rcpt:
        return say(Step::Data, "DATA");
      case Step::Data:
        in_text_ = true;
        send_raw("Subject: drip\r\n\r\n");
        expect(Step::Text);
        return drip_text();
      default:
        return hold();
    }
  }

  void drip_text() {
    send_raw(++position_ % 70 == 0 ? "\r\n" : "x");
    after(drip_time(), [this] { drip_text(); });
  }

  void flood() {
    connection().look_for_end();
    if (!in_dialog()) return;
    if (connection().sent_all()) {
      std::string many;
      for (int i = 0; i < 20; ++i) {
        many += "EHLO " + identity_.helo + "\r\n";
        if (way_ == Way::ReadsSlowly) expect(Step::Helo);
      }
      send_raw(many);
    }
    if (way_ == Way::ReadsSlowly) connection().read_little();
    if (in_dialog()) after(drip_time(), [this] { flood(); });
  }

  Seconds drip_time() { return Seconds(random_.jitter(settings().drip.count(), 0.2)); }

  const Way way_;
  size_t position_ = 0;  // in the cycle of commands, in the command, in the text
  bool in_text_ = false;
};

}  // namespace

std::unique_ptr<Bot> make_slow_bot(size_t index, World& world, Group& group,
                                   const Identity& identity) {
  return std::make_unique<SlowBot>(static_cast<Way>(index % kWays), world, group, identity);
}

}  // namespace ravelin::drill
