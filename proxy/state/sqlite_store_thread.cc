// The thread of the store: one piece of work at a time, writing before reading, so that loading ten
// million tuples behind does not make rows wait.
//
// Where memory runs out a piece of work is given up as if the disk had failed, and tried again
// later. What it was about is in the queue or with the owners still.
#include <algorithm>
#include <new>
#include <utility>

#include "proxy/state/alarm.h"
#include "proxy/state/broken_file.h"
#include "proxy/state/sqlite_store.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kLoadRows = 2000;   // read in one piece: a few milliseconds
constexpr size_t kDumpParts = 8;     // of at most 256 rows, written in one transaction
constexpr uint64_t kMostDamage = 5;  // files moved aside in one life; then something else is wrong

}  // namespace

void SqliteStore::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    const auto work = next_work(lock);
    lock.unlock();
    if (work.kind == Work::Kind::Stop) return file_.reset();
    try {
      work_on(work);
    } catch (const std::bad_alloc&) {
      on_trouble(FileResult::no_memory().why);
    }
  }
}

void SqliteStore::work_on(const Work& work) {
  switch (work.kind) {
    case Work::Kind::Write:
      return write_batch();
    case Work::Kind::Load:
      return load_part(work.family);
    case Work::Kind::Rewrite:
      return rewrite_part(work.family);
    case Work::Kind::Stop:
    case Work::Kind::Wait:
      return;
  }
}

SqliteStore::Work SqliteStore::next_work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const auto work = choose(Steady::now());
    if (work.kind != Work::Kind::Wait) return work;
    wait_for_work(lock);
  }
}

// A wanted flush and the end of the program try at once, once; a failure settles both.
SqliteStore::Work SqliteStore::choose(Steady::time_point now) {
  for (size_t i = 0; i < kFamilies; ++i) {
    if (!queue_.take_dropped(static_cast<Family>(i))) continue;
    rows_[i].rewrite = true;
    rows_[i].part = 0;
  }
  const bool pressed = stop_ || flushes_wanted_ > flushes_done_;
  const bool may = !hopeless_ && (!stop_ || now < stop_by_) && (pressed || may_write(now));
  const bool due =
      pressed || queue_.size() >= options_.batch_rows || now - oldest_ >= options_.batch_delay;
  if (may && due && (!queue_.empty() || rewrite_texts_)) return {Work::Kind::Write, 0};
  if (callers_ > 0) return {};  // they come first; see lock_owners()
  for (size_t i = 0; i < kFamilies && may; ++i)
    if (rows_[i].rewrite && !rows_[i].loading) return {Work::Kind::Rewrite, i};
  if (stop_) return {Work::Kind::Stop, 0};
  if (pressed) finish_flush();
  return next_to_load();
}

// Who accepts mail waits for some rows, and must not wait for ten million others.
SqliteStore::Work SqliteStore::next_to_load() const {
  for (const bool awaited : {true, false})
    for (size_t i = 0; i < kFamilies; ++i)
      if (rows_[i].loading && rows_[i].awaited == awaited) return {Work::Kind::Load, i};
  return {};
}

bool SqliteStore::may_write(Steady::time_point now) const { return !failing_ || now >= retry_at_; }

void SqliteStore::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const bool rewriting =
      std::any_of(rows_.begin(), rows_.end(), [](const Rows& rows) { return rows.rewrite; });
  const bool nothing = queue_.empty() && !rewriting && !rewrite_texts_;
  if (hopeless_ || callers_ > 0 || nothing) return wake_.wait(lock);
  auto until = oldest_ + options_.batch_delay;
  if (failing_) until = retry_at_;
  wake_.wait_until(lock, until);
}

void SqliteStore::finish_flush() {
  flush_ok_ = !failing_ && queue_.empty();
  flushes_done_ = flushes_wanted_;
  done_.notify_all();
}

FileResult SqliteStore::write(const Changes& changes) try {
  if (!file_) {  // the last one was damaged, and a new one could not be made then
    auto opened = SqliteFile::open(path_, hash_key_);
    if (!opened.file) return opened.result;
    file_ = std::move(opened.file);
  }
  return file_->write(changes);
} catch (const std::bad_alloc&) {
  return FileResult::no_memory();
}

void SqliteStore::write_batch() {
  Changes changes;
  {
    const std::lock_guard lock(mutex_);
    if (rewrite_texts_)
      for (const auto& [name, value] : texts_) queue_.add_text(name, value);
    rewrite_texts_ = false;
    changes = queue_.take(options_.batch_rows);
    oldest_ = queue_.empty() ? Steady::time_point{} : oldest_;
  }
  const auto rows = changes.rows.size() + changes.texts.size();
  const auto result = write(changes);
  {
    const std::lock_guard lock(mutex_);
    if (!result.ok()) queue_.give_back(std::move(changes));
    if (!queue_.empty() && oldest_ == Steady::time_point{}) oldest_ = Steady::now();
  }
  on_result(result, rows);
}

