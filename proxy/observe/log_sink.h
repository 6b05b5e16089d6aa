// Where lines go: a file of ours or stderr. Together with ctl/client it is the only place outside
// event/ that makes system calls: it belongs to the writer's thread, which has no loop.
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
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  // |path| is a file, made with mode 0640 if it is not there and always appended to, or "-" for
  // stderr. Returns "" or what went wrong; a sink that was open then stays as it was.
  std::string open(const std::string& path);
  // Writes to |fd|, which stays the caller's.
  void borrow(int fd);
  // Opens the same path again: what log rotation asks for. As open().
  std::string reopen();
  // When it was opened, the file ended in the middle of a line: a full disk, or a kill.
  bool mid_line() const { return mid_line_; }

  enum class Result : uint8_t {
    Written,  // |written| octets, at least one
    Blocked,  // nobody reads; at most |kWait| was waited
    Failed,   // disk full, reader gone, ...
  };
  static constexpr int kWaitMs = 100;
  Result write(std::string_view text, size_t& written);

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
