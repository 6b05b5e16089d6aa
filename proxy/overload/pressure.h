// How hard we are pressed. Measured once a second over the last seconds: much to do is busy; many
// strangers who do what mail servers do not are an attack; that, and we are at the end of what we
// have, is a siege. A state machine without threads, clock or I/O.
//
// A level rises at once and falls when nothing has asked for it for pressure.hold; what has raised
// it must fall to three quarters of its mark before it asks no more. Was a level left and is soon
// asked for again, it lasts twice as long from then on, up to eight times, until it stays away for
// longer. "As usual" is a slow average of the same figure, which learns an hour's calm and hardly
// anything under attack: what stays as it is for a day is usual then.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "dns/reactor.h"
#include "proxy/config/config.h"
#include "proxy/overload/tally.h"

namespace ravelin::proxy {

const char* pressure_level_name(PressureLevel level);  // "calm", ...

// What is so at this moment; shares are of 1.
struct Load {
  uint32_t dialogs = 0;
  double places = 0;               // in use, of all
  double strangers = 0;            // those of clients not in good standing, of what they may have
  uint32_t room = 0;               // places that such clients could still get
  double descriptors = 0;          // in use
  double memory = 0;               // in use, of what we may use
  std::chrono::nanoseconds lag{};  // of the worst worker, since the last look
};

// How often something happens, and how often it usually does; per second.
class UsualRate {
 public:
  // It begins with some quiet time that nobody has seen, or what comes first would be as usual by
  // itself.
  explicit UsualRate(std::chrono::seconds quiet) : weight_(static_cast<double>(quiet.count())) {}

  // |rate| during the last |step|. |learn|: a calm time, else it counts for next to nothing.
  void add(double rate, std::chrono::nanoseconds step, bool learn);
  double usual() const { return usual_; }
  std::chrono::nanoseconds learned() const { return learned_; }  // calm, since the process began

 private:
  double usual_ = 0;
  double weight_;  // seconds that it knows of, at most an hour
  std::chrono::nanoseconds learned_{};
};

class Pressure {
 public:
  static constexpr std::chrono::seconds kWindow{5};  // that figures are means of

  struct Change {
    PressureLevel from = PressureLevel::Calm;
    PressureLevel to = PressureLevel::Calm;
    std::string cause;  // "12.0 new sources a second, usually 0.1"
  };

  // Once a second or so. |sums| are of all workers together.
  std::optional<Change> look(const TallySums& sums, const Load& load, dns::Time now,
                             const PressureSettings& settings);

  PressureLevel level() const { return level_; }
  const std::string& cause() const { return cause_; }  // of the level; "" when calm
  dns::Time since() const { return since_; }           // when it was entered

 private:
  struct Sample {
    dns::Time at{};
    TallySums sums;
  };
  struct Demand {
    PressureLevel level = PressureLevel::Calm;
    std::string cause;
    // The first cause of the highest level counts.
    void raise(PressureLevel to, std::string why) {
      if (to > level) level = to, cause = std::move(why);
    }
  };
  struct Rates;  // of the window

  void learn(const Rates& rates, std::chrono::nanoseconds step);
  bool over(double value, double mark, PressureLevel level) const;
  void demand_busy(const Rates& rates, const Load& load, const PressureSettings& settings,
                   Demand& demand) const;
  void demand_attack(const Rates& rates, const Load& load, const PressureSettings& settings,
                     Demand& demand) const;
  void demand_siege(const Rates& rates, const Load& load, const PressureSettings& settings,
                    Demand& demand) const;
  static double wanted(const Rates& rates, const Load& load);
  std::optional<Change> follow(Demand demand, dns::Time now, const PressureSettings& settings);
  void rise(size_t level, dns::Time now, const PressureSettings& settings);
  std::optional<Change> enter(PressureLevel level, const std::string& cause, dns::Time now);

  PressureLevel level_ = PressureLevel::Calm;
  std::string cause_;
  dns::Time since_{};
  bool begun_ = false;
  bool by_hand_ = false;  // the level was, at the last look
  // When each level was last asked for, and for what.
  std::array<dns::Time, kPressureLevels> asked_{};
  std::array<std::string, kPressureLevels> causes_;
  // When each was last left, and how many times the hold it lasts.
  std::array<dns::Time, kPressureLevels> left_{};
  std::array<int, kPressureLevels> holds_{1, 1, 1, 1};
  std::deque<Sample> window_;
  // To a process that has just started everybody is new: what is usual is known earlier.
  UsualRate sources_{std::chrono::minutes(2)};
  UsualRate unknown_{std::chrono::minutes(10)};
  UsualRate null_senders_{std::chrono::minutes(10)};
};

}  // namespace ravelin::proxy
