// The thread of the history: writes in batches, removes what is old, and searches, first in memory,
// then on the disk.
#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/observe/history.h"
#include "proxy/observe/history_row.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kBatchDelay = 500ms;
constexpr auto kTrimEvery = 10s;
constexpr auto kSearchTime = 5s;
constexpr auto kLongestDialog = 25h;  // limits.dialog_time is 24 h at most
constexpr size_t kScanRows = 1'000;   // in one piece

}  // namespace

void History::run() {
  auto trim_at = Steady::now() + kTrimEvery;
  bool more_to_trim = false;
  for (;;) {
    std::unique_lock lock(mutex_);
    const auto wanted = [this] {
      return stop_ || flushes_wanted_ > flushes_done_ || !searches_.empty() || due();
    };
    wake_.wait_for(lock, more_to_trim ? 0ms : kBatchDelay, wanted);
    disk_.configure(settings_);
    const bool last = stop_;
    const auto flushes = flushes_wanted_;
    auto searches = std::exchange(searches_, {});
    auto batch = disk_.may_write() || last || flushes > flushes_done_ ? take_batch() : Batch{};
    lock.unlock();

    write(std::move(batch));
    for (const auto& one : searches) answer(one);
    if (Steady::now() >= trim_at || more_to_trim) {
      more_to_trim = disk_.trim();
      trim_at = Steady::now() + kTrimEvery;
    }
    lock.lock();
    if (flushes > flushes_done_) {
      flush_ok_ = waiting_.rows.empty() && waiting_.points.empty();
      flushes_done_ = flushes;
      done_.notify_all();
    }
    if (last) return;
  }
}

bool History::due() const { return waiting_.rows.size() >= kFullBatch && disk_.may_write(); }

History::Batch History::take_batch() {
  auto batch = std::exchange(waiting_, {});
  for (const auto& row : batch.rows) row->waits = false;
  return batch;
}

// What could not be written waits again, in front of what has come since.
void History::write(Batch batch) {
  if (batch.rows.empty() && batch.points.empty()) return;
  std::vector<HistoryRow> rows, counts;
  std::vector<CurvePoint> points;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& row : batch.rows)
      (row->on_disk ? counts : rows)
          .push_back({row->id, row->count, row->last, row->client, row->account});
  }
  for (const auto& point : batch.points) points.push_back({point.step, point.at, point.data});
  const bool written = disk_.write(rows, counts, points);
  const std::lock_guard lock(mutex_);
  stats_.degraded = disk_.degraded();
  if (written) {
    stats_.written += rows.size();
    for (const auto& row : batch.rows) row->on_disk = true;
    return;
  }
  for (const auto& row : batch.rows) row->waits = true;
  std::move(waiting_.rows.begin(), waiting_.rows.end(), std::back_inserter(batch.rows));
  std::move(waiting_.points.begin(), waiting_.points.end(), std::back_inserter(batch.points));
  waiting_ = std::move(batch);
  drop_excess();
}

// The newest come first; what is in memory is not looked at on the disk again.
void History::answer(const Search& search) {
  const bool all = show_memory(search) && show_disk(search);
  search.done(!all);
}

bool History::show_memory(const Search& search) const {
  std::vector<RowPtr> rows;
  {
    const std::lock_guard lock(mutex_);
    rows.assign(rows_.rbegin(), rows_.rend());
  }
  const auto& query = search.query;
  const auto since = id_at(query.since);
  for (const auto& row : rows) {
    if (row->id < since || !matches(query, row->id, row->client, row->account)) continue;
    std::unique_lock lock(mutex_);
    const auto count = row->count;
    const auto last = row->last;
    lock.unlock();
    if (!search.each(row->account, count, last)) return false;
  }
  return true;
}

bool History::show_disk(const Search& search) {
  const auto& query = search.query;
  std::vector<Id> known;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& row : rows_) known.push_back(row->id);
  }
  std::sort(known.begin(), known.end());
  const auto end = Steady::now() + query.patience;
  auto since = id_at(query.since);
  int64_t next = INT64_MAX;
  if (query.until != Wall::max()) next = static_cast<int64_t>(id_at(query.until));
  if (query.id) {
    since = std::max(since, id_at(time_of(*query.id) - kLongestDialog));
    next = static_cast<int64_t>(*query.id);
  }
  bool wanted = true;
  while (wanted && next >= 0 && next >= static_cast<int64_t>(since)) {
    if (Steady::now() > end) return false;
    disk_.scan(&next, kScanRows, [&](const HistoryRow& row) {
      if (!wanted || row.id < since || std::binary_search(known.begin(), known.end(), row.id))
        return;
      if (matches(query, row.id, row.client, row.account))
        wanted = search.each(row.account, row.count, row.last);
    });
  }
  return wanted;
}

}  // namespace ravelin::proxy
