// The thread of the history: writes in batches, removes what is old, and searches, first in memory,
// then on the disk. Searches get a moment each by turns, and what waits to be written is looked at
// in between: the report of a long attack reads for half a minute, and meanwhile the attack goes
// on. Where memory runs out, the piece of work in hand is given up, and the next one tried: lists
// are spliced, for what only changes hands must not be lost.
#include <algorithm>
#include <deque>
#include <iterator>
#include <list>
#include <new>
#include <utility>

#include "proxy/observe/history.h"
#include "proxy/observe/history_row.h"
#include "proxy/observe/history_search.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kBatchDelay = 500ms;
constexpr auto kTrimEvery = 10s;
constexpr auto kSlice = 50ms;         // for a search, before it is another's turn
constexpr auto kLongestDialog = 25h;  // limits.dialog_time is 24 h at most
constexpr size_t kScanRows = 200;     // in one piece
constexpr size_t kLookRows = 2'000;   // under the lock that every dialog takes at its end

}  // namespace

void History::run() {
  auto trim_at = Steady::now() + kTrimEvery;
  auto write_at = Steady::now() + kBatchDelay;
  bool more_to_trim = false;
  std::list<Search> under_way;
  for (;;) {
    std::unique_lock lock(mutex_);
    const auto wanted = [this] {
      return stop_ || flushes_wanted_ > flushes_done_ || !searches_.empty() || !looks_.empty() ||
             due();
    };
    const bool busy = more_to_trim || !under_way.empty();
    wake_.wait_for(lock, busy ? Steady::duration::zero() : write_at - Steady::now(), wanted);
    disk_.configure(settings_);
    const bool last = stop_;
    const auto flushes = flushes_wanted_;
    under_way.splice(under_way.end(), searches_);
    std::list<Look> looks;
    looks.swap(looks_);
    const bool wanted_now = last || flushes > flushes_done_;
    const bool time = Steady::now() >= write_at && disk_.may_write();
    auto batch = wanted_now || time || due() ? take_batch() : Batch{};
    if (Steady::now() >= write_at) write_at = Steady::now() + kBatchDelay;
    lock.unlock();

    const bool kept = write(std::move(batch));
    if (!last) {
      for (const auto& look : looks) look();
      search_on(under_way);
    }
    if (Steady::now() >= trim_at || more_to_trim) {
      more_to_trim = trim();
      trim_at = Steady::now() + kTrimEvery;
    }
    lock.lock();
    if (flushes > flushes_done_) {
      flush_ok_ = kept && waiting_.empty();
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

// False if the batch is lost, for want of memory: to keep it would take more of that each time.
bool History::write(Batch batch) {
  if (batch.empty()) return true;
  try {
    write_out(batch);
    return true;
  } catch (const std::bad_alloc&) {
    lose(batch);
    return false;
  }
}

void History::write_out(Batch& batch) {
  std::vector<HistoryRow> rows, counts;
  std::vector<CurvePoint> points;
  std::deque<std::string> accounts;  // those that are not as they are in memory
  size_t fresh = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& row : batch.rows) {
      const bool resampled = std::exchange(row->resampled, false);
      const bool whole = resampled || !row->on_disk;
      fresh += row->on_disk ? 0 : 1;
      std::string_view account = row->account;
      if (whole && row->sample) account = accounts.emplace_back(row->whole());
      (whole ? rows : counts).push_back({row->id, row->count, row->last, row->client, account});
    }
  }
  for (const auto& point : batch.points) points.push_back({point.step, point.at, point.data});
  const bool written = disk_.write(rows, counts, points);
  const bool all = written && write_reports(batch.reports);
  const std::lock_guard lock(mutex_);
  stats_.degraded = disk_.degraded();
  if (written) {
    stats_.written += fresh;
    for (const auto& row : batch.rows) row->on_disk = true;
    batch.rows.clear();
    batch.bytes = 0;
    batch.points.clear();
  }
  if (!all) give_back(std::move(batch));
}

// What could not be written waits again, in front of what has come since.
void History::give_back(Batch&& batch) {
  batch.rows.reserve(batch.rows.size() + waiting_.rows.size());
  batch.points.reserve(batch.points.size() + waiting_.points.size());
  batch.reports.reserve(batch.reports.size() + waiting_.reports.size());
  for (const auto& row : batch.rows) {
    row->waits = true;
    row->resampled = row->sample != nullptr;
  }
  batch.bytes += waiting_.bytes;
  std::move(waiting_.rows.begin(), waiting_.rows.end(), std::back_inserter(batch.rows));
  std::move(waiting_.points.begin(), waiting_.points.end(), std::back_inserter(batch.points));
  std::move(waiting_.reports.begin(), waiting_.reports.end(), std::back_inserter(batch.reports));
  waiting_ = std::move(batch);
  drop_excess();
}

void History::lose(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const auto& row : batch.rows) {
    stats_.lost += row->on_disk ? 0 : 1;
    row->resampled = row->sample != nullptr;
  }
}

