#include "proxy/curve_watch.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1s;
constexpr auto kSlack = 1min;  // a clock that is set right a little makes no gap

int64_t seconds(Wall wall) {
  return std::chrono::floor<std::chrono::seconds>(wall).time_since_epoch().count();
}

uint32_t grown(uint64_t now, uint64_t before) {
  return static_cast<uint32_t>(
      std::min<uint64_t>(now - std::min(now, before), std::numeric_limits<uint32_t>::max()));
}

}  // namespace

void CurveWatch::restore(History& history, const Clock& clock) {
  const auto latest = seconds(clock.wall() + kSlack);
  for (const auto step : Curves::kSteps)
    if (step > 1)
      history.curve(step, [&](int64_t at, std::string_view data) {
        if (at > latest) return;  // of a clock that was wrong
        if (const auto sample = unpack_sample(at, data)) curves_.restore(step, *sample);
      });
}

void CurveWatch::start(Loop& loop, Shared& shared, const LogJournal& journal,
                       std::vector<Tally*> tallies, std::function<Now()> now) {
  shared_ = &shared;
  journal_ = &journal;
  tallies_ = std::move(tallies);
  now_ = std::move(now);
  timer_ = loop.every(kLook, [this] { look(); });
}

void CurveWatch::finish() {
  if (!timer_) return;
  timer_.reset();
  look();
  for (const auto& open : curves_.unfinished())
    shared_->history.put_point(open.step, open.sample.at, pack_sample(open.sample));
}

CurveWatch::Sums CurveWatch::sums() const {
  Sums sums;
  sums.journal = journal_->counters();
  for (const auto* tally : tallies_) sums.tally += tally->read();
  for (const auto& backend : shared_->backends.snapshot()) {
    sums.questions += backend.questions;
    sums.backends += backend.open;
  }
  return sums;
}

void CurveWatch::look() {
  auto now = sums();
  const auto state = now_();
  CurveSample sample;
  sample.at = seconds(shared_->clock.wall());
  const auto set = [&](Curve curve, uint32_t value) {
    sample.values[static_cast<size_t>(curve)] = value;
  };
  for (size_t i = 0; i < kCauses; ++i)
    sample.values[i] = grown(now.journal.refused_by_cause[i], before_.journal.refused_by_cause[i]);
  set(Curve::Connections, grown(now.tally.arrivals, before_.tally.arrivals));
  set(Curve::Accepted, grown(now.journal.messages, before_.journal.messages));
  set(Curve::Recipients, grown(now.journal.recipients, before_.journal.recipients));
  set(Curve::Warned, grown(now.journal.warned, before_.journal.warned));
  set(Curve::NullSenders, grown(now.tally.null_senders, before_.tally.null_senders));
  set(Curve::Questions, grown(now.questions, before_.questions));
  set(Curve::Dialogs, shared_->places.in_use());
  set(Curve::Strangers, state.strangers);
  set(Curve::Limit, state.limit);
  set(Curve::StrangersLimit,
      static_cast<uint32_t>(share_of_strangers(state.reserved, state.limit)));
  set(Curve::Backends, now.backends);
  set(Curve::Pressure, static_cast<uint32_t>(state.level));
  for (const auto& done : curves_.add(sample))
    shared_->history.put_point(done.step, done.sample.at, pack_sample(done.sample));
  before_ = std::move(now);
}

}  // namespace ravelin::proxy
