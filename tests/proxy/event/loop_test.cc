#include "proxy/event/loop.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proxy/event/fd.h"
#include "turns.h"

using namespace ravelin;
using test::Turns;
using namespace std::chrono_literals;

namespace {

// Calls |end| when it is destroyed.
std::shared_ptr<dns::Retirable> ending(std::function<void()> end) {
  struct Ending final : dns::Retirable {
    explicit Ending(std::function<void()> call) : end(std::move(call)) {}
    ~Ending() { end(); }
    const std::function<void()> end;
  };
  return std::make_shared<Ending>(std::move(end));
}

}  // namespace

TEST_CASE("a deferred callback runs at the end of the turn, not before defer() returns") {
  Turns turns;
  int calls = 0;
  const auto handle = turns.loop.defer([&calls] { ++calls; });
  CHECK(calls == 0);
  turns.loop.turn();
  CHECK(calls == 1);
  turns.poll();
  CHECK(calls == 1);
}

TEST_CASE("destroying a handle cancels its callback") {
  Turns turns;
  bool called = false;
  const auto call = [&called] { called = true; };
  turns.loop.defer(call).reset();
  turns.loop.timer(0ns, call).reset();
  turns.loop.every(1ns, call).reset();
  turns.loop.on_turn_end(call).reset();
  turns.poll();
  CHECK_FALSE(called);
}

TEST_CASE("a callback may destroy its own handle, and others that wait in the same turn") {
  Turns turns;
  int calls = 0;
  dns::Handle first, second, timer, tick, hook;
  const std::string captured(100, 'x');  // freed with the handle, if anything is
  size_t seen = 0;
  first = turns.loop.defer([&, captured] {
    first.reset();
    second.reset();
    seen += captured.size();
    ++calls;
  });
  second = turns.loop.defer([&calls] { calls += 100; });
  timer = turns.loop.timer(0ns, [&, captured] {
    timer.reset();
    seen += captured.size();
    ++calls;
  });
  tick = turns.loop.every(1ns, [&, captured] {
    tick.reset();
    seen += captured.size();
    ++calls;
  });
  hook = turns.loop.on_turn_end([&, captured] {
    hook.reset();
    seen += captured.size();
    ++calls;
  });
  CHECK(turns.until([&calls] { return calls >= 4; }));
  turns.poll();
  CHECK(calls == 4);
  CHECK(seen == 400);
}

TEST_CASE("a timer fires once, never early, and in order of time") {
  Turns turns;
  std::string order;
  dns::Time fired{};
  const auto start = proxy::SystemClock::instance().boot();
  const auto late = turns.loop.timer(20ms, [&] {
    order += 'b';
    fired = proxy::SystemClock::instance().boot();
  });
  const auto soon = turns.loop.timer(5ms, [&order] { order += 'a'; });
  CHECK(turns.until([&order] { return order.size() == 2; }));
  turns.poll();
  CHECK(order == "ab");
  CHECK(fired - start >= 20ms);
}

TEST_CASE("a timer of no time comes in the next turn") {
  Turns turns;
  int turn = 0;
  int inner = 0;
  dns::Handle second;
  const auto first =
      turns.loop.timer(-1s, [&] { second = turns.loop.timer(0ns, [&] { inner = turn; }); });
  for (turn = 1; turn <= 3; ++turn) turns.poll(1);
  CHECK(inner == 2);
}

TEST_CASE("every() goes on until its handle is gone") {
  Turns turns;
  int ticks = 0;
  auto handle = turns.loop.every(1ms, [&ticks] { ++ticks; });
  CHECK(turns.until([&ticks] { return ticks == 3; }));
  handle.reset();
  turns.poll();
  CHECK(ticks == 3);
}

TEST_CASE("now() stands still within a turn and moves between turns") {
  Turns turns;
  const auto before = turns.loop.now();
  while (proxy::SystemClock::instance().boot() == before) {
  }
  CHECK(turns.loop.now() == before);
  turns.poll(1);
  CHECK(turns.loop.now() > before);
}

TEST_CASE("a retired object lives until the turn's callbacks and output are done") {
  Turns turns;
  std::string order;
  dns::Handle later;
  const auto handle = turns.loop.defer([&] {
    turns.loop.retire(ending([&order] { order += "destroyed"; }));
    later = turns.loop.defer([&order] { order += "callback "; });
  });
  turns.loop.turn();
  CHECK(order == "callback destroyed");
}

TEST_CASE("what a retired object retires is destroyed in the same turn") {
  Turns turns;
  bool destroyed = false;
  turns.loop.retire(ending([&] { turns.loop.retire(ending([&] { destroyed = true; })); }));
  turns.loop.turn();
  CHECK(destroyed);
}

TEST_CASE("objects that are still retired when the loop ends are destroyed") {
  bool destroyed = false;
  {
    Turns turns;
    turns.loop.retire(ending([&] { destroyed = true; }));
  }
  CHECK(destroyed);
}

TEST_CASE("callbacks that defer themselves for ever starve neither timers nor retired objects") {
  Turns turns;
  dns::Handle again;
  std::function<void()> defer = [&] { again = turns.loop.defer(defer); };
  defer();
  bool fired = false;
  bool destroyed = false;
  const auto timer = turns.loop.timer(0ns, [&fired] { fired = true; });
  turns.loop.retire(ending([&] { destroyed = true; }));
  turns.loop.turn();
  turns.loop.turn();
  CHECK(fired);
  CHECK(destroyed);
}

TEST_CASE("a hook hears of work that comes while a turn ends") {
  Turns turns;
  std::string order;
  bool answer = false;
  const auto hook = turns.loop.on_turn_end([&] {
    if (std::exchange(answer, false)) order += "answered";
  });
  const auto ask = turns.loop.defer([&] {
    order += "asked ";
    answer = true;
  });
  turns.loop.turn();
  CHECK(order == "asked answered");
}

TEST_CASE("memory that runs out in a callback loses that call only") {
  Turns turns;
  int ticks = 0;
  const auto broken = turns.loop.defer([] { throw std::bad_alloc(); });
  const auto tick = turns.loop.every(1ns, [&ticks] {
    ++ticks;
    throw std::bad_alloc();
  });
  CHECK(turns.until([&ticks] { return ticks == 2; }));
  CHECK(turns.loop.lost_callbacks() == 3);
}

TEST_CASE("watch() tells which way a descriptor is ready, as long as the handle lives") {
  Turns turns;
  const proxy::Fd event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  int writable = 0;
  int readable = 0;
  dns::Handle watch;
  watch = turns.loop.watch(event.get(), true, true, [&](dns::Reactor::Ready ready) {
    writable += ready.writable ? 1 : 0;
    readable += ready.readable ? 1 : 0;
    const uint64_t one = 1;
    if (!ready.readable) CHECK(write(event.get(), &one, sizeof one) == sizeof one);
    if (readable == 2) watch.reset();
  });
  CHECK(turns.until([&watch] { return watch == nullptr; }));
  CHECK(writable == 3);
  CHECK(readable == 2);
}
