#include "proxy/overload/fd_budget.h"

#include <sys/resource.h>

#include <algorithm>

namespace ravelin::proxy {
namespace {

// Per worker: what a loop has (epoll, eventfd, libevent's own pair for signals), and c-ares, which
// opens a UDP socket per server and channel and now and then a TCP one.
constexpr uint64_t kLoop = 4;
constexpr uint64_t kPerWorker = kLoop + 2 * 8 + kYieldedPerWorker;
// Per process: standard streams, log, state files with their write-ahead logs, control socket and
// its clients, and files that are read at a reload.
constexpr uint64_t kPerProcess = 64;
constexpr uint64_t kMostSessions = 1'000'000;

}  // namespace

uint64_t raise_fd_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // what POSIX systems start with
  const auto soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : soft;
}

// Without a thought of load: a client, a backend, a DNS server, a reload, ravelinctl.
uint64_t fewest_fds(const FdNeeds& needs) {
  constexpr uint64_t kOpenAnyway = 12;  // log, state, control socket, signals, reserve, resolver
  constexpr uint64_t kInUse = 8;
  const uint64_t http = needs.http > 0 ? 2 : 0;  // one that listens, and one client
  return kOpenAnyway + kInUse + kLoop + http + needs.workers * (kLoop + 2 + needs.listeners);
}

uint32_t sessions_allowed(uint64_t fds, const FdNeeds& needs) {
  const auto others = kPerProcess + needs.workers * (kPerWorker + needs.listeners) +
                      uint64_t{needs.backend_connections} + needs.http;
  const auto left = fds > others ? fds - others : 1;
  return static_cast<uint32_t>(std::min(left, kMostSessions));
}

uint32_t effective_sessions(uint32_t configured, uint64_t fds, const FdNeeds& needs) {
  const auto allowed = sessions_allowed(fds, needs);
  return configured == 0 ? allowed : std::min(configured, allowed);
}

}  // namespace ravelin::proxy
