// Where the log goes, as [log] has it: to a file or stderr, to syslogd, or to both; and the journal
// in front of them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/event/fd.h"
#include "proxy/observe/log_journal.h"
#include "proxy/observe/log_writer.h"

namespace ravelin::proxy {

// Of the main thread; the journal is everybody's.
class Logs {
 public:
  explicit Logs(const Clock& clock) : clock_(clock) {}  // |clock| must outlive it

  // Once, after root is given up and before the filter of system calls. Returns "" or why not.
  std::string open(const Config& config);
  LogJournal& journal() { return *journal_; }
  const LogJournal& journal() const { return *journal_; }

  // A reload in two steps. What can fail: "" or why not, and then nothing has changed. Lines that
  // wait go to the new places.
  std::string move(const Config& now, const Config& next);
  // What cannot.
  void configure(const Config& config);

  void reopen();
  // Every second or so: says, wherever it still can, that syslogd is away and that it is back.
  void look();
  // Writes what waits, for |limit| at most.
  void shut_down(std::chrono::milliseconds limit);

 private:
  std::string have_syslog(const LogSettings& next);
  void move_syslog(const LogSettings& next);
  static void give_up(LogWriter& writer);

  const Clock& clock_;
  std::shared_ptr<const Fd> syslog_socket_;
  std::unique_ptr<LogWriter> file_;
  std::unique_ptr<LogWriter> syslog_;  // from the day it is first wanted
  std::unique_ptr<LogJournal> journal_;
  std::string_view away_;  // why lines for syslogd waited at the last look
  bool said_ = false;      // and the log says so
};

}  // namespace ravelin::proxy
