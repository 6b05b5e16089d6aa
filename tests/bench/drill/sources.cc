#include "tests/bench/drill/sources.h"

namespace ravelin::drill {
namespace {

constexpr uint32_t kBots = 127u << 24 | 64u << 16;
constexpr uint32_t kGood = 127u << 24 | 200u << 16;
constexpr uint32_t kOneNetwork = 240;  // hosts from .10 on

}  // namespace

uint64_t Sources::room(const RunSettings& settings) {
  return uint64_t{settings.networks} * kBotsPerNetwork;
}

uint64_t Sources::good_room(const RunSettings& settings) {
  switch (settings.good_place) {
    case GoodPlace::Apart:
      break;
    case GoodPlace::OneNetwork:
      return kOneNetwork;
    case GoodPlace::BotsWide:
      return uint64_t{settings.wide_networks} * 254;
    case GoodPlace::BotsNetworks:
      return uint64_t{settings.networks} * ((254 - kBotsPerNetwork) / kGoodKinds);
  }
  return uint64_t{256} * 16;
}

uint32_t Sources::network(uint32_t index) const {
  const uint32_t wide = index % settings_.wide_networks;
  return kBots + (wide << 16) + (index / settings_.wide_networks << 8);
}

uint32_t Sources::bot(uint32_t index) const {
  return network(index % settings_.networks) + 1 + index / settings_.networks;
}

uint32_t Sources::good(GoodKind kind, uint32_t index) const {
  const auto which = static_cast<uint32_t>(kind);
  // 4096 senders of a kind: 256 networks of 16.
  const uint32_t host = 10 + index / 256;
  switch (settings_.good_place) {
    case GoodPlace::Apart:
      return kGood + (which << 16) + (index % 256 << 8) + host;
    case GoodPlace::OneNetwork:
      return kGood + (which << 16) + 10 + index;
    case GoodPlace::BotsWide:
      // A /24 that no bot is in is found behind theirs; 127.x.255 down.
      return kBots + (index % settings_.wide_networks << 16) + ((255 - which) << 8) + 1 +
             index / settings_.wide_networks;
    case GoodPlace::BotsNetworks:
      break;
  }
  const uint32_t among = index * uint32_t{kGoodKinds} + which;
  return network(among % settings_.networks) + kBotsPerNetwork + 1 + among / settings_.networks;
}

}  // namespace ravelin::drill
