// What all bots do: they begin when told, and after the end of a dialog they rest and begin again,
// until they are told to stop.
#pragma once

#include <memory>
#include <string>

#include "tests/bench/drill/client.h"
#include "tests/bench/drill/run_settings.h"

namespace ravelin::drill {

class Bot : public Client {
 public:
  Bot(World& world, Group& group, const Identity& identity);

  void start(Seconds after);
  void stop();
  bool active() const { return active_; }

 protected:
  virtual void begin() = 0;  // a dialog: call()
  void rest();               // hangs up, and begins again after the pause
  void on_end(End) override { rest(); }
  void on_tls() override {}

  // Gives up and rests if nothing is heard for as long as the settings' patience.
  void be_patient();
  void after(Seconds time, std::function<void()> what) { timer_.set(time, std::move(what)); }
  void wait_no_more() { timer_.cancel(); }

  const RunSettings& settings() const { return world_.settings; }
  std::string sender();          // null, or somebody of a domain of the bot's
  std::string random_mailbox();  // one that exists
  std::string nobody();          // a random recipient

 private:
  Timer timer_;
  bool active_ = false;
};

// |index| counts the bots of the script, for scripts of several kinds.
std::unique_ptr<Bot> make_bot(Script script, size_t index, World& world, Group& group,
                              const Identity& identity);

// The kinds, for make_bot().
std::unique_ptr<Bot> make_mail_bot(Script script, World& world, Group& group,
                                   const Identity& identity);
std::unique_ptr<Bot> make_harvesting_bot(World& world, Group& group, const Identity& identity);
std::unique_ptr<Bot> make_slow_bot(size_t index, World& world, Group& group,
                                   const Identity& identity);
std::unique_ptr<Bot> make_rude_bot(Script script, World& world, Group& group,
                                   const Identity& identity);

}  // namespace ravelin::drill
