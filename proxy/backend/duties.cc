#include "proxy/backend/duties.h"

#include <algorithm>
#include <random>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

// The first probes come one after the other, not all at start.
constexpr auto kFirstProbe = 60s;
constexpr auto kBetweenProbes = 5s;

uint64_t step(uint64_t& random) {  // splitmix64
  random += 0x9e3779b97f4a7c15ULL;
  uint64_t mixed = random;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

}  // namespace

// Servers that check for random-looking names would answer those differently, and the probe is
// about what people's addresses get.
std::string invented_local_part(uint64_t& random) {
  static constexpr std::string_view kOnsets[] = {"b", "d", "f", "g", "j", "k", "l", "m",
                                                 "n", "p", "r", "s", "t", "v", "w", "z"};
  static constexpr std::string_view kRhymes[] = {"an", "el", "or", "ev", "is", "ul", "ar", "en"};
  const auto word = [&](int syllables) {
    std::string text;
    for (int i = 0; i < syllables; ++i) {
      const auto bits = step(random);
      text += kOnsets[bits % std::size(kOnsets)];
      text += kRhymes[(bits >> 32) % std::size(kRhymes)];
    }
    return text;
  };
  auto first = word(2);
  return std::move(first) + "." + word(4);
}

void Duties::set_domains(const std::vector<std::pair<std::string, std::string>>& domains,
                         dns::Time now) {
  state_.with([&](State& state) {
    std::map<std::string, Domain> next;
    auto due = now + kFirstProbe;
    for (const auto& [domain, route] : domains) {
      const auto old = state.domains.find(domain);
      next[domain] = {route, old != state.domains.end() ? old->second.due : due};
      due += kBetweenProbes;
    }
    state.domains = std::move(next);
    state.earliest = now;
  });
}

void Duties::ask_canary(const std::string& route, const std::string& domain) {
  state_.with([&](State& state) {
    const auto same = [&](const Duty& duty) { return duty.route == route; };
    if (std::any_of(state.canaries.begin(), state.canaries.end(), same)) return;
    state.canaries.push_back({Duty::Kind::Canary, route, domain, "postmaster@" + domain});
  });
}

std::optional<Duty> Duties::next_catch_all(State& state, dns::Time now) {
  if (state.probing || state.domains.empty() || now < state.earliest) return {};
  const auto sooner = [](const auto& a, const auto& b) { return a.second.due < b.second.due; };
  const auto first = std::min_element(state.domains.begin(), state.domains.end(), sooner);
  state.earliest = first->second.due;
  if (first->second.due > now) return {};
  if (state.random == 0) state.random = std::random_device{}();
  const auto recipient = invented_local_part(state.random) + "@" + first->first;
  Duty duty{Duty::Kind::CatchAll, first->second.route, first->first, recipient};
  first->second.due = now + kCatchAllEvery;  // with the duty made: memory may have run out
  state.probing = true;
  return duty;
}

std::optional<Duty> Duties::next(dns::Time now) {
  return state_.with([&](State& state) -> std::optional<Duty> {
    if (state.canaries.empty()) return next_catch_all(state, now);
    auto duty = std::move(state.canaries.front());
    state.canaries.pop_front();
    return duty;
  });
}

void Duties::done(const Duty& duty) {
  if (duty.kind == Duty::Kind::CatchAll) state_.with([](State& state) { state.probing = false; });
}

}  // namespace ravelin::proxy
