#include "proxy/backend/health.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kFirstRetry = 1s;
constexpr std::chrono::nanoseconds kLastRetry = 30s;
constexpr std::chrono::nanoseconds kRelearn = 5min;

}  // namespace

void Health::back_off(dns::Time now) {
  const auto wait = kFirstRetry * (1 << std::min(failures_, 5U));
  retry_at_ = now + std::min(wait, kLastRetry);
  ++failures_;
}

void Health::failed(ConnectFault fault, uint32_t ready, dns::Time now) {
  switch (fault) {
    case ConnectFault::Down:
      if (down_ && now < retry_at_) break;  // with the one that was told first
      down_ = true;
      connect_limit_ = 1;
      back_off(now);
      break;
    case ConnectFault::Full:  // as many as we have are welcome, at least one
      learned_ = std::max(1U, ready);
      learned_at_ = now;
      retry_at_ = now + kFirstRetry;
      break;
    case ConnectFault::None:
      break;
    case ConnectFault::Ours:
      retry_at_ = now + kFirstRetry;
      break;
  }
}

void Health::succeeded(dns::Time now) {
  connect_limit_ = std::min(connect_limit_ * 2, kConnects);
  if (down_) retry_at_ = now;
  down_ = false;
  failures_ = 0;
}

bool Health::relearn(uint32_t configured, dns::Time now) {
  if (learned_ == 0 || now - learned_at_ < kRelearn) return false;
  learned_at_ = now;
  if (++learned_ >= configured) learned_ = 0;
  return true;
}

}  // namespace ravelin::proxy
