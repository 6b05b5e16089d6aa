// Where lines go: a file of ours, stderr, or (syslog_sink.h) the syslogd of this machine. Together
// with ctl/client these are the only places outside event/ that make system calls: they belong to
// the writer's thread, which has no loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ravelin::proxy {

// Used by one thread at a time.
class LogSink {
 public:
  LogSink() = default;
  virtual ~LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  enum class Result : uint8_t {
    Written,  // |written| octets, at least one
    Blocked,  // nobody takes them now; at most |kWaitMs| was waited
    Failed,   // disk full, reader gone, ...
  };
  static constexpr int kWaitMs = 100;
  // |text|: whole lines, but for what an earlier call left of the first.
  virtual Result write(std::string_view text, size_t& written) = 0;
  // What log rotation asks for. Returns "" or what went wrong; all then stays as it was.
  virtual std::string reopen() = 0;
  // When it was opened, the file ended in the middle of a line: a full disk, or a kill.
  virtual bool mid_line() const { return false; }
  // Why lines wait, if somebody should know; "" while all is well. Allocates nothing.
  virtual const char* trouble() const { return ""; }
};

class FileSink final : public LogSink {
 public:
  FileSink() = default;
  ~FileSink() override;

  // |path| is a file, made with mode 0640 if it is not there and always appended to; "-" for
  // stderr; or "": nowhere, and every write fails. Returns "" or what went wrong; a sink that was
  // open then stays as it was.
  std::string open(const std::string& path);
  // Writes to |fd|, which stays the caller's.
  void borrow(int fd);

  Result write(std::string_view text, size_t& written) override;
  std::string reopen() override;  // the same path
  bool mid_line() const override { return mid_line_; }

 private:
  void take(int fd, bool owned);

  std::string path_ = "-";
  int fd_ = -1;
  bool owned_ = false;
  bool regular_ = false;
  bool socket_ = false;
  bool mid_line_ = false;
};

}  // namespace ravelin::proxy
