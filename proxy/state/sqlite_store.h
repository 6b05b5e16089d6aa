// The store on one SQLite file: a queue that any thread may add to, and a thread that empties it.
//
// What goes wrong with the file never reaches a caller. Writing fails: the rows wait, the thread
// tries again with growing pauses, one alarm says so and another says when it works again. The file
// is damaged: it is moved aside, a new one is made under the same hash key, and every owner is
// asked for its rows. No file can be had at start: rows are dropped, memory carries on until the
// restart.
#pragma once

#include <array>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proxy/state/sqlite_file.h"
#include "proxy/state/store.h"
#include "proxy/state/write_queue.h"

namespace ravelin::proxy {

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, const Clock& clock, StoreAlarm alarm, const StoreOptions& options);
  ~SqliteStore() override;

  HashKey hash_key() const override { return hash_key_; }
  uint32_t highest_slot(Family family) const override;
  void load(Family family, RowOwner& owner) override;
  void load_behind(Family family, RowOwner& owner) override;
  void detach(Family family) override;
  void put(Family family, uint32_t slot, std::string_view row) override;
  void erase(Family family, uint32_t slot) override;
  void put_text(const std::string& name, const std::string& value) override;
  void erase_text(const std::string& name) override;
  std::map<std::string, std::string> texts() const override;
  bool flush(std::chrono::milliseconds limit) override;
  StoreStats stats() const override;

 private:
  using Steady = std::chrono::steady_clock;  // paces the thread; no row depends on it

  // What the thread knows of a family. |owner| is guarded by owner_mutex_, the rest by mutex_.
  struct Rows {
    RowOwner* owner = nullptr;
    bool loading = false;
    bool awaited = false;  // by load(): comes before what is loaded behind
    Steady::time_point begun{};
    int64_t next = 0;      // the slot to read on from
    uint32_t last = 0;     // and to: the highest one when the loading began
    uint32_t highest = 0;  // that was in the file at the start, or was put
    bool rewrite = false;  // the file lacks rows: all are written anew
    uint32_t part = 0;     // the part of its owner's rows that comes next
  };
  struct Work {
    enum class Kind : uint8_t { Wait, Stop, Write, Load, Rewrite } kind = Kind::Wait;
    size_t family = 0;
  };

  void open_first();
  std::unique_lock<std::mutex> lock_owners();
  void begin_load(Family family, RowOwner& owner, bool awaited);
  void add(Family family, uint32_t slot, std::string_view row);
  void wake_if_needed();

  // The thread.
  void run();
  void work_on(const Work& work);
  Work next_work(std::unique_lock<std::mutex>& lock);
  Work choose(Steady::time_point now);
  bool may_write(Steady::time_point now) const;
  Work next_to_load() const;
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void finish_flush();
  void write_batch();
  void load_part(size_t family);
  void rewrite_part(size_t family);
  FileResult write(const Changes& changes);
  void count_behind(const Rows& rows, uint64_t given);
  void end_load(size_t family);
  void on_result(const FileResult& result, size_t rows);
  void on_trouble(const std::string& why);
  void replace_file(const std::string& why);
  void rewrite_everything();

  const std::string path_;
  const Clock& clock_;
  const StoreAlarm alarm_;
  const StoreOptions options_;
  HashKey hash_key_;
  std::array<uint32_t, kFamilies> highest_{};

  std::unique_ptr<SqliteFile> file_;  // the thread's, once it runs; null: none can be had

  // Held while an owner is called; taken before mutex_, never after it. Callers take it by
  // lock_owners().
  std::mutex owner_mutex_;
  std::array<Rows, kFamilies> rows_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // the thread waits
  std::condition_variable done_;  // load() and flush() wait
  WriteQueue queue_;
  std::map<std::string, std::string> texts_;
  StoreStats stats_;
  Steady::time_point oldest_{};    // when the queue became non-empty
  Steady::time_point retry_at_{};  // while failing
  std::chrono::milliseconds pause_{};
  bool failing_ = false;
  bool hopeless_ = false;       // no file until the restart
  bool rewrite_texts_ = false;  // the file lacks them, too
  uint32_t callers_ = 0;        // who wait for owner_mutex_
  bool stop_ = false;
  Steady::time_point stop_by_{};
  uint64_t flushes_wanted_ = 0;
  uint64_t flushes_done_ = 0;
  bool flush_ok_ = true;

  std::thread thread_;
};

}  // namespace ravelin::proxy
