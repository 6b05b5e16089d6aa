// What did they want to send? Of transactions that are refused as a whole some are let go on to
// their end, and what comes is kept in a directory, for people to look at. It goes nowhere else,
// and the client hears at the dot what it would have heard before. Which transactions may be taken
// at all is said in session_capture.cc; here it is how many, and where they go.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/capture/capture_folder.h"
#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// Why it was taken.
enum class CaptureRule : uint8_t { Source, Print, Sample };
inline constexpr std::string_view kCaptureRuleNames[] = {"source", "first_per_print", "sample"};

struct CapturedMessage {
  Id id = 0;  // of the transaction
  DialogInfo dialog;
  uint64_t print = 0;
  std::string from;             // "" for the null sender
  std::vector<std::string> to;  // all of them refused
  smtp::Reply refusal;          // that the client heard at the dot
  CaptureRule rule = CaptureRule::Sample;
  std::string text;   // as it came, without dot-stuffing; perhaps only the beginning
  uint64_t size = 0;  // of all that came
  bool whole = true;  // the client sent its dot
};

struct CaptureStats {
  uint64_t messages = 0;   // in the directory
  uint64_t bytes = 0;      // of them
  uint64_t prints = 0;     // habits that are remembered
  uint64_t under_way = 0;  // transactions being taken, and messages that wait for the disk
  uint64_t stored = 0;     // since the start
  uint64_t lost = 0;       // of these: could not be written
  bool degraded = false;   // the directory cannot be written
};

// One line for the operator.
using CaptureAlarm = std::function<void(std::string)>;

class Captures;

// Leave to take one transaction. Who lets it go without a message has taken nothing.
class CapturePlace {
 public:
  ~CapturePlace();
  CapturePlace(const CapturePlace&) = delete;
  CapturePlace& operator=(const CapturePlace&) = delete;

  CaptureRule rule() const { return rule_; }
  uint64_t print() const { return print_; }
  size_t message_size() const { return message_size_; }  // octets that are wanted

 private:
  friend class Captures;
  CapturePlace(Captures& owner, CaptureRule rule, uint64_t print, size_t message_size)
      : owner_(owner), rule_(rule), print_(print), message_size_(message_size) {}

  Captures& owner_;
  const CaptureRule rule_;
  const uint64_t print_;
  const size_t message_size_;
  bool used_ = false;
};

// Thread-safe, but for start() and stop(). No call waits for a disk. Places must be gone before it
// is.
class Captures {
 public:
  // |clock| must outlive it; |alarm| is called from any thread.
  Captures(const Clock& clock, CaptureAlarm alarm);
  ~Captures();  // as stop()
  Captures(const Captures&) = delete;
  Captures& operator=(const Captures&) = delete;

  // "": nothing is ever taken.
  void start(const std::string& directory);
  // Writes what waits, and answers who asks; nobody is called or kept any more then.
  void stop();
  void configure(const CaptureSettings& settings);
  void set_episode(bool now) { episode_ = now; }

  bool wanted() const { return running_.load(std::memory_order_relaxed); }
  // Null: not this one. |named|: the client is one of capture.sources. |print|: of its habits so
  // far, 0 if there are none.
  std::unique_ptr<CapturePlace> choose(bool named, uint64_t print);
  void store(std::unique_ptr<CapturePlace> place, CapturedMessage message);

  // |done| is called once, on a thread of its own choice; with metadata as JSON, the newest first,
  // or with metadata and text (at most |most| octets), or null if there is none of that id. False:
  // too many are asking already, or there is no directory.
  bool list(size_t limit, std::function<void(std::vector<std::string> metadata)> done);
  bool show(Id id, size_t most, std::function<void(std::unique_ptr<CapturedFile>)> done);
  // Waits until all that was given before is done. For tests.
  void settle();
  CaptureStats stats() const;

 private:
  friend class CapturePlace;
  using Steady = std::chrono::steady_clock;
  struct Print {
    uint32_t taken = 0;   // under way or in the directory
    uint32_t wasted = 0;  // chosen, and then no message came
    Steady::time_point wasted_at{};
  };

  std::optional<CaptureRule> rule_for(bool named, uint64_t print);
  bool is_room_for(uint64_t print);
  void give_back(const CapturePlace& place);
  void post(std::function<void()> job);
  bool ask(std::function<void()> job);
  void run();
  void read_folder();
  void write(CapturePlace& place, const CapturedMessage& message);
  bool disk_is_full(const CaptureSettings& settings);
  void trouble(const std::string& why);
  void trim();
  void forget_print(uint64_t print);

  const Clock& clock_;
  const CaptureAlarm alarm_;
  std::unique_ptr<CaptureFolder> folder_;     // the thread's, once it runs
  std::map<Id, CaptureFolder::Entry> index_;  // likewise; oldest first

  std::atomic<bool> running_{false};
  std::atomic<bool> episode_{false};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  CaptureSettings settings_{};
  std::unordered_map<uint64_t, Print> prints_;
  std::minstd_rand random_;
  std::deque<std::function<void()>> jobs_;
  size_t asking_ = 0;
  CaptureStats stats_;
  Steady::time_point retry_at_{};
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ravelin::proxy
