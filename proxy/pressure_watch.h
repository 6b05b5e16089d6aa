// Looks once a second how hard we are pressed, and tells of each change.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dns/reactor.h"
#include "proxy/config/config.h"
#include "proxy/event/loop.h"
#include "proxy/event/process_memory.h"
#include "proxy/overload/pressure.h"
#include "proxy/shared.h"

namespace ravelin::proxy {

// Used on the main thread.
class PressureWatch {
 public:
  // Before the privileges are dropped, see ProcessMemory.
  PressureWatch() = default;

  // What holds now: at the beginning and after a reload. |places|: the total in force;
  // |descriptors|: how many dialogs and backends may have.
  void configure(std::shared_ptr<const Config> config, const Limits& limits, uint32_t places,
                 uint32_t descriptors);
  // All that it is given must outlive it. |changed| is called behind the line in the log.
  void start(Loop& loop, Shared& shared, std::vector<Tally*> tallies,
             std::function<void()> changed);

  const Pressure& pressure() const { return pressure_; }
  const ProcessMemory& memory() const { return memory_; }

 private:
  void look();
  Load load();

  const ProcessMemory memory_;
  std::shared_ptr<const Config> config_;
  Limits limits_{};
  uint32_t places_ = 0;
  uint32_t descriptors_ = 0;
  Loop* loop_ = nullptr;
  Shared* shared_ = nullptr;
  std::vector<Tally*> tallies_;
  std::function<void()> changed_;
  Pressure pressure_;
  uint64_t looks_ = 0;
  dns::Handle timer_;
};

}  // namespace ravelin::proxy
