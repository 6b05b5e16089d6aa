// What is counted: for each group of clients, phase by phase and second by second.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/bench/drill/loop.h"
#include "tests/bench/drill/reply.h"

namespace ravelin::drill {

enum class Phase : uint8_t { WarmUp, Before, Load, After };
constexpr size_t kPhases = 4;
const char* name_of(Phase phase);

// What a reply is the answer to. Unasked: 421 on the way out, mostly.
enum class Step : uint8_t {
  Unasked,
  Greeting,
  Helo,
  StartTls,
  Mail,
  Rcpt,
  Data,
  Text,
  Rset,
  Noop,
  Quit
};
const char* name_of(Step step);
// "RCPT 451 4.7.1"
std::string describe(Step step, const Reply& reply);

enum class End : uint8_t {
  NoSocket,  // our own machine had none: not the server's doing
  Refused,   // no connection
  Wordless,  // closed before a greeting
  Told,      // closed after a 421
  Cut,       // closed in the middle
  Silence    // we ran out of patience
};
constexpr size_t kEnds = 6;
const char* name_of(End end);

// The messages of good senders, by the phase that they arrived in; bots only count |accepted|.
struct MessageCounts {
  uint64_t queued = 0;    // arrived
  uint64_t accepted = 0;  // 250 after the dot
  uint64_t refused = 0;   // 5xx: lost
  uint64_t deferred = 0;  // messages that were put off at least once
  uint64_t deferrals = 0;
  uint64_t places_told = 0;                // 421 or other 4xx, 5xx instead of a greeting
  uint64_t places_wordless = 0;            // no connection, or closed without a word
  std::map<std::string, uint64_t> causes;  // of deferrals and refusals
  std::vector<double> delays;              // ms from arrival to 250
  std::vector<double> attempts;            // ms from connect to 250

  uint64_t left() const { return queued - accepted - refused; }
};

struct PhaseCounts {
  uint64_t opened = 0;
  uint64_t greeted = 0;
  uint64_t secured = 0;
  uint64_t peak = 0;  // open at once
  std::array<uint64_t, kEnds> ends{};
  std::array<uint64_t, 3> rcpt{};                  // accepted, deferred, refused
  std::unordered_map<uint64_t, uint64_t> replies;  // by step, code, enhanced code: see reply_key()
  MessageCounts messages;
};
std::string reply_name(uint64_t key);  // "RCPT 550 5.1.1"

// |open| is the number at its end.
struct Second {
  uint32_t opened = 0, open = 0, lost = 0;
  uint32_t rcpt_accepted = 0, rcpt_deferred = 0, rcpt_refused = 0;
  uint32_t messages = 0;
};

// Where the run is; all groups look at it.
struct Scene {
  Phase phase = Phase::Before;
  Seconds began{};  // the clock's start, after the warm-up
  bool clock_runs = false;
};

class Group {
 public:
  // |loop| and |scene| outlive it.
  Group(std::string name, bool good, const Loop& loop, const Scene& scene);

  const std::string& name() const { return name_; }
  bool good() const { return good_; }
  PhaseCounts& phase(Phase phase) { return phases_[static_cast<size_t>(phase)]; }
  const PhaseCounts& phase(Phase phase) const { return phases_[static_cast<size_t>(phase)]; }
  const std::vector<Second>& seconds() const { return seconds_; }
  uint64_t open() const { return open_; }

  void on_opened();
  void on_closed();
  void on_secured() { ++now().secured; }
  void on_end(End end);
  void on_reply(Step step, const Reply& reply);
  // At the begin of a phase, and once a second: those that stay open count too.
  void sample();

  uint64_t members = 0;

 private:
  PhaseCounts& now() { return phase(scene_.phase); }
  Second& second();

  std::string name_;
  bool good_;
  const Loop& loop_;
  const Scene& scene_;
  std::array<PhaseCounts, kPhases> phases_;
  std::vector<Second> seconds_;
  Second unclocked_;  // of the warm-up
  uint64_t open_ = 0;
};

}  // namespace ravelin::drill
