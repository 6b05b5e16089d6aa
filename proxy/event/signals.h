// Signals as events of one loop.
#pragma once

#include <functional>
#include <initializer_list>

#include "proxy/event/fd.h"
#include "proxy/event/loop.h"

namespace ravelin::proxy {

// For the start of main(), before any thread exists: blocks HUP, USR1, TERM and INT, which every
// thread inherits, and ignores PIPE. A signal that comes before its watcher exists waits for it.
// Child processes must unblock them before exec.
void prepare_signals();

// Calls |on_signal| on the loop's thread for each of |signals|, which are blocked. Signals of one
// kind that come before the first is taken are one (signal(7)). Throws std::system_error or
// std::bad_alloc. |loop| must outlive the watcher.
//
// signalfd, not libevent's signal events: those set handlers, which run in any thread, and belong
// to one base of the process.
class SignalWatcher {
 public:
  SignalWatcher(Loop& loop, std::initializer_list<int> signals, std::function<void(int)> on_signal);

 private:
  void on_ready();

  std::function<void(int)> on_signal_;
  Fd fd_;
  dns::Handle watch_;
};

}  // namespace ravelin::proxy
