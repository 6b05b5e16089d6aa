// What ravelinctl can ask of the running daemon. The answers' shapes are in docs/control.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/observe/control_server.h"
#include "proxy/observe/curves.h"
#include "proxy/observe/episodes.h"
#include "proxy/observe/log_journal.h"
#include "proxy/overload/pressure.h"
#include "proxy/overrides.h"
#include "proxy/shared.h"
#include "proxy/worker.h"

namespace ravelin::proxy {

class EpisodeReports;

struct PressureNow {
  PressureLevel level = PressureLevel::Calm;
  std::string cause;  // "" when calm
  std::chrono::seconds lasted{};
};

struct ProcessNow {
  double cpu_s = 0;
  uint64_t resident = 0;     // bytes
  uint64_t descriptors = 0;  // open
  uint64_t most_descriptors = 0;
  std::chrono::system_clock::time_point started{};
};

// The server as the commands see it; on the main thread.
class Daemon {
 public:
  virtual ~Daemon() = default;

  virtual std::shared_ptr<const Config> config() const = 0;
  // All errors; empty if the new configuration is in force.
  virtual std::vector<std::string> reload() = 0;
  virtual uint32_t places() const = 0;  // the total in force
  virtual uint32_t workers() const = 0;
  virtual std::chrono::seconds uptime() const = 0;
  virtual JournalCounters journal() const = 0;
  virtual Shared& shared() = 0;
  virtual PressureNow pressure() const = 0;
  virtual WorkerCounts counts() const = 0;  // of all workers together
  virtual ProcessNow process() const = 0;
  virtual const Curves& curves() const = 0;
  virtual const Episodes& episodes() const = 0;
  virtual EpisodeReports& reports() = 0;
  // Of the configuration, with what was set by hand.
  virtual Limits limits() const = 0;
  virtual Overrides& overrides() = 0;
  virtual void overrides_changed() = 0;  // puts them in force
  virtual void reopen_log() = 0;
  // |call| on the thread of each worker; how many there are.
  virtual size_t visit_workers(const std::function<void(const WorkerParts&)>& call) = 0;
  // On the thread of one of them.
  virtual void visit_worker(std::function<void(const WorkerParts&)> call) = 0;
  // From any thread: calls |function| on the main one.
  virtual void post(std::function<void()> function) = 0;
};

// As "status" shows them.
nlohmann::json backends_now(Daemon& daemon);
// Of it, what "top" shows too: hostname, uptime_s, pressure, sessions, backends.
nlohmann::json status_now(Daemon& daemon);

// |daemon| must outlive |server|.
void add_control_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
