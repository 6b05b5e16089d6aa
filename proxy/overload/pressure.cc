#include "proxy/overload/pressure.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr auto kEarly = 500ms;       // that a look may come
constexpr double kMemory = 3600;     // seconds of the slow averages
constexpr double kHardly = 1. / 60;  // what a second of attack counts for
constexpr double kMuch = 4;          // times the usual
constexpr double kBack = 0.75;       // of its mark, before a figure asks no more
constexpr uint32_t kHandful = 50;  // so many dialogs are no pressure, however few places there are
constexpr double kScarce = 0.8;    // share of descriptors or memory
constexpr double kOut = 0.95;
constexpr double kFull = 0.98;  // of the strangers' places: some are always about to be free
constexpr int kSiegeTimes = 4;  // busy_wait and busy_lag
constexpr int kMostHolds = 8;   // that a level lasts which comes again and again
constexpr int kSoon = 2;        // times as long as it lasts

// Everybody is new to a process that has just started; so much calm it must have seen. More of it
// where few times the usual are an attack: what is usual comes out too low at first.
std::chrono::nanoseconds acquaintance(uint32_t attack_sources) {
  return std::max<std::chrono::nanoseconds>(60s, 240s / (attack_sources - 1));
}

std::string percent(double share, const char* of) {
  return fmt::format("{:.0f} % {}", 100 * share, of);
}

std::string rate(double now, const char* of, double usual) {
  return fmt::format("{:.1f} {} a second, usually {:.1f}", now, of, usual);
}

}  // namespace

const char* pressure_level_name(PressureLevel level) {
  constexpr const char* kNames[] = {"calm", "busy", "attack", "siege"};
  return kNames[static_cast<size_t>(level)];
}

void UsualRate::add(double rate, std::chrono::nanoseconds step, bool learn) {
  const auto seconds = Seconds(step).count();
  // Under attack as slowly as with a full memory, however young the process is.
  if (!learn) {
    usual_ += (rate - usual_) * std::min(1.0, kHardly * seconds / kMemory);
    return;
  }
  weight_ = std::min(weight_ + seconds, kMemory);
  usual_ += (rate - usual_) * std::min(1.0, seconds / weight_);
  learned_ += step;
}

// Means over the window.
struct Pressure::Rates {
  double turned_away = 0;
  double sources = 0;
  double mails = 0;
  double null_senders = 0;
  double answers = 0;
  double unknown = 0;
  double wait = 0;  // seconds per question

  static Rates of(const TallySums& sums, std::chrono::nanoseconds span) {
    const auto per_second = 1 / Seconds(span).count();
    const auto rate = [&](uint64_t count) { return static_cast<double>(count) * per_second; };
    Rates rates{.turned_away = rate(sums.turned_away),
                .sources = rate(sums.new_sources),
                .mails = rate(sums.mails),
                .null_senders = rate(sums.null_senders),
                .answers = rate(sums.answers),
                .unknown = rate(sums.unknown)};
    if (sums.questions > 0)
      rates.wait = Seconds(sums.waited).count() / static_cast<double>(sums.questions);
    return rates;
  }
};

std::optional<Pressure::Change> Pressure::look(const TallySums& sums, const Load& load,
                                               dns::Time now, const PressureSettings& settings) {
  if (!begun_) {
    begun_ = true;
    since_ = now;
  }
  window_.push_back({now, sums});
  while (window_.size() > 2 && now - window_[1].at >= kWindow - kEarly) window_.pop_front();
  // A burst in the first second of a process is no rate.
  const auto span = std::max<dns::Time::duration>(now - window_.front().at, kWindow);
  const auto rates = Rates::of(sums - window_.front().sums, span);
  if (window_.size() > 1) {
    const auto& last = window_[window_.size() - 2];
    learn(Rates::of(sums - last.sums, now - last.at), now - last.at);
  }
  if (settings.level != PressureMode::Auto) {
    const auto fixed = static_cast<PressureLevel>(static_cast<int>(settings.level) - 1);
    asked_ = {};
    by_hand_ = true;
    return enter(fixed, "set by pressure.level", now);
  }
  Demand demand;
  demand_busy(rates, load, settings, demand);
  demand_attack(rates, load, settings, demand);
  demand_siege(rates, load, settings, demand);
  auto change = follow(std::move(demand), now, settings);
  // A level that is left because it was set by hand says nothing of what is to come.
  if (std::exchange(by_hand_, false)) left_ = {}, holds_.fill(1);
  return change;
}

// The highest level that was asked for within the hold.
std::optional<Pressure::Change> Pressure::follow(Demand demand, dns::Time now,
                                                 const PressureSettings& settings) {
  for (size_t level = 1; level <= static_cast<size_t>(demand.level); ++level) {
    if (level > static_cast<size_t>(level_)) rise(level, now, settings);
    asked_[level] = now;
    if (level == static_cast<size_t>(demand.level)) causes_[level] = demand.cause;
  }
  const auto holds = [&](PressureLevel which) {
    const auto level = static_cast<size_t>(which);
    return asked_[level] != dns::Time{} && now - asked_[level] < settings.hold * holds_[level];
  };
  for (size_t level = kPressureLevels - 1; level > 0; --level) {
    const auto which = static_cast<PressureLevel>(level);
    if (!holds(which)) continue;
    // Often left and entered, a siege would outlast the attack that it is on top of.
    if (which == PressureLevel::Siege && !holds(PressureLevel::Attack)) continue;
    return enter(which, causes_[level], now);
  }
  return enter(PressureLevel::Calm, "", now);
}

