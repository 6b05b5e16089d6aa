// How many dialogs the file descriptors of this process allow.
#pragma once

#include <cstdint>

namespace ravelin::proxy {

// Dialogs that have given their place up and are not closed yet; for those each worker has
// descriptors.
constexpr uint32_t kYieldedPerWorker = 20;

// What needs descriptors beside the dialogs.
struct FdNeeds {
  uint32_t workers = 1;
  uint32_t listeners = 1;            // sockets, per worker
  uint32_t backend_connections = 0;  // hard caps of all backends together
  uint32_t http = 0;                 // the admin's, as it listens and answers
};

// Raises the soft limit of open files to the hard one and returns what holds then. Never fails: if
// raising is refused, it is what it was.
uint64_t raise_fd_limit();

// With fewer descriptors than this, beside the standard streams, there is no use in starting.
uint64_t fewest_fds(const FdNeeds& needs);

// Dialogs that fit into |fds| descriptors; at least 1. A dialog needs one.
uint32_t sessions_allowed(uint64_t fds, const FdNeeds& needs);

// The total to give to Places: |configured| (limits.sessions), or what fits if that is 0 or less.
uint32_t effective_sessions(uint32_t configured, uint64_t fds, const FdNeeds& needs);

}  // namespace ravelin::proxy
