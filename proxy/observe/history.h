// What became of dialogs, for people who ask: the latest in memory, more of them in history.db,
// written behind by a thread. A dialog never waits for it, and loses nothing by its troubles.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "dns/ip.h"
#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/observe/history_disk.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// One dialog that has ended.
struct HistoryEntry {
  Id id = 0;
  dns::IpAddress client;
  uint64_t alike = 0;  // see DialogRecord
  enum class Merge : uint8_t {
    Never,
    WhenHard,  // see History::press()
    Always,
  };
  Merge merge = Merge::Never;  // with those of the same client that are alike
  std::string account;         // JSON, one object
};

// What is looked for; one of the three.
struct HistoryQuery {
  std::optional<Id> id{};  // of a dialog or of a transaction in it
  std::optional<dns::IpAddress> client{};
  std::string text{};  // in the account, letters of any case; "" finds all
  Wall since{};
  Wall until = Wall::max();  // of the beginning of dialogs
  size_t limit = 20;         // entries
  std::chrono::seconds patience{5};
};

struct HistoryFound {
  struct Entry {
    std::string account;
    uint32_t count = 1;   // dialogs that were alike
    int64_t last_ms = 0;  // when the last of them ended, since 1970
  };
  std::vector<Entry> entries;  // newest first
  // There were more than |limit|, or there was no time to look on, or the disk failed.
  bool more = false;
};

// Called on the history's thread; returns whether the entry is wanted.
using HistoryVisitor =
    std::function<bool(std::string_view account, uint32_t count, int64_t last_ms)>;

struct HistoryStats {
  uint64_t entries = 0;  // in memory
  uint64_t bytes = 0;    // of them
  uint64_t waiting = 0;  // to be written
  uint64_t written = 0;  // rows, since the start
  uint64_t merged = 0;   // dialogs that became a count
  uint64_t lost = 0;     // never written: the file could not take them, or memory ran out
  bool degraded = false;
};

// Thread-safe, but for curve(), start() and stop(). What is looked for is looked for in pieces, and
// rows are written in between.
class History {
 public:
  // |path|: "" for memory only. Both must outlive it; |alarm| is called from any thread.
  History(std::string path, const Clock& clock, HistoryAlarm alarm);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // As the file had it, before start().
  void curve(uint32_t step, const std::function<void(int64_t at, std::string_view data)>& to);
  void start();
  // Writes what waits; searches are given up, and nobody hears of them.
  void stop();
  void configure(const HistorySettings& settings);
  // In hard times most dialogs that are alike within a minute become one entry with a count.
  void press(bool hard) { hard_ = hard; }

  // Never waits for a disk. Throws std::bad_alloc, and then the entry is lost.
  void add(HistoryEntry entry);
  void put_point(uint32_t step, int64_t at, std::string data);
  // At most a few of them wait for a disk, the newest.
  void put_report(HistoryReport report);
  // |done| hears what is kept of the episode that began at |began|, and of those before it, oldest
  // first, without their texts. As search().
  bool reports(int64_t began,
               std::function<void(HistoryReport report, std::vector<HistoryReport> earlier)> done);
  // |done| is called once, on a thread of its own choice. False: too many are searching already.
  bool search(HistoryQuery query, std::function<void(HistoryFound)> done);
  // Shows all that is found to |each|, newest first, until it returns false; |done| then hears
  // whether there was, or may be, more. Likewise.
  bool visit(HistoryQuery query, HistoryVisitor each, std::function<void(bool more)> done);
  // Waits until all that was added is written; false if it cannot be, or not in time. For tests.
  bool flush(std::chrono::milliseconds limit);
  HistoryStats stats() const;

 private:
  using Steady = std::chrono::steady_clock;
  static constexpr size_t kFullBatch = 2'000;  // rows
  struct Row;
  using RowPtr = std::shared_ptr<Row>;
  // Rows that are let go: destroyed behind the lock, for giving back memory takes its time.
  using Rows = std::vector<RowPtr>;
  struct Search;
  using Look = std::function<void()>;  // on the thread
  struct Point {
    uint32_t step;
    int64_t at;
    std::string data;
  };
  struct Batch {
    std::vector<RowPtr> rows;
    uint64_t bytes = 0;  // of them
    std::vector<Point> points;
    std::vector<HistoryReport> reports;

    bool empty() const { return rows.empty() && points.empty() && reports.empty(); }
  };

  RowPtr same_as(const HistoryEntry& entry);
  void merge(const RowPtr& row, const HistoryEntry& entry, Rows& gone);
  void keep(const RowPtr& row, Rows& gone);
  void make_room(Rows& gone);
  void wait_to_be_written(const RowPtr& row);
  bool too_much(size_t rows, uint64_t bytes) const;
  void drop_excess();
  void run();
  bool due() const;
  Batch take_batch();
  bool write(Batch batch);
  void write_out(Batch& batch);
  void give_back(Batch&& batch);
  void lose(const Batch& batch);
  bool trim();
  bool write_reports(std::vector<HistoryReport>& reports);
  void search_on(std::list<Search>& searches);
  void begin(Search& search) const;
  // A piece; false if that was all that is wanted.
  bool show(Search& search);
  bool show_rows(const Search& search, const Rows& rows) const;
  bool show_disk(Search& search);
  Rows next_in_memory(Search& search) const;
  Rows next_waiting(Search& search) const;
  void find_waiting(Search& search) const;
  void tell_reports(int64_t began,
                    const std::function<void(HistoryReport, std::vector<HistoryReport>)>& done);

  const Clock& clock_;
  const bool has_file_;
  HistoryDisk disk_;  // the thread's, once it runs

  std::atomic<bool> hard_{false};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  HistorySettings settings_{};
  std::deque<RowPtr> rows_;  // in the order in which they ended
  uint64_t gone_ = 0;        // that were in front of them: the number of the first
  uint64_t bytes_ = 0;
  std::unordered_map<uint64_t, std::weak_ptr<Row>> alike_;  // as long as they are there
  Batch waiting_;
  std::list<Search> searches_;  // that are new
  std::list<Look> looks_;
  size_t searching_ = 0;  // these and those that are under way
  HistoryStats stats_;
  uint64_t flushes_wanted_ = 0;
  uint64_t flushes_done_ = 0;
  bool flush_ok_ = true;
  bool stop_ = false;
  std::thread thread_;
};

// Of a client that got no dialog, because of |limit|.
HistoryEntry no_place_entry(Id id, const dns::Endpoint& client, std::string_view limit, Wall wall);

// Does an account speak of what is looked for? |client| as it is written.
bool matches(const HistoryQuery& query, Id id, std::string_view client, std::string_view account);

}  // namespace ravelin::proxy
