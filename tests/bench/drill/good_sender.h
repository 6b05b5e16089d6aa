// A mail server that sends good mail: a queue that messages come into at their own times, a few
// dialogs at once, and for what was deferred a wait that doubles. Each message is followed from its
// arrival to the end.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/drill/client.h"
#include "tests/bench/drill/run_settings.h"

namespace ravelin::drill {

struct Letter {
  std::string sender, recipient, id;
  Phase phase{};  // that it arrived in, and is counted in
  Seconds arrival{}, due{};
  uint32_t tries = 0;
};

class GoodSender {
 public:
  // All outlive it.
  GoodSender(World& world, Group& group, GoodKind kind, const Identity& identity);
  ~GoodSender();

  // |count| messages, all at once.
  void bring(uint32_t count);
  // Messages come in from now on, and until stop_arrivals().
  void start_arrivals();
  // The same, the first of them after |after|.
  void start_arrivals(Seconds after);
  void stop_arrivals() { arrivals_.cancel(); }
  // Ends its dialogs; what they carried stays in the queue.
  void stop();
  bool idle() const { return waiting_ == 0; }
  GoodKind kind() const { return kind_; }

 private:
  class Attempt;

  void arrive();
  void next_arrival();
  void enqueue();
  // Gives due letters to free attempts.
  void dispatch();
  void accepted(const Letter& letter, Seconds took);
  void refused(const Letter& letter, const std::string& cause);
  void put_off(Letter letter, const std::string& cause);
  MessageCounts& counts(const Letter& letter) { return group_.phase(letter.phase).messages; }

  World& world_;
  Group& group_;
  const GoodKind kind_;
  const Identity identity_;
  Random random_;
  Timer arrivals_, retries_;
  std::multimap<double, Letter> queue_;  // by the time that they are due
  std::vector<std::unique_ptr<Attempt>> attempts_;
  size_t waiting_ = 0;  // queued or on the way
  uint64_t serial_ = 0;
};

}  // namespace ravelin::drill
