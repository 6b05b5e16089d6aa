#include "proxy/event/signals.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <vector>

#include "turns.h"

using namespace ravelin;

TEST_CASE("signals come as events of the loop, also one sent before its watcher exists") {
  proxy::prepare_signals();
  kill(getpid(), SIGHUP);
  test::Turns turns;
  std::vector<int> seen;
  const proxy::SignalWatcher watcher(turns.loop, {SIGHUP, SIGUSR1},
                                     [&seen](int number) { seen.push_back(number); });
  CHECK(turns.until([&seen] { return seen.size() == 1; }));
  kill(getpid(), SIGUSR1);
  CHECK(turns.until([&seen] { return seen.size() == 2; }));
  CHECK(seen == std::vector<int>{SIGHUP, SIGUSR1});
}

TEST_CASE("a watcher may be destroyed in its own call") {
  proxy::prepare_signals();
  test::Turns turns;
  std::unique_ptr<proxy::SignalWatcher> watcher;
  watcher = std::make_unique<proxy::SignalWatcher>(turns.loop, std::initializer_list<int>{SIGUSR1},
                                                   [&watcher](int) { watcher.reset(); });
  kill(getpid(), SIGUSR1);
  CHECK(turns.until([&watcher] { return watcher == nullptr; }));
  turns.poll();
}