// What comes and goes with a period longer than the hold would otherwise be entered each time.
void Pressure::rise(size_t level, dns::Time now, const PressureSettings& settings) {
  auto& holds = holds_[level];
  const bool known = left_[level] != dns::Time{};
  const bool soon = known && now - left_[level] < settings.hold * holds * kSoon;
  holds = soon ? std::min(2 * holds, kMostHolds) : 1;
}

std::optional<Pressure::Change> Pressure::enter(PressureLevel level, const std::string& cause,
                                                dns::Time now) {
  if (level == level_) return {};
  for (auto left = static_cast<size_t>(level_); left > static_cast<size_t>(level); --left)
    left_[left] = now, asked_[left] = {};
  Change change{level_, level, cause};
  level_ = level;
  cause_ = cause;
  since_ = now;
  return change;
}

void Pressure::learn(const Rates& rates, std::chrono::nanoseconds step) {
  const bool calm = level_ < PressureLevel::Attack;
  sources_.add(rates.sources, step, calm);
  unknown_.add(rates.unknown, step, calm);
  null_senders_.add(rates.null_senders, step, calm);
}

bool Pressure::over(double value, double mark, PressureLevel level) const {
  return value >= (level_ >= level ? kBack * mark : mark);
}

void Pressure::demand_busy(const Rates& rates, const Load& load, const PressureSettings& settings,
                           Demand& demand) const {
  constexpr auto kLevel = PressureLevel::Busy;
  if (load.dialogs >= kHandful && over(load.places, settings.busy_places, kLevel))
    demand.raise(kLevel, percent(load.places, "of the places are in use"));
  if (over(rates.wait, Seconds(settings.busy_wait).count(), kLevel))
    demand.raise(kLevel, fmt::format("the backend answers after {:.1f} s", rates.wait));
  const auto lag = Seconds(load.lag).count();
  if (over(lag, Seconds(settings.busy_lag).count(), kLevel))
    demand.raise(kLevel, fmt::format("a worker is {:.0f} ms late", 1000 * lag));
  if (over(load.descriptors, kScarce, kLevel))
    demand.raise(kLevel, percent(load.descriptors, "of the file descriptors are in use"));
  if (over(load.memory, kScarce, kLevel))
    demand.raise(kLevel, percent(load.memory, "of the memory are in use"));
}

void Pressure::demand_attack(const Rates& rates, const Load& load, const PressureSettings& settings,
                             Demand& demand) const {
  constexpr auto kLevel = PressureLevel::Attack;
  const double least = settings.attack_rate;
  const auto many = [&](double value, const UsualRate& usual, double times) {
    return over(value, std::max(least, times * usual.usual()), kLevel);
  };
  if (load.dialogs >= kHandful && over(load.strangers, settings.attack_strangers, kLevel))
    demand.raise(kLevel, percent(load.strangers, "of the strangers' places are in use"));
  if (many(rates.unknown, unknown_, kMuch) &&
      over(rates.unknown / rates.answers, settings.attack_unknown, kLevel))
    demand.raise(kLevel, rate(rates.unknown, "unknown recipients", unknown_.usual()));
  if (many(rates.null_senders, null_senders_, kMuch) &&
      over(rates.null_senders / rates.mails, settings.attack_null_senders, kLevel))
    demand.raise(kLevel, rate(rates.null_senders, "null senders", null_senders_.usual()));
  if (sources_.learned() >= acquaintance(settings.attack_sources) &&
      many(rates.sources, sources_, settings.attack_sources))
    demand.raise(kLevel, rate(rates.sources, "new sources", sources_.usual()));
  // What the level itself frees says nothing: whoever is turned away comes back.
  if (level_ >= kLevel && load.dialogs >= kHandful && over(rates.turned_away, least, kLevel) &&
      over(wanted(rates, load), settings.attack_strangers, kLevel))
    demand.raise(kLevel, fmt::format("{:.1f} strangers turned away a second", rates.turned_away));
}

// As Load::strangers, had those got a place who were turned away within the window.
double Pressure::wanted(const Rates& rates, const Load& load) {
  if (load.room == 0) return std::max(1.0, load.strangers);
  const auto more = rates.turned_away * Seconds(kWindow).count();
  return load.strangers + (1 - load.strangers) * more / load.room;
}

// Only on top of an attack: good mail alone never makes one.
void Pressure::demand_siege(const Rates& rates, const Load& load, const PressureSettings& settings,
                            Demand& demand) const {
  if (demand.level < PressureLevel::Attack) return;
  constexpr auto kLevel = PressureLevel::Siege;
  const auto say = [&](const std::string& what) {
    demand.raise(kLevel, demand.cause + "; " + what);
  };
  if (load.dialogs >= kHandful && over(load.strangers, kFull, kLevel))
    say("no place is left for strangers");
  if (level_ >= kLevel && load.dialogs >= kHandful && rates.turned_away > 0 &&
      wanted(rates, load) >= 1)
    say("what is free would be taken at once");
  if (over(rates.wait, kSiegeTimes * Seconds(settings.busy_wait).count(), kLevel))
    say(fmt::format("the backend answers after {:.1f} s", rates.wait));
  const auto lag = Seconds(load.lag).count();
  if (over(lag, kSiegeTimes * Seconds(settings.busy_lag).count(), kLevel))
    say(fmt::format("a worker is {:.0f} ms late", 1000 * lag));
  if (over(load.descriptors, kOut, kLevel))
    say(percent(load.descriptors, "of the file descriptors are in use"));
  if (over(load.memory, kOut, kLevel)) say(percent(load.memory, "of the memory are in use"));
}

}  // namespace ravelin::proxy