bool History::trim() {
  try {
    return disk_.trim();
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Takes those that are written off |reports|.
bool History::write_reports(std::vector<HistoryReport>& reports) try {
  while (!reports.empty()) {
    if (!disk_.put_report(reports.front())) return false;
    reports.erase(reports.begin());
  }
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

// The next one's turn. Without the memory for it a search ends like one without the time.
void History::search_on(std::list<Search>& searches) {
  if (searches.empty()) return;
  std::list<Search> mine;
  mine.splice(mine.begin(), searches, searches.begin());
  auto& search = mine.front();
  const auto until = Steady::now() + kSlice;
  bool more = true;
  bool over = false;
  try {
    begin(search);
    while (!over && Steady::now() < until) {
      const bool on = show(search);
      const bool at_end =
          search.place == Search::Place::Disk && search.next < static_cast<int64_t>(search.since);
      over = !on || at_end || Steady::now() > search.end;
      more = !(on && at_end) || search.failed;
    }
  } catch (const std::bad_alloc&) {
    over = true;
    more = true;
  }
  if (!over) return searches.splice(searches.end(), mine);
  {
    const std::lock_guard lock(mutex_);
    --searching_;
  }
  try {
    search.done(more);
  } catch (const std::bad_alloc&) {
    return;  // nobody hears of it: whoever asked has a time of its own
  }
}

void History::begin(Search& search) const {
  if (search.begun) return;
  const auto& query = search.query;
  {
    const std::lock_guard lock(mutex_);
    search.below = gone_ + rows_.size();
  }
  search.end = Steady::now() + query.patience;
  search.since = id_at(query.since);
  if (query.until != Wall::max()) search.next = static_cast<int64_t>(id_at(query.until));
  if (query.id) {
    search.since = std::max(search.since, id_at(time_of(*query.id) - kLongestDialog));
    search.next = static_cast<int64_t>(*query.id);
  }
  search.begun = true;
}

bool History::show(Search& search) {
  switch (search.place) {
    case Search::Place::Memory:
      return show_rows(search, next_in_memory(search));
    case Search::Place::Waiting:
      return show_rows(search, next_waiting(search));
    case Search::Place::Disk:
      break;
  }
  return show_disk(search);
}

// Not all at once: a copy of millions of pointers under the lock would stop every worker. Rows come
// and go meanwhile; one that goes before its turn is found waiting, or on the disk.
History::Rows History::next_in_memory(Search& search) const {
  Rows rows;
  rows.reserve(kScanRows);
  {
    const std::lock_guard lock(mutex_);
    while (rows.size() < kScanRows && search.below > gone_)
      rows.push_back(rows_[--search.below - gone_]);
  }
  for (const auto& row : rows) search.known.push_back(row->id);
  if (rows.empty()) find_waiting(search);
  return rows;
}

// Rows that have left memory and are on no disk yet. This thread is the one that writes them, so
// none gets there meanwhile.
void History::find_waiting(Search& search) const {
  std::sort(search.known.begin(), search.known.end());
  bool more = true;
  for (size_t at = 0; more;) {
    search.waiting.reserve(search.waiting.size() + kLookRows);
    const std::lock_guard lock(mutex_);
    const auto end = std::min(waiting_.rows.size(), at + kLookRows);
    for (; at < end; ++at)
      if (waiting_.rows[at]->counted == 0) search.waiting.push_back(waiting_.rows[at]);
    more = at < waiting_.rows.size();
  }
  std::erase_if(search.waiting, [&](const RowPtr& row) {
    return std::binary_search(search.known.begin(), search.known.end(), row->id);
  });
  for (const auto& row : search.waiting) search.known.push_back(row->id);
  std::sort(search.known.begin(), search.known.end());
  search.place = Search::Place::Waiting;
}

History::Rows History::next_waiting(Search& search) const {
  Rows rows;
  rows.reserve(kScanRows);
  for (; rows.size() < kScanRows && !search.waiting.empty(); search.waiting.pop_back())
    rows.push_back(search.waiting.back());
  if (rows.empty()) search.place = Search::Place::Disk;
  return rows;
}

// What a dialog that became a count said is found, too.
bool History::show_rows(const Search& search, const Rows& rows) const {
  const auto& query = search.query;
  const auto since = id_at(query.since);
  for (const auto& row : rows) {
    if (row->id < since) continue;
    std::unique_lock lock(mutex_);
    const auto count = row->count;
    const auto last = row->last;
    const auto sampled = row->sample ? row->whole() : "";
    lock.unlock();
    const auto& account = sampled.empty() ? row->account : sampled;
    if (!matches(query, row->id, row->client, account)) continue;
    if (!search.each(account, count, last)) return false;
  }
  return true;
}

bool History::show_disk(Search& search) {
  const auto& query = search.query;
  if (search.next < static_cast<int64_t>(search.since)) return true;
  bool wanted = true;
  search.failed = !disk_.scan(&search.next, kScanRows, [&](const HistoryRow& row) {
    const bool known = std::binary_search(search.known.begin(), search.known.end(), row.id);
    if (!wanted || row.id < search.since || known) return;
    if (matches(query, row.id, row.client, row.account))
      wanted = search.each(row.account, row.count, row.last);
  });
  return wanted;
}

// One that is not written yet is the newest.
void History::tell_reports(
    int64_t began, const std::function<void(HistoryReport, std::vector<HistoryReport>)>& done) {
  HistoryReport report;
  std::vector<HistoryReport> earlier;
  try {
    disk_.reports(began, report, earlier);
    const std::lock_guard lock(mutex_);
    for (const auto& one : waiting_.reports) {
      if (one.began == began) report = one;
      if (one.began >= began) continue;
      earlier.push_back(one);
      earlier.back().text.clear();
    }
  } catch (const std::bad_alloc&) {
    report = {};
    earlier.clear();
  }
  try {
    done(std::move(report), std::move(earlier));
  } catch (const std::bad_alloc&) {
    return;  // as of a search
  }
}

}  // namespace ravelin::proxy
