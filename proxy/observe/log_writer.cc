#include "proxy/observe/log_writer.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "proxy/observe/flood_gate.h"

namespace ravelin::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kBatchBytes = 64 * 1024;   // a batch that need not wait for more
constexpr size_t kKeptBytes = 1024 * 1024;  // buffers that grew beyond it are given back
constexpr milliseconds kNoticePeriod{1000};

uint64_t count_lines(std::string_view text) {
  uint64_t lines = 0;
  for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) ++lines;
  return lines;
}

}  // namespace

struct LogWriter::Core {
  Core(const LogWriterOptions& with, std::shared_ptr<const LineFormat> with_format,
       const Clock& with_clock)
      : options(with), clock(with_clock), gate(with.flood), format(std::move(with_format)) {}

  void run();
  bool take_batch(std::string& batch, bool& reopening);
  // Under |mutex|; the sink of before is the caller's, to be closed without it.
  std::unique_ptr<LogSink> take_next_sink();
  bool moved();
  void speak(std::string& batch, bool reopening, bool last);
  void add_notices(std::string& batch, bool last);
  size_t end_half_line(std::string& batch) const;
  void reopen_sink(std::string& batch);
  void write(std::string& batch);
  bool out_of_time();
  void lose(std::string_view rest);

  const LogWriterOptions options;
  const Clock& clock;
  FloodGate gate;
  std::atomic<uint64_t> lines{0}, dropped{0};
  std::atomic<uint64_t> unreported{0};  // dropped, and the log does not say so yet
  std::atomic<const char*> trouble{""};

  // Under |mutex|.
  std::mutex mutex;
  std::condition_variable work;  // for the thread
  std::condition_variable idle;  // from the thread
  std::shared_ptr<const LineFormat> format;
  std::string pending;
  std::unique_ptr<LogSink> next_sink;  // of move_to()
  bool reopen_wanted = false;
  bool hurry = false;  // somebody waits in flush()
  bool writing = false;
  bool stopping = false;
  bool finished = false;
  steady_clock::time_point deadline;

  // The thread's own.
  std::unique_ptr<LogSink> sink;
  uint64_t reporting = 0;  // drops that a notice in the current batch tells of
  bool mid_line = false;   // the sink failed, or the file ended, in the middle of a line
  steady_clock::time_point last_notice = steady_clock::now();
  std::thread thread;  // the owner's
};

// Takes all that waits, in at most |kNoticePeriod|. Returns whether it is the last batch.
bool LogWriter::Core::take_batch(std::string& batch, bool& reopening) {
  std::unique_ptr<LogSink> old;  // goes behind the lock
  std::unique_lock lock(mutex);
  const auto urgent = [this] { return stopping || reopen_wanted || next_sink || hurry; };
  work.wait_for(lock, kNoticePeriod, [&] { return urgent() || !pending.empty(); });
  work.wait_for(lock, options.batch_delay,
                [&] { return urgent() || pending.empty() || pending.size() >= kBatchBytes; });
  batch.clear();
  batch.swap(pending);
  reopening = std::exchange(reopen_wanted, false);
  old = take_next_sink();
  writing = true;
  return stopping;
}

// To close a file on a server that is gone takes as long as that is: with the lock held, all who
// have lines would wait.
std::unique_ptr<LogSink> LogWriter::Core::take_next_sink() {
  if (!next_sink) return nullptr;
  auto old = std::exchange(sink, std::move(next_sink));
  mid_line = sink->mid_line();
  trouble = "";
  return old;
}

bool LogWriter::Core::moved() {
  std::unique_ptr<LogSink> old;
  const std::lock_guard lock(mutex);
  old = take_next_sink();
  return old != nullptr;
}

// Without memory, what was to be told of drops is told with the next batch.
void LogWriter::Core::speak(std::string& batch, bool reopening, bool last) {
  const auto size = batch.size();
  try {
    if (reopening) reopen_sink(batch);
    add_notices(batch, last);
  } catch (const std::bad_alloc&) {
    batch.resize(size);
    unreported += std::exchange(reporting, 0);
  }
}

// Ends the half line that a failure left. How many octets of |batch| that takes.
size_t LogWriter::Core::end_half_line(std::string& batch) const {
  if (!mid_line || batch.empty()) return 0;
  try {
    batch.insert(batch.begin(), '\n');
    return 1;
  } catch (const std::bad_alloc&) {
    return 0;  // two lines are one then
  }
}

void LogWriter::Core::run() {
  sigset_t all;  // signals are the main thread's, and a pipe without a reader is an error like any
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);

  std::string batch;
  for (bool last = false; !last;) {
    bool reopening = false;
    last = take_batch(batch, reopening);
    speak(batch, reopening, last);
    write(batch);
    if (batch.capacity() > kKeptBytes) std::string().swap(batch);
    const std::lock_guard lock(mutex);
    writing = false;
    if (pending.empty()) hurry = false;
    finished = last;
    idle.notify_all();
  }
}

void LogWriter::Core::reopen_sink(std::string& batch) {
  const auto error = sink->reopen();
  if (error.empty()) {
    mid_line = sink->mid_line();  // a half line of before is in the other file, if it is another
    return;
  }
  const std::lock_guard lock(mutex);
  format->message(batch, Severity::Warning, error);
}

// What the log says of itself, behind the lines of the batch: that is where the gap is.
void LogWriter::Core::add_notices(std::string& batch, bool last) {
  const auto now = steady_clock::now();
  reporting = unreported.exchange(0);
  const bool due = last || now - last_notice >= kNoticePeriod;
  if (!due && reporting == 0) return;

  const std::lock_guard lock(mutex);
  if (due) {
    last_notice = now;
    for (const auto& held : gate.take())
      format->message(batch, Severity::Warning,
                      fmt::format("log flood: {} lines held back: {}", held.lines, held.reason));
  }
  if (reporting > 0)
    format->message(batch, Severity::Warning, fmt::format("{} lines dropped", reporting));
}

