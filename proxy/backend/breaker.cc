#include "proxy/backend/breaker.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kWindow = 10min;
constexpr size_t kLeastLost = 5;
constexpr size_t kMostSeen = 20'000;  // the share of a sample is as good as that of all
constexpr auto kCanaryEvery = 1min;

}  // namespace

std::string_view Breaker::name(State state) {
  switch (state) {
    case State::Closed:
      return "closed";
    case State::Suspect:
      return "suspect";
    case State::Open:
      return "open";
  }
  return "";
}

void Breaker::forget_old(dns::Time now) {
  while (!order_.empty() && (now - order_.front().first >= kWindow || order_.size() > kMostSeen)) {
    const auto [at, recipient] = order_.front();
    order_.pop_front();
    const auto entry = seen_.find(recipient);
    if (entry == seen_.end() || entry->second.at != at) continue;  // asked again since
    if (entry->second.lost) --lost_;
    seen_.erase(entry);
  }
}

void Breaker::note(uint64_t recipient, bool lost, dns::Time now) {
  auto& entry = seen_[recipient];
  if (entry.lost) --lost_;
  if (lost) ++lost_;
  entry = {now, lost};
  order_.emplace_back(now, recipient);
  forget_old(now);
}

bool Breaker::vanished(uint64_t recipient, dns::Time now) {
  note(recipient, true, now);
  if (state_ != State::Closed) return false;
  if (lost_ < kLeastLost || lost_ * 2 <= seen_.size()) return false;
  state_ = State::Suspect;
  canary_at_ = now;
  return true;
}

bool Breaker::found(uint64_t recipient, dns::Time now) {
  note(recipient, false, now);
  return accepted();
}

bool Breaker::accepted() {
  if (state_ == State::Closed) return false;
  state_ = State::Closed;
  seen_.clear();
  order_.clear();
  lost_ = 0;
  return true;
}

bool Breaker::canary_refused(dns::Time now) {
  canary_at_ = now;
  if (state_ != State::Suspect) return false;
  state_ = State::Open;
  return true;
}

bool Breaker::canary_due(dns::Time now) {
  if (state_ == State::Closed || now - canary_at_ < kCanaryEvery) return false;
  canary_at_ = now;
  return true;
}

}  // namespace ravelin::proxy
