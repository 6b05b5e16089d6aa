// Whole dialogs, from a client's socket to a mail server's, while memory runs out or a system call
// fails at each moment in turn. Nothing may crash or stay held, nobody may wait for ever, a fault
// of ours refuses nothing for good, and nobody hears 250 for what the server has not taken.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <string>
#include <vector>

#include "failing_memory.h"
#include "machine.h"
#include "plays.h"

namespace ravelin::test {
namespace {

constexpr size_t kNever = 1'000'000'000;

struct Outcome {
  size_t failures = 0;
  size_t delivered = 0;  // messages whose client heard so
  std::string wrong;
};

// |arm| is called when all is set up.
template <class Arm>
Outcome run(const Play& play, const Arm& arm) {
  const Machine machine;
  World::get();
  Outcome outcome;
  size_t before = 0;
  {
    Stage stage(play.toml, play.behind);
    before = descriptors();
    arm();
    play.act(stage);
    outcome.failures = MemoryFailure::failures() + Machine::failures();
    MemoryFailure::disarm();
    Machine::disarm();
    const auto well = [](const auto& mail) { return mail.code == 250; };
    outcome.delivered =
        static_cast<size_t>(std::count_if(stage.sent.begin(), stage.sent.end(), well));
    outcome.wrong = stage.look();
    if (outcome.wrong.empty()) outcome.wrong = stage.try_next();
    if (outcome.wrong.empty()) outcome.wrong = stage.end();
  }
  if (outcome.wrong.empty() && descriptors() >= before) outcome.wrong = "a descriptor is left";
  return outcome;
}

// Every |stride|th moment of |play|, until it is over before the fault comes.
template <class Arm>
void sweep(const Play& play, size_t first, size_t stride, const Arm& arm) {
  size_t runs = 0;
  for (size_t nth = 1 + first % stride;; nth += stride) {
    CAPTURE(nth);
    const auto outcome = run(play, [&] { arm(nth); });
    ++runs;
    CHECK(outcome.wrong == "");
    if (outcome.failures == 0) break;
  }
}

void sweep_memory(Asker asker, size_t stride) {
  size_t first = 0;
  for (const auto& play : plays()) {
    for (const size_t length : {1, 2, 5, 30, 1'000'000}) {
      CAPTURE(play.name, length);
      refuse_memory_to(asker);
      sweep(play, first++, stride, [&](size_t nth) { MemoryFailure::arm(nth, length); });
    }
  }
}

struct Row {
  Call call;
  const char* name;
  std::vector<int> errors;
};
const std::vector<Row> kRows{
    {Call::Recv, "recv", {kOneOctet, EINTR, EAGAIN, ECONNRESET, ETIMEDOUT, ENOMEM, ENOBUFS}},
    {Call::Send, "send", {kOneOctet, EINTR, EAGAIN, ECONNRESET, EPIPE, ETIMEDOUT, ENOMEM, ENOBUFS}},
    {Call::Accept,
     "accept4",
     {EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOMEM, ENOBUFS, EPERM}},
    {Call::Socket, "socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES}},
    {Call::Connect,
     "connect",
     {EINTR, ECONNREFUSED, EADDRNOTAVAIL, ENETUNREACH, ETIMEDOUT, EAGAIN}},
    {Call::Shutdown, "shutdown", {ENOTCONN, ENOBUFS}},
    {Call::GetSockOpt, "getsockopt", {ENOBUFS}},
    {Call::SetSockOpt, "setsockopt", {ENOMEM, EINVAL}},
    {Call::Read, "read", {EAGAIN, EINTR}},
    {Call::Close, "close", {EINTR, EIO}},
    {Call::EpollCtl, "epoll_ctl", {ENOMEM, ENOSPC}},
};

// Of all combinations each |one_of|th.
void sweep_calls(size_t stride, size_t one_of) {
  size_t number = 0;
  for (const auto& play : plays()) {
    for (const auto& row : kRows) {
      for (const int error : row.errors) {
        for (const size_t length : {1, 3}) {
          if (++number % one_of != 0) continue;
          CAPTURE(play.name, row.name, error, length);
          sweep(play, number, stride,
                [&](size_t nth) { Machine::arm(row.call, error, nth, length); });
        }
      }
    }
  }
}

TEST_CASE("Without a fault every dialog goes as it should") {
  REQUIRE(memory_is_ours());
  for (const auto& play : plays()) {
    CAPTURE(play.name);
    refuse_memory_to(Asker::All);
    const auto outcome = run(play, [] { MemoryFailure::arm(kNever, 1); });
    CHECK(outcome.wrong == "");
    CHECK(outcome.delivered == play.delivered);
  }
}

// A sample: every moment of each dialog takes minutes, so on demand: sweep_tests "[long]"
TEST_CASE("Memory runs out at some moments of a dialog") { sweep_memory(Asker::Program, 11); }
TEST_CASE("Memory runs out inside the libraries") { sweep_memory(Asker::Libraries, 2); }
TEST_CASE("Memory runs out inside TLS") { sweep_memory(Asker::OpenSsl, 41); }
TEST_CASE("A system call fails at some moments of a dialog") { sweep_calls(13, 3); }

TEST_CASE("Memory runs out at each moment of a dialog", "[.][long]") {
  sweep_memory(Asker::Program, 1);
}
TEST_CASE("Memory runs out at each moment inside the libraries", "[.][long]") {
  sweep_memory(Asker::Libraries, 1);
}
TEST_CASE("Memory runs out at each moment inside TLS", "[.][long]") {
  sweep_memory(Asker::OpenSsl, 1);
}
TEST_CASE("Memory runs out at each moment for all of them", "[.][long]") {
  sweep_memory(Asker::All, 1);
}
TEST_CASE("A system call fails at each moment of a dialog", "[.][long]") { sweep_calls(1, 1); }

}  // namespace
}  // namespace ravelin::test
