// A descriptor that the process keeps for the day when it has no other left. Without it, accept()
// fails with EMFILE, the connection stays in the backlog, the listener stays readable, and the loop
// spins: bare libevent does that two million times a second.
#pragma once

#include "proxy/event/fd.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// Thread-safe. The limit is the process's, so one is enough for all its listeners.
class ReserveFd {
 public:
  static ReserveFd& process();

  // Gives the descriptor up, takes one connection from |listener|, closes it - its client learns at
  // once that there is no place, and can try another MX - and takes a descriptor back. False if
  // there was no connection, or if another thread took the descriptor first.
  bool shed(int listener);

 private:
  ReserveFd();

  Guarded<Fd> fd_;
};

}  // namespace ravelin::proxy
