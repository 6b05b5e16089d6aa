// What ravelinctl trace shows of living dialogs: each command and reply, as it goes by. What would
// give a secret away is left out before it comes here, and the text of messages never comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dns/ip.h"
#include "proxy/event/clock.h"
#include "proxy/event/guarded.h"
#include "proxy/observe/journal.h"
#include "smtp/command.h"

namespace ravelin::proxy {

struct TraceLine {
  enum class Way : uint8_t { Client, Us, Note };  // who said it; or what happened

  Wall at{};
  Id id = 0;
  dns::Endpoint client;
  Way way = Way::Note;
  std::string text;  // as it was said, cut
};

// One administrator's look at some clients. Thread-safe: workers put lines, the main thread takes
// them. A reader that is slow loses lines, and a dialog never waits.
class Trace {
 public:
  static constexpr size_t kLines = 2'000;  // that wait
  static constexpr size_t kText = 1'000;   // octets of one

  explicit Trace(const dns::Cidr& network) : network_(network) {}

  bool wants(const dns::IpAddress& client) const { return network_.contains(client); }
  void put(TraceLine line) noexcept;
  struct Taken {
    std::vector<TraceLine> lines;
    uint64_t lost = 0;  // since the last take()
  };
  Taken take(size_t most);
  // Nobody looks any more.
  void end() { over_ = true; }
  bool over() const { return over_; }

 private:
  struct Queue {
    std::vector<TraceLine> lines;
    uint64_t lost = 0;
  };

  const dns::Cidr network_;
  Guarded<Queue> queue_;
  std::atomic<bool> over_{false};
};

// Of one worker, on its thread.
class TraceTap {
 public:
  explicit TraceTap(const Clock& clock) : clock_(clock) {}

  void add(std::shared_ptr<Trace> trace) { traces_.push_back(std::move(trace)); }
  void prune();  // those that are over
  bool on() const { return !traces_.empty(); }
  // No memory: the line is lost.
  void said(const DialogInfo& dialog, TraceLine::Way way, std::string_view text) noexcept;

 private:
  const Clock& clock_;
  std::vector<std::shared_ptr<Trace>> traces_;
};

// A client's line as it may be shown. |after_auth|: the dialog has seen an AUTH; what follows may
// be a part of it, although it was refused.
std::string traced_command(std::string_view line, smtp::Verb verb, bool after_auth);

}  // namespace ravelin::proxy
