// What dialogs do with the history; its thread is in history_thread.cc.
#include "proxy/observe/history.h"

#include <algorithm>
#include <utility>

#include "proxy/observe/dialog_record.h"
#include "proxy/observe/history_row.h"
#include "proxy/observe/history_search.h"
#include "proxy/observe/json_line.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMaxWaiting = 50'000;         // rows that wait for a disk
constexpr uint64_t kLeastWaiting = 4'000'000;  // octets of them, however little memory there is
constexpr size_t kMaxPoints = 1'000;
constexpr size_t kMaxReports = 4;
constexpr size_t kMaxAlike = 8'192;
constexpr size_t kMaxSearches = 4;
constexpr int64_t kAlikeFor = 60'000;  // ms since the last one

int64_t ms_of(Wall wall) {
  return std::chrono::floor<std::chrono::milliseconds>(wall).time_since_epoch().count();
}

bool holds(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return low(a) == low(b);
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

}  // namespace

History::History(std::string path, const Clock& clock, HistoryAlarm alarm)
    : clock_(clock), has_file_(!path.empty()), disk_(std::move(path), clock, std::move(alarm)) {}

History::~History() { stop(); }

void History::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void History::curve(uint32_t step, const std::function<void(int64_t, std::string_view)>& to) {
  disk_.configure(settings_);
  disk_.curve(step, to);
  const std::lock_guard lock(mutex_);
  stats_.degraded = disk_.degraded();
}

void History::start() {
  thread_ = std::thread([this] { run(); });
}

void History::configure(const HistorySettings& settings) {
  Rows gone;
  const std::lock_guard lock(mutex_);
  settings_ = settings;
  make_room(gone);
}

void History::add(HistoryEntry entry) {
  const auto now = ms_of(clock_.wall());
  auto row = std::make_shared<Row>();
  row->id = entry.id;
  row->client = entry.client.to_string();
  row->last = now;
  Rows gone;
  const std::lock_guard lock(mutex_);
  if (settings_.memory == 0) return;
  using Merge = HistoryEntry::Merge;
  const bool mergeable = entry.merge == Merge::Always || (hard_ && entry.merge == Merge::WhenHard);
  if (mergeable) {
    if (const auto same = same_as(entry); same && now - same->last <= kAlikeFor) {
      same->last = now;
      return merge(same, entry, gone);
    }
  }
  row->account = std::move(entry.account);
  if (mergeable) {
    if (alike_.size() >= kMaxAlike) alike_.clear();
    alike_[alike_key(entry)] = row;
  }
  wait_to_be_written(row);
  keep(row, gone);
}

History::RowPtr History::same_as(const HistoryEntry& entry) {
  const auto found = alike_.find(alike_key(entry));
  auto row = found == alike_.end() ? nullptr : found->second.lock();
  return row && row->client == entry.client.to_string() ? row : nullptr;
}

// Of whom |entry| speaks is kept as far as there is room; the rest of it is as in |row|.
void History::merge(const RowPtr& row, const HistoryEntry& entry, Rows& gone) {
  ++stats_.merged;
  ++row->count;
  if (!row->waits) wait_to_be_written(row);
  each_recipient(entry.account, [&](std::string_view from, std::string_view to) {
    if (!row->sample) row->sample = std::make_unique<PairSample>();
    row->resampled |= row->sample->add(from, to);
  });
  if (row->counted == 0) return;
  bytes_ += row->bytes() - row->counted;
  row->counted = row->bytes();
  make_room(gone);
}

void History::keep(const RowPtr& row, Rows& gone) {
  rows_.push_back(row);
  row->counted = row->bytes();
  bytes_ += row->counted;
  make_room(gone);
}

void History::make_room(Rows& gone) {
  while (!rows_.empty() && bytes_ > settings_.memory) {
    bytes_ -= std::exchange(rows_.front()->counted, 0);
    gone.push_back(std::move(rows_.front()));
    rows_.pop_front();
    ++gone_;
  }
}

// Clients choose how long their rows are, and a disk may be full for days.
bool History::too_much(size_t rows, uint64_t bytes) const {
  return rows > kMaxWaiting || bytes > std::max(settings_.memory, kLeastWaiting);
}

