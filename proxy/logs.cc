#include "proxy/logs.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "proxy/config/root.h"
#include "proxy/observe/line_format.h"
#include "proxy/observe/syslog_sink.h"

namespace ravelin::proxy {
namespace {

using std::chrono::milliseconds;

// For what was logged before a place is given up; the main thread waits for no disk longer.
constexpr milliseconds kLastLines{200};

}  // namespace

std::string Logs::open(const Config& config) {
  LogWriterOptions options;
  options.file = seen_here(config.log.file);
  if (auto why = SyslogSink::make_socket(syslog_socket_); !why.empty()) return "log.syslog: " + why;
  const auto format = make_line_format(config.log, config.hostname, clock_);
  auto writer = LogWriter::open(options, format, clock_);
  if (!writer) return writer.error();
  file_ = std::move(*writer);
  journal_ = std::make_unique<LogJournal>(*file_, format);
  if (auto why = have_syslog(config.log); !why.empty()) return why;
  if (syslog_) move_syslog(config.log);
  configure(config);
  return "";
}

std::string Logs::move(const Config& now, const Config& next) {
  if (auto why = have_syslog(next.log); !why.empty()) return why;
  if (next.log.file != now.log.file && !next.log.file.empty())
    if (auto why = file_->move_to(seen_here(next.log.file)); !why.empty()) return why;
  if (next.log.syslog != now.log.syslog && !next.log.syslog.empty()) move_syslog(next.log);
  return "";
}

void Logs::move_syslog(const LogSettings& next) {
  syslog_->move_to(std::make_unique<SyslogSink>(seen_here(next.syslog), syslog_socket_));
}

// To nowhere for now.
std::string Logs::have_syslog(const LogSettings& next) {
  if (next.syslog.empty() || syslog_) return "";
  try {
    syslog_ = LogWriter::start(std::make_unique<FileSink>(), {}, make_syslog_format(next, clock_),
                               clock_);
  } catch (const std::system_error& error) {
    return std::string("log.syslog: cannot start a thread: ") + error.what();
  }
  return "";
}

void Logs::configure(const Config& config) {
  const auto& log = config.log;
  file_->set_flood(log.flood);
  journal_->set_format(log.file.empty() ? nullptr : make_line_format(log, config.hostname, clock_));
  if (log.file.empty()) give_up(*file_);
  if (!syslog_) return;
  syslog_->set_flood(log.flood);
  journal_->set_syslog(*syslog_, log.syslog.empty() ? nullptr : make_syslog_format(log, clock_));
  if (log.syslog.empty()) give_up(*syslog_);
}

// A writer without lines costs nothing but a thread that sleeps, so it stays; its file does not.
void Logs::give_up(LogWriter& writer) {
  writer.flush(kLastLines);
  (void)writer.move_to("");  // nowhere is always to be had
}

void Logs::reopen() {
  file_->reopen();
  if (syslog_) syslog_->reopen();
}

// Said at the second look that finds it so: a syslogd that is restarted is back before.
void Logs::look() {
  const std::string_view now = syslog_ ? syslog_->trouble() : "";
  const bool lasts = !now.empty() && !away_.empty();
  away_ = now;
  if (lasts && !said_)
    journal_->message(Severity::Warning, "log.syslog: " + std::string(now) + ": lines wait");
  if (now.empty() && said_) journal_->message(Severity::Info, "log.syslog: lines are taken again");
  if (lasts || now.empty()) said_ = lasts;
}

// Both write at the same time.
void Logs::shut_down(milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  file_->shut_down(limit);
  if (!syslog_) return;
  const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
  syslog_->shut_down(std::max(left, milliseconds(0)));
}

}  // namespace ravelin::proxy
