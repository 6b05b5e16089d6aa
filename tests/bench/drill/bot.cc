#include "tests/bench/drill/bot.h"

#include "tests/bench/drill/names.h"

namespace ravelin::drill {

Bot::Bot(World& world, Group& group, const Identity& identity)
    : Client(world, group, identity), timer_(world.loop) {}

void Bot::start(Seconds after_time) {
  active_ = true;
  after(after_time, [this] { begin(); });
}

void Bot::stop() {
  active_ = false;
  timer_.cancel();
  hang_up();
}

void Bot::rest() {
  hang_up();
  const Seconds pause(random_.jitter(settings().pause.count(), 0.5));
  after(pause, [this] { begin(); });
}

void Bot::be_patient() {
  after(settings().patience, [this] {
    give_up();
    rest();
  });
}

std::string Bot::sender() {
  if (random_.chance(settings().null_senders)) return {};
  return dictionary_local_part(random_) + "@" + random_local_part(random_) + ".example";
}

std::string Bot::random_mailbox() {
  const auto& names = settings().mailboxes;
  return names[random_.below(names.size())] + "@" + settings().domain;
}

std::string Bot::nobody() {
  if (settings().pool == 0) return random_local_part(random_) + "@" + settings().domain;
  // All bots share the pool, so each of its names is made from its number.
  Random name(settings().seed, random_.below(settings().pool));
  return random_local_part(name) + "@" + settings().domain;
}

std::unique_ptr<Bot> make_bot(Script script, size_t index, World& world, Group& group,
                              const Identity& identity) {
  switch (script) {
    case Script::Harvesting:
      return make_harvesting_bot(world, group, identity);
    case Script::Slow:
      return make_slow_bot(index, world, group, identity);
    case Script::Early:
    case Script::Silent:
      return make_rude_bot(script, world, group, identity);
    case Script::Tls: {
      // Every so manieth stalls: the share holds for any count, and does not depend on chance.
      const double share = world.settings.tls_stalls;
      const auto upto = [share](size_t n) {
        return static_cast<size_t>(static_cast<double>(n) * share);
      };
      if (upto(index + 1) > upto(index)) return make_rude_bot(script, world, group, identity);
      return make_mail_bot(script, world, group, identity);
    }
    case Script::Retrying:
    case Script::Valid:
      break;
  }
  return make_mail_bot(script, world, group, identity);
}

}  // namespace ravelin::drill
