#include "proxy/observe/episodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ravelin::proxy {
namespace {

constexpr std::string_view kPrefix = "episode.";
constexpr int64_t kLookBack = 120;  // s
constexpr int64_t kUsual = 600;     // s before that, for what is usual
constexpr size_t kEnough = 60;      // samples of them
constexpr int64_t kJustNow = 10;    // s that are never usual
constexpr int64_t kPause = 5;       // s without many connections that end nothing
constexpr size_t kMaxCause = 200;

int64_t seconds_of(Wall wall) {
  return std::chrono::floor<std::chrono::seconds>(wall).time_since_epoch().count();
}

uint32_t connections(const CurveSample& sample) {
  return sample.values[static_cast<size_t>(Curve::Connections)];
}

// Cuts a number and the space behind it off |text|.
template <class Number>
bool take(std::string_view& text, Number& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  if (text.empty() || text.front() != ' ') return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

int64_t onset_of(const std::vector<CurveSample>& seconds, int64_t noticed) {
  // After a start there is not so much: then of all that there is.
  std::vector<uint32_t> usual;
  for (const auto until : {noticed - kLookBack, noticed - kJustNow}) {
    if (usual.size() >= kEnough) break;
    usual.clear();
    for (const auto& sample : seconds)
      if (sample.at < until && sample.at >= noticed - kLookBack - kUsual)
        usual.push_back(connections(sample));
  }
  uint32_t median = 0;
  if (!usual.empty()) {
    const auto middle = usual.begin() + static_cast<ptrdiff_t>(usual.size() / 2);
    std::nth_element(usual.begin(), middle, usual.end());
    median = *middle;
  }
  const auto many = std::max(2 * median, median + 3);
  int64_t onset = noticed;
  for (auto sample = seconds.rbegin(); sample != seconds.rend(); ++sample) {
    if (sample->at > noticed) continue;
    if (sample->at < std::max(noticed - kLookBack, onset - kPause)) break;
    if (connections(*sample) >= many) onset = sample->at;
  }
  return onset;
}

std::string episode_text(const Episode& episode) {
  return fmt::format("{} {} {} {} {} {}", episode.number, episode.onset, episode.began,
                     episode.ended, episode.worst, episode.cause.substr(0, kMaxCause));
}

bool parse_episode(std::string_view text, Episode& episode) {
  const bool good = take(text, episode.number) && take(text, episode.onset) &&
                    take(text, episode.began) && take(text, episode.ended) &&
                    take(text, episode.worst);
  episode.cause = text.substr(0, kMaxCause);
  return good && episode.worst <= 3;
}

void Episodes::restore(Store* store, Wall now) {
  store_ = store;
  if (store_ == nullptr) return;
  for (const auto& [name, text] : store_->texts()) {
    Episode episode;
    if (!name.starts_with(kPrefix) || !parse_episode(text, episode)) continue;
    if (episode.ended == 0) episode.ended = seconds_of(now);
    episode.restored = true;
    all_.push_back(std::move(episode));
  }
  std::sort(all_.begin(), all_.end(),
            [](const Episode& a, const Episode& b) { return a.number < b.number; });
}

void Episodes::level(uint32_t level, const std::string& cause, Wall now, const Curves& curves) {
  const auto at = seconds_of(now);
  const bool open = !all_.empty() && all_.back().ended == 0;
  if (level == 0 && !open) return;
  if (!open) {
    Episode begun;
    begun.number = all_.empty() ? 1 : all_.back().number + 1;
    begun.began = at;
    begun.onset = onset_of(curves.ring(1)->since(at - kLookBack - kUsual), at);
    all_.push_back(std::move(begun));
  }
  auto& episode = all_.back();
  if (level > episode.worst) {
    episode.worst = level;
    episode.cause = cause;
  }
  if (level == 0) episode.ended = std::max<int64_t>(at, 1);
  keep(episode);
}

void Episodes::keep(const Episode& episode) {
  const auto name = [](uint32_t number) { return std::string(kPrefix) + std::to_string(number); };
  if (store_ != nullptr) store_->put_text(name(episode.number), episode_text(episode));
  while (all_.size() > kKept) {
    if (store_ != nullptr) store_->erase_text(name(all_.front().number));
    all_.erase(all_.begin());
  }
}

const Episode* Episodes::find(uint32_t number) const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [number](const Episode& one) { return one.number == number; });
  return found == all_.end() ? nullptr : &*found;
}

}  // namespace ravelin::proxy
