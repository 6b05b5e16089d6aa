#include "tests/bench/drill/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace ravelin::drill {
namespace {

constexpr Seconds kLagPeriod(0.05);

Seconds own_cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return Seconds(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// As a line's provider names it.
std::string host_name(uint32_t address) {
  std::string name = "host";
  for (int shift = 24; shift >= 0; shift -= 8)
    name += "-" + std::to_string(address >> shift & 0xff);
  return name + ".lines.example";
}

}  // namespace

Drill::Drill(Loop& loop, const RunSettings& settings)
    : loop_(loop),
      settings_(settings),
      sources_(settings),
      world_{loop, tls_, settings, scene_},
      report_(settings),
      course_(loop),
      stages_(loop),
      ticks_(loop),
      lag_(loop, Turn::Measured) {
  make_good();
  make_bots();
  make_turned();
}

Drill::~Drill() = default;

Identity Drill::identity(uint32_t address, std::string helo) {
  Identity who;
  who.source = v4_endpoint(address);
  // Loopback has all of 127.0.0.0/8; elsewhere, and in ::1, there is one address only.
  who.bind_source = settings_.target.v4() && settings_.target.loopback();
  who.helo = std::move(helo);
  who.number = ++clients_;
  return who;
}

void Drill::make_good() {
  for (size_t kind = 0; kind < kGoodKinds; ++kind) {
    if (settings_.good[kind] == 0) continue;
    const std::string name = name_of(static_cast<GoodKind>(kind));
    report_.groups.push_back(std::make_unique<Group>("good " + name, true, loop_, scene_));
    Group& group = *report_.groups.back();
    group.members = settings_.good[kind];
    for (uint32_t i = 0; i < settings_.good[kind]; ++i)
      good_.push_back(std::make_unique<GoodSender>(
          world_, group, static_cast<GoodKind>(kind),
          identity(sources_.good(static_cast<GoodKind>(kind), i),
                   "mx" + std::to_string(i) + ".good-" + name + ".example")));
  }
}

void Drill::make_bots() {
  uint32_t number = 0;
  for (size_t script = 0; script < kScripts; ++script) {
    if (settings_.bots[script] == 0) continue;
    report_.groups.push_back(std::make_unique<Group>(
        std::string("bots ") + name_of(static_cast<Script>(script)), false, loop_, scene_));
    Group& group = *report_.groups.back();
    group.members = settings_.bots[script];
    for (uint32_t i = 0; i < settings_.bots[script]; ++i, ++number) {
      const uint32_t address = sources_.bot(number);
      for (uint32_t k = 0; k < settings_.per_bot; ++k)
        bots_[script].push_back(make_bot(static_cast<Script>(script),
                                         size_t{i} * settings_.per_bot + k, world_, group,
                                         identity(address, host_name(address))));
    }
  }
}

void Drill::make_turned() {
  if (settings_.turned == 0) return;
  report_.groups.push_back(std::make_unique<Group>("bots turned", false, loop_, scene_));
  Group& group = *report_.groups.back();
  group.members = settings_.turned;
  const auto known = settings_.good[static_cast<size_t>(GoodKind::Known)];
  for (uint32_t i = known - settings_.turned; i < known; ++i) {
    const auto address = sources_.good(GoodKind::Known, i);
    for (uint32_t k = 0; k < settings_.per_bot; ++k)
      bots_.back().push_back(
          make_bot(Script::Retrying, i, world_, group, identity(address, host_name(address))));
  }
}

void Drill::run() {
  const Seconds cpu = own_cpu();
  expected_ = loop_.now() + kLagPeriod;
  lag_.set(kLagPeriod, [this] { measure_lag(); });
  if (settings_.warm_up > 0 && settings_.good[static_cast<size_t>(GoodKind::Known)] > 0) {
    start_warm_up();
  } else {
    start_clock();
  }
  loop_.run();
  report_.cpu = own_cpu() - cpu;
}

void Drill::start_warm_up() {
  scene_.phase = Phase::WarmUp;
  scene_.began = loop_.now();
  for (uint32_t i = 0; i < settings_.good[static_cast<size_t>(GoodKind::Known)]; ++i)
    good_[i]->bring(settings_.warm_up);
  look_at_warm_up();
}

void Drill::look_at_warm_up() {
  const bool ready =
      std::all_of(good_.begin(), good_.end(), [](const auto& s) { return s->idle(); });
  if (ready) {
    report_.warm_up = elapsed();
    return start_clock();
  }
  if (elapsed() > settings_.warm_up_limit) {
    report_.trouble = "the warm-up did not end within --warm-up-limit";
    return finish();
  }
  course_.set(Seconds(0.05), [this] { look_at_warm_up(); });
}

void Drill::start_clock() {
  scene_.began = loop_.now();
  scene_.clock_runs = true;
  report_.wall_start = std::chrono::system_clock::now();
  ticks_.set(Seconds(1), [this] { tick(); });
  for (const auto& sender : good_)
    if (sender->kind() != GoodKind::Late) sender->start_arrivals();
  enter(Phase::Before);
  course_.set(settings_.onset, [this] { start_load(); });
}

void Drill::enter(Phase phase) {
  scene_.phase = phase;
  for (const auto& group : report_.groups) group->sample();
}

void Drill::start_load() {
  enter(Phase::Load);
  const auto known = settings_.good[static_cast<size_t>(GoodKind::Known)];
  for (uint32_t i = known - settings_.turned; i < known; ++i) good_[i]->stop_arrivals();
  const auto late = settings_.good[static_cast<size_t>(GoodKind::Late)];
  const auto first = good_.size() - late;  // the last kind
  for (uint32_t i = 0; i < late; ++i)
    good_[first + i]->start_arrivals(settings_.duration * (i + 0.5) / (2.0 * late));
  course_.set(settings_.duration, [this] { stop_load(); });
  if (!settings_.stages.empty())
    stages_.set(settings_.stages.front().first, [this] { start_stage(0); });
}

void Drill::start_stage(size_t stage) {
  const double share = settings_.stages[stage].second;
  Random random(settings_.seed, stage);
  for (auto& bots : bots_) {
    const auto wanted = static_cast<size_t>(static_cast<double>(bots.size()) * share + 0.5);
    for (size_t i = 0; i < bots.size(); ++i) {
      if (i < wanted && !bots[i]->active()) bots[i]->start(settings_.ramp * random.fraction());
      if (i >= wanted && bots[i]->active()) bots[i]->stop();
    }
  }
  if (stage + 1 == settings_.stages.size()) return;
  const Seconds gap = settings_.stages[stage + 1].first - settings_.stages[stage].first;
  stages_.set(gap, [this, stage] { start_stage(stage + 1); });
}

void Drill::stop_load() {
  stages_.cancel();
  for (auto& bots : bots_)
    for (const auto& bot : bots) bot->stop();
  enter(Phase::After);
  course_.set(settings_.quiet, [this] {
    for (const auto& sender : good_) sender->stop_arrivals();
    look_at_drain(loop_.now() + settings_.drain);
  });
}

void Drill::look_at_drain(Seconds deadline) {
  const bool empty =
      std::all_of(good_.begin(), good_.end(), [](const auto& s) { return s->idle(); });
  if (empty || loop_.now() >= deadline) return finish();
  course_.set(Seconds(0.02), [this, deadline] { look_at_drain(deadline); });
}

void Drill::interrupt() {
  report_.interrupted = true;
  finish();
}

void Drill::finish() {
  if (over_) return;
  over_ = true;
  report_.elapsed = scene_.clock_runs ? elapsed() : Seconds(0);
  for (Timer* timer : {&course_, &stages_, &ticks_, &lag_}) timer->cancel();
  for (const auto& group : report_.groups) group->sample();
  for (auto& bots : bots_)
    for (const auto& bot : bots) bot->stop();
  for (const auto& sender : good_) sender->stop();
  loop_.stop();
}

void Drill::tick() {
  ticks_.set(Seconds(1), [this] { tick(); });
  uint64_t open = 0;
  for (const auto& group : report_.groups) {
    group->sample();
    open += group->open();
  }
  report_.peak = std::max(report_.peak, open);
}

void Drill::measure_lag() {
  const Seconds now = loop_.now();
  report_.lag = std::max(report_.lag, now - expected_);
  expected_ = now + kLagPeriod;
  lag_.set(kLagPeriod, [this] { measure_lag(); });
}

}  // namespace ravelin::drill
