// What a journal counts, since the start of the process. Each thread adds to numbers of its own, so
// that workers share no cache line and no lock; whoever reads sums them up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// What stages and words of decisions are counted by; the last is for all others. A
// recipient that was refused before the greylist has none of its words: "not-asked".
inline constexpr std::array<std::string_view, 6> kStageWords = {"CONNECT", "EHLO", "MAIL",
                                                                "RCPT",    "DATA", "other"};
inline constexpr std::array<std::string_view, 8> kGreylistWords = {
    "off", "exempt", "first", "early", "passed", "known", "full", "not-asked"};
inline constexpr std::array<std::string_view, 8> kVerifyWords = {
    "not-asked", "accepted", "refused", "unknown", "shared", "shielded", "trouble", "other"};
inline constexpr std::array<std::string_view, 4> kVerdictWords = {"accept", "reject", "defer",
                                                                  "other"};
// Codes by which refusals are told apart, in order. A backend may say any other: "4xx", "5xx".
inline constexpr std::array<int, 24> kCodes = {421, 450, 451, 452, 454, 455, 500, 501,
                                               502, 503, 504, 521, 523, 530, 534, 538,
                                               550, 551, 552, 553, 554, 555, 556, 571};
inline constexpr size_t kCodeWords = kCodes.size() + 2;

// Refusals that have all three in common.
struct RefusedAlike {
  std::string_view stage;
  Cause cause;
  std::string code;  // "550", or "4xx", "5xx"
  uint64_t count;
};

struct JournalCounters {
  uint64_t connects = 0;
  uint64_t disconnects = 0;
  uint64_t refused = 0;       // really
  uint64_t warned = 0;        // only in shadow mode
  uint64_t messages = 0;      // delivered
  uint64_t recipients = 0;    // of them, taken
  uint64_t bytes = 0;         // of them
  uint64_t clients_gone = 0;  // delivered, but the client had gone
  uint64_t decisions = 0;     // recipients that were decided on
  std::array<uint64_t, kGreylistWords.size()> decided_by_greylist{};
  std::array<uint64_t, kVerifyWords.size()> decided_by_verify{};
  std::array<uint64_t, kVerdictWords.size()> decided_by_verdict{};
  uint64_t pregreets = 0;
  uint64_t secured = 0;      // TLS handshakes with clients
  uint64_t not_secured = 0;  // that failed
  uint64_t no_places = 0;
  uint64_t warnings = 0;
  std::array<uint64_t, kCauses> refused_by_cause{};    // really; with those that got no place
  std::vector<RefusedAlike> refused_alike;             // likewise; those that there are
  std::map<int, uint64_t> refused_by_code;             // really
  std::map<std::string, uint64_t, std::less<>> ended;  // 64 at most, then "other"
  std::map<std::string, uint64_t, std::less<>> no_places_by_limit;  // likewise
  // Of file and syslog together.
  uint64_t lines = 0;    // written
  uint64_t dropped = 0;  // lost: the log could not take them
  uint64_t flooded = 0;  // held back by log.flood
  // Why lines for syslogd wait, "" while they do not; null: it gets none.
  const char* syslog = nullptr;
};

// Thread-safe. The numbers of one thread, or of a few if there are many.
class JournalTally {
 public:
  enum class Kind : uint8_t {
    Connects,
    Disconnects,
    Warned,
    Messages,
    Recipients,
    Bytes,
    ClientsGone,
    Pregreets,
    Secured,
    NotSecured,
    NoPlaces,
    Warnings,
  };

  void add(Kind kind, uint64_t more = 1) { add(kinds_[static_cast<size_t>(kind)], more); }
  void refused(const Refusal& refusal);
  void decided(const Decision& decision);
  // Adds what is here to |sums|, but for refused_alike.
  void read(JournalCounters& sums) const;

  // Refusals by stage, cause and code, in this order.
  using Alike = std::array<uint64_t, kStageWords.size() * kCauses * kCodeWords>;
  void read(Alike& sums) const;

 private:
  using Count = std::atomic<uint64_t>;
  static constexpr size_t kKinds = static_cast<size_t>(Kind::Warnings) + 1;
  static constexpr int kLeastCode = 400, kMostCode = 599;

  static void add(Count& count, uint64_t more = 1) {
    count.fetch_add(more, std::memory_order_relaxed);
  }

  std::array<Count, kKinds> kinds_{};
  std::array<Count, kGreylistWords.size()> by_greylist_{};
  std::array<Count, kVerifyWords.size()> by_verify_{};
  std::array<Count, kVerdictWords.size()> by_verdict_{};
  std::array<Count, kMostCode - kLeastCode + 1> by_code_{};
  std::array<Count, std::tuple_size_v<Alike>> alike_{};
};

// One of them for each thread, up to a number that has no cache lines to fight for.
class JournalTallies {
 public:
  JournalTally& mine();
  // All that they count together.
  JournalCounters read() const;

 private:
  static constexpr size_t kMost = 8;
  struct alignas(64) Slot {
    JournalTally tally;
  };
  std::unique_ptr<std::array<Slot, kMost>> slots_ = std::make_unique<std::array<Slot, kMost>>();
};

}  // namespace ravelin::proxy
