// The machine that the program sees while it runs on the test's thread: its time stands still until
// the test moves it, and the Nth of a system call fails. Other threads, and the
// test itself, see the real one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proxy/event/faults.h"

namespace ravelin::test {

enum class Call : uint8_t {
  Recv,
  Send,
  Accept,
  Socket,
  Connect,
  Shutdown,
  GetSockOpt,
  SetSockOpt,
  Read,
  Close,
  EpollCtl,
};

constexpr int kOneOctet = 0;  // instead of an error: recv() and send() move no more

class Machine {
 public:
  Machine();  // replaces the table of system calls; its destruction puts it back
  static void advance(std::chrono::nanoseconds by);

  // From the |nth| (1: the next) of these calls on, |length| fail with |error|.
  static void arm(Call call, int error, size_t nth, size_t length);
  static void disarm();
  static size_t failures();

 private:
  SysGuard guard_;
};

}  // namespace ravelin::test