void SqliteStore::load_part(size_t family) {
  auto& rows = rows_[family];
  FileResult result;
  {
    const std::lock_guard owners(owner_mutex_);
    if (rows.owner == nullptr) return;  // detached meanwhile
    uint64_t given = 0;
    const auto give = [&](uint32_t slot, std::string_view row) {
      rows.owner->load_row(slot, row);
      ++given;
    };
    try {
      if (file_)
        result = file_->read(static_cast<Family>(family), &rows.next, rows.last, kLoadRows, give);
    } catch (const std::bad_alloc&) {
      result = FileResult::no_memory();
    }
    count_behind(rows, given);
    if (!file_ || !result.ok() || rows.next > UINT32_MAX) end_load(family);
  }
  if (!result.ok()) on_result(result, 0);
}

void SqliteStore::count_behind(const Rows& rows, uint64_t given) {
  const std::lock_guard lock(mutex_);
  if (!rows.awaited) stats_.rows_behind += given;
}

// With owner_mutex_ held.
void SqliteStore::end_load(size_t family) {
  if (rows_[family].owner != nullptr) rows_[family].owner->load_end();
  const std::lock_guard lock(mutex_);
  rows_[family].loading = false;
  if (!rows_[family].awaited)
    stats_.behind_took =
        std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - rows_[family].begun);
  done_.notify_all();
}

void SqliteStore::rewrite_part(size_t family) {
  auto& rows = rows_[family];
  Changes changes;
  bool more = false;
  {
    const std::lock_guard owners(owner_mutex_);
    more = rows.owner != nullptr;
    for (uint32_t i = 0; i < kDumpParts && more; ++i) {
      more = rows.owner->dump(rows.part + i, [&](uint32_t slot, std::string_view row) {
        changes.rows.insert_or_assign({static_cast<Family>(family), slot}, std::string(row));
      });
    }
  }
  const auto result = write(changes);
  {
    const std::lock_guard lock(mutex_);
    if (result.ok()) {
      rows.part += kDumpParts;
      rows.rewrite = more;
    }
  }
  on_result(result, changes.rows.size());
}

void SqliteStore::on_result(const FileResult& result, size_t rows) {
  if (result.state == FileResult::State::Damaged) return replace_file(result.why);
  if (result.state == FileResult::State::Trouble) return on_trouble(result.why);
  bool recovered = false;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.batches;
    stats_.rows += rows;  // with its batch: who sees one sees both
    recovered = std::exchange(failing_, false);
    stats_.degraded = false;
    pause_ = options_.first_retry;
  }
  if (recovered) raise_alarm(alarm_, {"state file ", path_, " is written again"});
}

void SqliteStore::on_trouble(const std::string& why) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.failures;
    first = !std::exchange(failing_, true);
    stats_.degraded = true;
    retry_at_ = Steady::now() + pause_;
    pause_ = std::min(pause_ * 2, options_.last_retry);
    if (flushes_wanted_ > flushes_done_) finish_flush();
    if (stop_) stop_by_ = Steady::now();
  }
  if (!first) return;
  raise_alarm(alarm_, {"state file ", path_, " cannot be written (", why, "): memory carries on"});
}

// Everything that is known is in memory, so a new file soon has it too.
void SqliteStore::replace_file(const std::string& why) {
  file_.reset();
  rewrite_everything();  // first: it needs no memory, as the rest does
  const auto name = move_aside(path_, clock_.wall());
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    again = name && stats_.damaged_files < kMostDamage;
    ++stats_.damaged_files;
    if (!again) hopeless_ = stats_.memory_only = stats_.degraded = true;
    if (!again) done_.notify_all();
  }
  const bool moved = name && !name->empty();
  raise_alarm(alarm_, {"state file ", path_, " is lost (", why, ")",
                       moved ? ", it was moved to " : "", moved ? *name : std::string_view(),
                       again ? ": a new one is begun" : ": memory only, until a restart"});
  if (!again) return;
  auto opened = SqliteFile::open(path_, hash_key_);
  file_ = std::move(opened.file);
  if (!file_) on_trouble(opened.result.why);
}

void SqliteStore::rewrite_everything() {
  const std::lock_guard owners(owner_mutex_);
  for (size_t i = 0; i < kFamilies; ++i)
    if (rows_[i].loading) end_load(i);
  const std::lock_guard lock(mutex_);
  queue_.drop_all_rows();
  rewrite_texts_ = true;
  oldest_ = Steady::now();
}

}  // namespace ravelin::proxy
