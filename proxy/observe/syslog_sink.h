// Lines to the syslogd of this machine: one datagram each to its UNIX socket, as the C library's
// syslog() sends them. That function was not taken: its socket blocks, and it makes a new one when
// syslogd was restarted, which sandbox.seccomp does not allow.
//
// While nobody takes them, lines wait in the writer's queue, so that a syslogd that is restarted
// loses none; what has no room there is counted and told like any line that was dropped.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/event/fd.h"
#include "proxy/observe/log_sink.h"

namespace ravelin::proxy {

// rsyslogd takes as much unless told otherwise.
inline constexpr size_t kSyslogLine = 8192;

// How many octets of |line| are sent if |most| are too few for it: what is cut off begins with
// neither half an escape nor half a character.
size_t cut_at(std::string_view line, size_t most);

class SyslogSink final : public LogSink {
 public:
  // A socket for all sinks of a process, one after the other; it can be connected anew any number
  // of times. "" or why there is none.
  static std::string make_socket(std::shared_ptr<const Fd>& made);

  // |path|: syslogd's socket. Whether it is there shows when something is written. Not longer than
  // check_socket_path() allows.
  SyslogSink(std::string path, std::shared_ptr<const Fd> socket);

  // Lines stay whole; one that is longer than kSyslogLine, or than the kernel takes, is cut, and
  // ends in "\...".
  Result write(std::string_view text, size_t& written) override;
  // syslogd may have made a new socket beside one that still lives.
  std::string reopen() override;
  const char* trouble() const override { return trouble_; }

 private:
  // Each 0 or an errno.
  int connect();
  int send(std::string_view line);
  int send_once(std::string_view line, size_t most);
  void wait(int error);

  const std::string path_;
  const std::shared_ptr<const Fd> socket_;
  bool connected_ = false;
  const char* trouble_ = "";
};

}  // namespace ravelin::proxy