// A thread that sleeps is woken for a full batch only; else its time comes.
void History::wait_to_be_written(const RowPtr& row) {
  if (!has_file_ || settings_.size == 0) return;
  const auto bytes = row->bytes();
  if (too_much(waiting_.rows.size() + 1, waiting_.bytes + bytes)) {
    ++stats_.lost;
    return;
  }
  waiting_.rows.push_back(row);
  waiting_.bytes += bytes;
  row->waits = true;
  if (waiting_.rows.size() == kFullBatch) wake_.notify_one();
}

// Of what waits, the newest.
void History::drop_excess() {
  auto& rows = waiting_.rows;
  auto& bytes = waiting_.bytes;
  for (; !rows.empty() && too_much(rows.size(), bytes); rows.pop_back(), ++stats_.lost) {
    bytes -= std::min<uint64_t>(bytes, rows.back()->bytes());
    rows.back()->waits = false;
  }
  auto& points = waiting_.points;
  if (points.size() > kMaxPoints) points.resize(kMaxPoints);
  auto& reports = waiting_.reports;
  if (reports.size() > kMaxReports) reports.erase(reports.begin(), reports.end() - kMaxReports);
}

void History::put_point(uint32_t step, int64_t at, std::string data) {
  const std::lock_guard lock(mutex_);
  if (has_file_ && settings_.size > 0 && waiting_.points.size() < kMaxPoints)
    waiting_.points.push_back({step, at, std::move(data)});
}

void History::put_report(HistoryReport report) {
  const std::lock_guard lock(mutex_);
  if (!has_file_ || settings_.size == 0) return;
  waiting_.reports.push_back(std::move(report));
  drop_excess();
}

bool History::reports(int64_t began,
                      std::function<void(HistoryReport, std::vector<HistoryReport>)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (looks_.size() >= kMaxSearches) return false;
    looks_.push_back([this, began, done = std::move(done)] { tell_reports(began, done); });
  }
  wake_.notify_one();
  return true;
}

bool History::search(HistoryQuery query, std::function<void(HistoryFound)> done) {
  auto found = std::make_shared<HistoryFound>();
  const auto limit = query.limit;
  return visit(
      std::move(query),
      [found, limit](std::string_view account, uint32_t count, int64_t last_ms) {
        if (found->entries.size() >= limit) return false;
        found->entries.push_back({std::string(account), count, last_ms});
        return true;
      },
      [found, done = std::move(done)](bool more) {
        found->more = more;
        done(std::move(*found));
      });
}

bool History::visit(HistoryQuery query, HistoryVisitor each, std::function<void(bool)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (searching_ >= kMaxSearches) return false;
    auto& search = searches_.emplace_back();
    ++searching_;
    search.query = std::move(query);
    search.each = std::move(each);
    search.done = std::move(done);
  }
  wake_.notify_one();
  return true;
}

bool History::flush(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const auto mine = ++flushes_wanted_;
  wake_.notify_one();
  return done_.wait_for(lock, limit, [&] { return flushes_done_ >= mine; }) && flush_ok_;
}

HistoryStats History::stats() const {
  const std::lock_guard lock(mutex_);
  auto stats = stats_;
  stats.entries = rows_.size();
  stats.bytes = bytes_;
  stats.waiting = waiting_.rows.size();
  return stats;
}

HistoryEntry no_place_entry(Id id, const dns::Endpoint& client, std::string_view limit, Wall wall) {
  HistoryEntry entry{
      id, client.address, std::hash<std::string_view>()(limit), HistoryEntry::Merge::Always, {}};
  JsonLine line(entry.account);
  line.id("id", id).number("time_ms", static_cast<uint64_t>(std::max<int64_t>(0, ms_of(wall))));
  line.text("client", client.address.to_string()).number("port", client.port);
  line.text("end", "no place").text("after", limit);
  line.value("events", [](std::string& out) { out += "[]"; }).end_object();
  return entry;
}

bool matches(const HistoryQuery& query, Id id, std::string_view client, std::string_view account) {
  if (query.until != Wall::max() && id > id_at(query.until)) return false;
  if (query.id) return id == *query.id || holds(account, '"' + id_text(*query.id) + '"');
  if (query.client) return client == query.client->to_string();
  return query.text.empty() || holds(account, query.text);
}

}  // namespace ravelin::proxy
