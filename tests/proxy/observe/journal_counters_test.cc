#include "proxy/observe/journal_counters.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "proxy/observe/samples.h"

using namespace ravelin;
using namespace ravelin::proxy;

namespace {

using Kind = JournalTally::Kind;

void refuse(JournalTallies& tallies, std::string_view stage, int code, Cause cause) {
  const auto reply = test::sample_reply(code, 7, 1, "no");
  Refusal refusal{stage, reply, "x", "y"};
  refusal.cause = cause;
  tallies.mine().refused(refusal);
}

uint64_t alike(const JournalCounters& now, std::string_view stage, Cause cause,
               std::string_view code) {
  uint64_t count = 0;
  for (const auto& one : now.refused_alike)
    if (one.stage == stage && one.cause == cause && one.code == code) count += one.count;
  return count;
}

}  // namespace

TEST_CASE("refusals are told apart by stage, cause and code") {
  JournalTallies tallies;
  CHECK(tallies.read().refused_alike.empty());
  refuse(tallies, "RCPT", 550, Cause::Unknown);
  refuse(tallies, "RCPT", 550, Cause::Unknown);
  refuse(tallies, "RCPT", 451, Cause::Greylist);
  refuse(tallies, "HELO", 501, Cause::Protocol);
  refuse(tallies, "EHLO", 501, Cause::Protocol);
  refuse(tallies, "STARTTLS", 500, Cause::Protocol);
  tallies.mine().add(Kind::NoPlaces, 3);

  const auto now = tallies.read();
  CHECK(now.refused_alike.size() == 5);
  CHECK(alike(now, "RCPT", Cause::Unknown, "550") == 2);
  CHECK(alike(now, "RCPT", Cause::Greylist, "451") == 1);
  CHECK(alike(now, "EHLO", Cause::Protocol, "501") == 2);
  CHECK(alike(now, "other", Cause::Protocol, "500") == 1);
  CHECK(alike(now, "CONNECT", Cause::NoPlace, "421") == 3);
  CHECK(now.refused_by_cause[static_cast<size_t>(Cause::Protocol)] == 3);
  CHECK(now.refused_by_cause[static_cast<size_t>(Cause::NoPlace)] == 3);
  CHECK(now.refused == 6);  // of dialogs
  CHECK(now.refused_by_code == std::map<int, uint64_t>{{451, 1}, {500, 1}, {501, 2}, {550, 2}});
}

TEST_CASE("a backend may say what code it likes") {
  JournalTallies tallies;
  for (int code = 400; code < 600; ++code) refuse(tallies, "DATA", code, Cause::Backend);
  const auto now = tallies.read();
  CHECK(now.refused == 200);
  CHECK(now.refused_by_code.size() == 200);
  CHECK(now.refused_alike.size() == kCodeWords);
  CHECK(alike(now, "DATA", Cause::Backend, "4xx") == 94);
  CHECK(alike(now, "DATA", Cause::Backend, "5xx") == 82);
}

TEST_CASE("what shadow mode would refuse is no refusal") {
  JournalTallies tallies;
  const auto reply = test::sample_reply(550, 7, 1, "no");
  Refusal refusal{"RCPT", reply, "x", "y"};
  refusal.shadow = true;
  tallies.mine().refused(refusal);
  const auto now = tallies.read();
  CHECK(now.warned == 1);
  CHECK(now.refused == 0);
  CHECK(now.refused_alike.empty());
}

TEST_CASE("each word of a decision is counted by itself, any other as such") {
  JournalTallies tallies;
  const auto reply = test::sample_reply(451, 7, 1, "later");
  for (const auto* const word : {"shielded", "shared", "unheard-of"}) {
    const Decision decision{0, nullptr, "", "", "", "", word, "", reply};
    tallies.mine().decided(decision);
  }
  const auto now = tallies.read();
  for (size_t i = 0; i < kVerifyWords.size(); ++i) {
    CAPTURE(kVerifyWords[i]);
    const auto& word = kVerifyWords[i];
    const bool said = word == "shielded" || word == "shared" || word == "other";
    CHECK(now.decided_by_verify[i] == (said ? 1 : 0));
  }
}

TEST_CASE("threads count apart and are read together") {
  constexpr int kThreads = 20, kEach = 1'000;
  JournalTallies tallies;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&tallies] {
      for (int n = 0; n < kEach; ++n) {
        tallies.mine().add(Kind::Connects);
        refuse(tallies, "RCPT", 550, Cause::Unknown);
      }
    });
  uint64_t last = 0;
  for (int i = 0; i < 100; ++i) {  // it only grows while they do
    const auto now = tallies.read().refused;
    CHECK(now >= last);
    last = now;
  }
  for (auto& thread : threads) thread.join();
  CHECK(tallies.read().connects == kThreads * kEach);
  CHECK(tallies.read().refused == kThreads * kEach);
}
