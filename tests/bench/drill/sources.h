// Who comes from where: bots in 127.64.0.0/10, over as many /24s and /16s as told; good senders in
// /24s of their own in 127.200 (known) and 127.201 (new), or all of a kind in one, or among the
// bots.
#pragma once

#include <cstdint>

#include "tests/bench/drill/run_settings.h"

namespace ravelin::drill {

class Sources {
 public:
  // The hosts above are for good senders that are put among the bots.
  static constexpr uint32_t kBotsPerNetwork = 200;
  static uint64_t room(const RunSettings& settings);
  // For as many good senders of one kind.
  static uint64_t good_room(const RunSettings& settings);

  // |settings| outlives it.
  explicit Sources(const RunSettings& settings) : settings_(settings) {}

  // In host order. |index| counts bots of all scripts; neighbours are in different networks.
  uint32_t bot(uint32_t index) const;
  uint32_t good(GoodKind kind, uint32_t index) const;

 private:
  uint32_t network(uint32_t index) const;  // the address of a /24 of the bots'

  const RunSettings& settings_;
};

}  // namespace ravelin::drill
