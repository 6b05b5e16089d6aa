// What is opened while the process may still be root, and then giving root up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/event/fd.h"
#include "proxy/event/socket_file.h"
#include "proxy/overload/fd_budget.h"
#include "smtp/expected.h"

namespace ravelin::proxy {

struct Openings {
  std::vector<std::vector<Fd>> listeners;  // by worker
  Fd control;                              // none if admin.socket is ""
  SocketFile control_file;                 // goes before |control|
  Fd http;                                 // none if admin.http is ""
  bool changed_user = false;
  uint64_t file_limit = 0;  // descriptors that this process may have
};

// |user|: whom to become; "" to stay. Opens every reuse-port socket of every worker now: the kernel
// wants one uid for all of an address. Prepares log, state and control socket so that the user can
// write them. Another process on one of our addresses, or on the control socket, is an error, and
// is not disturbed. The error is one line. The process must have one thread.
smtp::Expected<Openings, std::string> open_and_drop(const Config& config, const std::string& user);

// history.db, beside the state; "" if there is none.
std::string history_path(const std::string& state_path);

// "" if this process can open |files| files more, or what to do. Asked before anything is begun: a
// library that finds none half-way ends the process in its own words.
std::string can_open(uint64_t files);

// How many workers a configuration means on this machine.
unsigned worker_count(const Config& config);

// What will need descriptors beside the dialogs.
FdNeeds fd_needs(const Config& config);

}  // namespace ravelin::proxy
