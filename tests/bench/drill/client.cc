#include "tests/bench/drill/client.h"

#include "tests/bench/drill/run_settings.h"

namespace ravelin::drill {

Client::Client(World& world, Group& group, const Identity& identity)
    : world_(world),
      group_(group),
      identity_(identity),
      random_(world.settings.seed, identity.number),
      connection_(world.loop, *this, group.good() ? Turn::Measured : Turn::Load) {}

bool Client::call(bool small_window) {
  reader_.reset();
  awaited_.assign(1, Step::Greeting);
  greeted_ = told_ = false;
  const Endpoint* const source = identity_.bind_source ? &identity_.source : nullptr;
  if (!connection_.open(world_.settings.target, source, small_window)) {
    group_.on_end(End::NoSocket);
    return false;
  }
  in_dialog_ = true;
  group_.on_opened();
  return true;
}

void Client::say(Step step, std::string_view command) {
  std::string line(command);
  line += "\r\n";
  awaited_.push_back(step);
  connection_.send(line);
}

void Client::hang_up() {
  if (!in_dialog_) return;
  in_dialog_ = false;
  group_.on_closed();
  connection_.close();
}

void Client::give_up() {
  hang_up();
  group_.on_end(End::Silence);
}

void Client::on_line(std::string_view line) {
  const auto reply = reader_.feed(line);
  if (!reply) return;
  Step step = Step::Unasked;
  if (!awaited_.empty()) {
    step = awaited_.front();
    awaited_.erase(awaited_.begin());
  }
  if (reply->code == 421) told_ = true;
  greeted_ = true;
  group_.on_reply(step, *reply);
  on_reply(step, *reply);
}

void Client::on_secured() {
  group_.on_secured();
  on_tls();
}

void Client::on_lost(Loss loss) {
  in_dialog_ = false;
  group_.on_closed();
  const End end = loss == Loss::Refused ? End::Refused
                  : told_               ? End::Told
                  : greeted_            ? End::Cut
                                        : End::Wordless;
  group_.on_end(end);
  on_end(end);
}

}  // namespace ravelin::drill
