#include "proxy/observe/top.h"

#include <algorithm>
#include <utility>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kWindow = 5min;
constexpr int kNetwork4 = 24, kNetwork6 = 48;

}  // namespace

void TopTable::add(const dns::IpAddress& client, TopOutcome outcome, dns::Time now) {
  const auto key = client.client_key();
  const auto network = client.network(client.is_v4() ? kNetwork4 : kNetwork6);
  state_.with([&](State& state) {
    turn(state, now);
    count(state.now.clients, key, outcome);
    count(state.now.networks, network, outcome);
  });
}

void TopTable::turn(State& state, dns::Time now) const {
  if (now - state.began < kWindow) return;
  state.before = now - state.began < 2 * kWindow ? std::move(state.now) : Window{};
  state.now = {};
  state.began = now;
}

void TopTable::count(Map& map, const dns::IpAddress& who, TopOutcome outcome) const {
  ++map[who].by_outcome[static_cast<size_t>(outcome)];
  while (map.size() > most_) {
    for (auto at = map.begin(); at != map.end();) {
      uint32_t left = 0;
      for (auto& each : at->second.by_outcome) left += each /= 2;
      at = left == 0 ? map.erase(at) : std::next(at);
    }
  }
}

std::vector<TopRow> TopTable::clients(size_t count, dns::Time now) {
  return most(&Window::clients, count, now);
}

std::vector<TopRow> TopTable::networks(size_t count, dns::Time now) {
  return most(&Window::networks, count, now);
}

std::vector<TopRow> TopTable::most(Map Window::*which, size_t count, dns::Time now) {
  const bool networks = which == &Window::networks;
  auto sums = state_.with([&](State& state) {
    turn(state, now);
    auto all = state.now.*which;
    for (const auto& [who, counts] : state.before.*which)
      for (size_t i = 0; i < counts.by_outcome.size(); ++i)
        all[who].by_outcome[i] += counts.by_outcome[i];
    return all;
  });
  std::vector<TopRow> rows;
  rows.reserve(sums.size());
  for (const auto& [who, counts] : sums) {
    const auto& [accepted, refused, no_place] = counts.by_outcome;
    const int bits = networks ? (who.is_v4() ? kNetwork4 : kNetwork6) : who.is_v4() ? 32 : 64;
    rows.push_back({who, bits, accepted, refused, no_place});
  }
  const auto wanted = rows.begin() + static_cast<ptrdiff_t>(std::min(count, rows.size()));
  std::partial_sort(rows.begin(), wanted, rows.end(), [](const TopRow& a, const TopRow& b) {
    return a.dialogs() != b.dialogs() ? a.dialogs() > b.dialogs() : a.who < b.who;
  });
  rows.erase(wanted, rows.end());
  return rows;
}

}  // namespace ravelin::proxy