void LogWriter::Core::write(std::string& batch) {
  size_t filler = end_half_line(batch);  // counts as no line
  std::string_view rest = batch;
  while (!rest.empty()) {
    size_t written = 0;
    const auto result = sink->write(rest, written);
    trouble.store(sink->trouble(), std::memory_order_relaxed);
    const bool blocked = result == LogSink::Result::Blocked;
    if (blocked && (moved() || !out_of_time())) continue;
    if (result != LogSink::Result::Written) return lose(rest.substr(filler));
    lines.fetch_add(count_lines(rest.substr(filler, written - filler)), std::memory_order_relaxed);
    filler = 0;
    mid_line = rest[written - 1] != '\n';
    rest.remove_prefix(written);
  }
  reporting = 0;
}

// The notice of earlier drops, if there was one, was the last line, so it is lost as well: its
// count goes back, and it is no loss itself.
void LogWriter::Core::lose(std::string_view rest) {
  auto lost = count_lines(rest);
  if (reporting > 0) --lost;
  dropped.fetch_add(lost, std::memory_order_relaxed);
  unreported.fetch_add(lost + std::exchange(reporting, 0), std::memory_order_relaxed);
}

bool LogWriter::Core::out_of_time() {
  const std::lock_guard lock(mutex);
  return stopping && steady_clock::now() >= deadline;
}

smtp::Expected<std::unique_ptr<LogWriter>, std::string> LogWriter::open(
    const LogWriterOptions& options, std::shared_ptr<const LineFormat> format, const Clock& clock) {
  auto sink = std::make_unique<FileSink>();
  if (options.fd >= 0) {
    sink->borrow(options.fd);
  } else if (auto error = sink->open(options.file); !error.empty()) {
    return error;
  }
  return start(std::move(sink), options, std::move(format), clock);
}

std::unique_ptr<LogWriter> LogWriter::start(std::unique_ptr<LogSink> sink,
                                            const LogWriterOptions& options,
                                            std::shared_ptr<const LineFormat> format,
                                            const Clock& clock) {
  auto core = std::make_shared<Core>(options, std::move(format), clock);
  core->mid_line = sink->mid_line();
  core->sink = std::move(sink);
  core->thread = std::thread([core] { core->run(); });
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(core)));
}

LogWriter::LogWriter(std::shared_ptr<Core> core) : core_(std::move(core)) {}

LogWriter::~LogWriter() { shut_down(std::chrono::seconds(2)); }

bool LogWriter::admit(std::string_view reason) {
  return core_->gate.admit(reason, core_->clock.boot());
}

// The thread is woken for the first line only, and when a batch is full.
void LogWriter::append(std::string_view lines) {
  bool wake = false;
  {
    const std::lock_guard lock(core_->mutex);
    const auto before = core_->pending.size();
    if (!core_->stopping && before + lines.size() <= core_->options.queue_bytes) {
      core_->pending.append(lines);
      wake = before == 0 || (before < kBatchBytes && core_->pending.size() >= kBatchBytes);
      lines = {};
    }
  }
  if (!lines.empty()) count_dropped(count_lines(lines));
  if (wake) core_->work.notify_one();
}

void LogWriter::count_dropped(uint64_t lines) {
  core_->dropped.fetch_add(lines, std::memory_order_relaxed);
  core_->unreported.fetch_add(lines, std::memory_order_relaxed);
}

void LogWriter::reopen() {
  const std::lock_guard lock(core_->mutex);
  core_->reopen_wanted = true;
  core_->work.notify_one();
}

void LogWriter::move_to(std::unique_ptr<LogSink> sink) {
  const std::lock_guard lock(core_->mutex);
  std::swap(core_->next_sink, sink);  // one that was never used is closed behind the lock, too
  core_->work.notify_one();
}

std::string LogWriter::move_to(const std::string& file) {
  auto sink = std::make_unique<FileSink>();
  if (auto error = sink->open(file); !error.empty()) return error;
  move_to(std::move(sink));
  return "";
}

void LogWriter::set_flood(uint32_t lines_per_second) { core_->gate.set_limit(lines_per_second); }

void LogWriter::set_format(std::shared_ptr<const LineFormat> format) {
  const std::lock_guard lock(core_->mutex);
  core_->format = std::move(format);
}

bool LogWriter::flush(milliseconds limit) {
  std::unique_lock lock(core_->mutex);
  core_->hurry = true;
  core_->work.notify_one();
  return core_->idle.wait_for(lock, limit, [this] {
    return (core_->pending.empty() && !core_->writing) || core_->finished;
  });
}

void LogWriter::shut_down(milliseconds limit) {
  if (!core_->thread.joinable()) return;
  std::unique_lock lock(core_->mutex);
  core_->stopping = true;
  core_->deadline = steady_clock::now() + limit;
  core_->work.notify_one();
  // A moment more than the limit: the thread looks at the deadline between two waits.
  const auto last_wait = limit + milliseconds(5 * LogSink::kWaitMs);
  const bool done = core_->idle.wait_for(lock, last_wait, [this] { return core_->finished; });
  lock.unlock();
  if (done) {
    core_->thread.join();
  } else {
    core_->thread.detach();
  }
}

LogWriter::Counters LogWriter::counters() const {
  return {core_->lines.load(), core_->dropped.load(), core_->gate.held()};
}

const char* LogWriter::trouble() const { return core_->trouble.load(std::memory_order_relaxed); }

}  // namespace ravelin::proxy
