// Lines to a sink (a file, stderr, syslogd) by a thread of its own. Whoever has lines never waits:
// they go into a bounded queue, and if a disk is full or nobody reads a pipe, lines are dropped and
// counted, and the log says how many as soon as it can.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/event/clock.h"
#include "proxy/observe/line_format.h"
#include "proxy/observe/log_sink.h"
#include "smtp/expected.h"

namespace ravelin::proxy {

struct LogWriterOptions {
  std::string file = "-";
  int fd = -1;                           // if set, taken instead of |file|; stays the caller's
  size_t queue_bytes = 8 * 1024 * 1024;  // of lines that wait
  uint32_t flood = 10'000;               // lines a second; 0: no limit
  // How long a line may wait for company: one write for the lines of many dialogs.
  std::chrono::milliseconds batch_delay{20};
};

// Thread-safe.
class LogWriter {
 public:
  // The error says which file and why. |clock| must outlive the writer; |format| words the
  // writer's own lines.
  static smtp::Expected<std::unique_ptr<LogWriter>, std::string> open(
      const LogWriterOptions& options, std::shared_ptr<const LineFormat> format,
      const Clock& clock);
  // To any sink; |options.file| and |.fd| mean nothing then. Throws if no thread can be had.
  static std::unique_ptr<LogWriter> start(std::unique_ptr<LogSink> sink,
                                          const LogWriterOptions& options,
                                          std::shared_ptr<const LineFormat> format,
                                          const Clock& clock);
  ~LogWriter();  // shut_down(2 s)
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Shall a line of this kind be formatted at all, or is it held back and counted?
  bool admit(std::string_view reason);
  // |lines| is one or more whole lines; they stay together.
  void append(std::string_view lines);
  // For whoever could not even format a line.
  void count_dropped(uint64_t lines);

  // The sink is opened anew before the next line is written. If that fails, the old one is kept
  // and says so.
  void reopen();
  // Another sink from now on; lines that still wait go there, too.
  void move_to(std::unique_ptr<LogSink> sink);
  // The same for a file, "-" for stderr, "" for nowhere. Opened on the caller's thread, so that a
  // reload can fail: returns "" or why not, and then nothing changes.
  std::string move_to(const std::string& file);
  void set_flood(uint32_t lines_per_second);
  void set_format(std::shared_ptr<const LineFormat> format);

  // Waits until all that was appended before is written or dropped; false if |limit| was not
  // enough. For tests and last words.
  bool flush(std::chrono::milliseconds limit);
  // Writes what is queued, for |limit| at most, and ends the thread. Later lines are dropped. A
  // thread that hangs in the kernel (a dead NFS server) is left behind: the process should end soon
  // after.
  void shut_down(std::chrono::milliseconds limit);

  struct Counters {
    uint64_t lines = 0;    // written
    uint64_t dropped = 0;  // lost: no room, or the sink failed
    uint64_t flooded = 0;  // held back by the flood limit
  };
  Counters counters() const;
  // Why lines wait, as the sink says it; "" while they do not.
  const char* trouble() const;

 private:
  struct Core;
  explicit LogWriter(std::shared_ptr<Core> core);

  // Shared with the thread, which may have to be left behind.
  std::shared_ptr<Core> core_;
};

}  // namespace ravelin::proxy
