// The calls of other threads; what the thread does is in sqlite_store_thread.cc.
#include "proxy/state/sqlite_store.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/state/broken_file.h"

namespace ravelin::proxy {

std::unique_ptr<Store> open_store(const std::string& path, const Clock& clock, StoreAlarm alarm,
                                  const StoreOptions& options) {
  if (path.empty()) return nullptr;
  return std::make_unique<SqliteStore>(path, clock, std::move(alarm), options);
}

SqliteStore::SqliteStore(std::string path, const Clock& clock, StoreAlarm alarm,
                         const StoreOptions& options)
    : path_(std::move(path)),
      clock_(clock),
      alarm_(std::move(alarm)),
      options_(options),
      hash_key_(random_hash_key()),
      queue_(options.max_pending),
      pause_(options.first_retry) {
  open_first();
  if (!hopeless_) thread_ = std::thread([this] { run(); });
}

SqliteStore::~SqliteStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    stop_by_ = Steady::now() + std::chrono::seconds(1);
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// One alarm, whatever happens here.
void SqliteStore::open_first() {
  auto opened = SqliteFile::open(path_, hash_key_);
  std::string story;
  if (opened.result.state == FileResult::State::Damaged) {
    story = "state file " + path_ + " cannot be used (" + opened.result.why + ")";
    if (const auto name = move_aside(path_, clock_.wall())) {
      opened = SqliteFile::open(path_, hash_key_);
      if (opened.file) alarm_(story + ": it was moved to " + *name + " and a new one begun");
    } else {
      opened.result.why += ", and it cannot be moved aside";
    }
  }
  file_ = std::move(opened.file);
  hopeless_ = stats_.memory_only = stats_.degraded = !file_;
  if (!file_) {
    return alarm_("state file " + path_ + " cannot be used (" + opened.result.why +
                  "): standing and greylist are kept in memory only, until a restart");
  }
  hash_key_ = file_->hash_key();
  texts_ = file_->texts();
  for (size_t i = 0; i < kFamilies; ++i)
    highest_[i] = rows_[i].highest = file_->highest_slot(static_cast<Family>(i));
}

uint32_t SqliteStore::highest_slot(Family family) const {
  return highest_[static_cast<size_t>(family)];
}

// A mutex knows no queue: the thread, which takes it for one piece of rows after the other, would
// have it again before anybody else is awake, and a start or an end would take seconds. So it steps
// back while somebody waits.
std::unique_lock<std::mutex> SqliteStore::lock_owners() {
  {
    const std::lock_guard lock(mutex_);
    ++callers_;
  }
  std::unique_lock owners(owner_mutex_);
  {
    const std::lock_guard lock(mutex_);
    --callers_;
  }
  wake_.notify_one();
  return owners;
}

void SqliteStore::begin_load(Family family, RowOwner& owner, bool awaited) {
  const auto owners = lock_owners();
  auto& rows = rows_[static_cast<size_t>(family)];
  assert(rows.owner == nullptr);
  rows.owner = &owner;
  std::unique_lock lock(mutex_);
  rows.next = 0;
  rows.last = rows.highest;
  rows.loading = !hopeless_;
  rows.awaited = awaited;
  rows.begun = Steady::now();
  if (rows.loading) return wake_.notify_one();
  lock.unlock();
  owner.load_end();
}

void SqliteStore::load_behind(Family family, RowOwner& owner) { begin_load(family, owner, false); }

void SqliteStore::load(Family family, RowOwner& owner) {
  begin_load(family, owner, true);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return !rows_[static_cast<size_t>(family)].loading; });
}

void SqliteStore::detach(Family family) {
  const auto owners = lock_owners();
  auto& rows = rows_[static_cast<size_t>(family)];
  rows.owner = nullptr;
  const std::lock_guard lock(mutex_);
  rows.loading = rows.rewrite = false;
}

void SqliteStore::put(Family family, uint32_t slot, std::string_view row) {
  assert(!row.empty() && row.size() <= kMaxRow);
  add(family, slot, row);
}

void SqliteStore::erase(Family family, uint32_t slot) { add(family, slot, {}); }

void SqliteStore::add(Family family, uint32_t slot, std::string_view row) {
  const std::lock_guard lock(mutex_);
  if (hopeless_) return;
  auto& highest = rows_[static_cast<size_t>(family)].highest;
  highest = std::max(highest, slot);
  queue_.add(family, slot, row);
  wake_if_needed();
}

// The thread sleeps until the first row's time has come; only a full batch cuts that short.
void SqliteStore::wake_if_needed() {
  if (oldest_ == Steady::time_point{}) {
    oldest_ = Steady::now();
    wake_.notify_one();
  } else if (queue_.size() == options_.batch_rows) {
    wake_.notify_one();
  }
}

void SqliteStore::put_text(const std::string& name, const std::string& value) {
  const std::lock_guard lock(mutex_);
  texts_[name] = value;
  if (hopeless_) return;
  queue_.add_text(name, value);
  wake_if_needed();
}

void SqliteStore::erase_text(const std::string& name) {
  const std::lock_guard lock(mutex_);
  texts_.erase(name);
  if (hopeless_) return;
  queue_.add_text(name, {});
  wake_if_needed();
}

std::map<std::string, std::string> SqliteStore::texts() const {
  const std::lock_guard lock(mutex_);
  return texts_;
}

bool SqliteStore::flush(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (hopeless_) return false;
  const auto mine = ++flushes_wanted_;
  wake_.notify_one();
  return done_.wait_for(lock, limit, [&] { return flushes_done_ >= mine || hopeless_; }) &&
         flush_ok_ && !hopeless_;
}

StoreStats SqliteStore::stats() const {
  const std::lock_guard lock(mutex_);
  auto stats = stats_;
  stats.pending = queue_.size();
  for (const auto& rows : rows_) stats.loading = stats.loading || rows.loading;
  return stats;
}

}  // namespace ravelin::proxy
