#include "proxy/pressure_watch.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1s;
constexpr uint64_t kLooksInAWindow = Pressure::kWindow / kLook;

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void PressureWatch::configure(std::shared_ptr<const Config> config, const Limits& limits,
                              uint32_t places, uint32_t descriptors) {
  limits_ = limits;
  config_ = std::move(config);
  places_ = places;
  descriptors_ = descriptors;
}

void PressureWatch::start(Loop& loop, Shared& shared, std::vector<Tally*> tallies,
                          std::function<void()> changed) {
  loop_ = &loop;
  shared_ = &shared;
  tallies_ = std::move(tallies);
  changed_ = std::move(changed);
  timer_ = loop.every(kLook, [this] { look(); });
}

void PressureWatch::look() {
  shared_->recent_sources.sweep(loop_->now());
  if (++looks_ % kLooksInAWindow == 0) shared_->turned_away.clear();
  TallySums sums;
  for (const auto* tally : tallies_) sums += tally->read();
  const auto change = pressure_.look(sums, load(), loop_->now(), config_->pressure);
  if (!change) return;
  std::string text = std::string("pressure: ") + pressure_level_name(change->from) + " -> " +
                     pressure_level_name(change->to);
  if (!change->cause.empty()) text += ": " + change->cause;
  shared_->journal.message(change->to > change->from ? Severity::Warning : Severity::Info, text);
  changed_();
}

Load PressureWatch::load() {
  const auto& places = shared_->places;
  Load load;
  load.dialogs = places.in_use();
  load.places = share(places.in_use(), places_);
  load.strangers = places.strangers(limits_, places_);
  load.room = places.room_for_strangers(limits_, places_);
  uint64_t open = places.in_use();
  for (const auto& backend : shared_->backends.snapshot()) open += backend.open;
  load.descriptors = share(open, descriptors_);
  const auto most = config_->pressure.memory;
  load.memory = share(memory_.resident(), most != 0 ? most : memory_.available() / 4 * 3);
  for (auto* tally : tallies_) load.lag = std::max(load.lag, tally->take_lag());
  return load;
}

}  // namespace ravelin::proxy
