#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "faults.h"
#include "turns.h"

using namespace ravelin;
using test::Turns;

namespace {

int wakes = 0;

}  // namespace

TEST_CASE("functions posted by threads all run on the loop's thread, each thread's in order") {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  Turns turns;
  const auto here = std::this_thread::get_id();
  std::array<int, kThreads> next{};
  int ran = 0;
  int wrong = 0;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kPosts; ++i)
        turns.loop.post([&, thread, i] {
          ++ran;
          if (next[thread]++ != i || std::this_thread::get_id() != here) ++wrong;
        });
    });
  CHECK(turns.until([&ran] { return ran == kThreads * kPosts; }));
  for (auto& thread : threads) thread.join();
  CHECK(ran == kThreads * kPosts);
  CHECK(wrong == 0);
}

TEST_CASE("a posted function ends a loop that sleeps in run()") {
  Turns turns;
  std::thread other([&turns] { turns.loop.post([&turns] { turns.loop.stop(); }); });
  turns.loop.run();
  other.join();
  SUCCEED();
}

TEST_CASE("posts write to the wake-up descriptor only when none waits") {
  const test::SysGuard guard;
  Turns turns;
  wakes = 0;
  proxy::sys.write = [](int fd, const void* bytes, size_t size) {
    ++wakes;
    return ::write(fd, bytes, size);
  };
  int ran = 0;
  for (int i = 0; i < 10; ++i) turns.loop.post([&ran] { ++ran; });
  CHECK(wakes == 1);
  CHECK(turns.until([&ran] { return ran == 10; }));
  turns.loop.post([&ran] { ++ran; });
  CHECK(wakes == 2);
  CHECK(turns.until([&ran] { return ran == 11; }));
}

TEST_CASE("a function that posts itself does not keep the loop in one turn") {
  Turns turns;
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    turns.loop.post(again);
  };
  turns.loop.post(again);
  turns.loop.turn();
  CHECK(ran == 1);
}

TEST_CASE("functions that wait when the loop ends are destroyed uncalled") {
  const auto token = std::make_shared<int>(0);
  {
    Turns turns;
    turns.loop.post([token] { ++*token; });
  }
  CHECK(*token == 0);
  CHECK(token.use_count() == 1);
}
