#include "proxy/observe/journal_counters.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

using Count = std::atomic<uint64_t>;

// The last of |words| stands for all others.
template <size_t N>
size_t index_of(const std::array<std::string_view, N>& words, std::string_view word) {
  size_t index = 0;
  while (index < N - 1 && words[index] != word) ++index;
  return index;
}

size_t index_of_code(int code) {
  const auto* const found = std::find(kCodes.begin(), kCodes.end(), code);
  if (found != kCodes.end()) return static_cast<size_t>(found - kCodes.begin());
  return kCodes.size() + (code < 500 ? 0 : 1);
}

std::string code_word(size_t index) {
  if (index < kCodes.size()) return std::to_string(kCodes[index]);
  return index == kCodes.size() ? "4xx" : "5xx";
}

size_t alike_index(size_t stage, Cause cause, int code) {
  return (stage * kCauses + static_cast<size_t>(cause)) * kCodeWords + index_of_code(code);
}

template <size_t N>
void read(const std::array<Count, N>& counts, std::array<uint64_t, N>& sums) {
  for (size_t i = 0; i < N; ++i) sums[i] += counts[i].load(std::memory_order_relaxed);
}

}  // namespace

// HELO is counted with EHLO.
void JournalTally::refused(const Refusal& refusal) {
  if (refusal.shadow) return add(Kind::Warned);
  const auto stage = index_of(kStageWords, refusal.stage == "HELO" ? "EHLO" : refusal.stage);
  const auto code = std::clamp(refusal.reply.code, kLeastCode, kMostCode);
  add(by_code_[static_cast<size_t>(code - kLeastCode)]);
  add(alike_[alike_index(stage, refusal.cause, code)]);
}

void JournalTally::decided(const Decision& decision) {
  add(by_greylist_[index_of(kGreylistWords, decision.greylist)]);
  add(by_verify_[index_of(kVerifyWords, decision.verify)]);
  add(by_verdict_[index_of(kVerdictWords, decision.verdict)]);
}

void JournalTally::read(JournalCounters& sums) const {
  const auto of = [this](Kind kind) {
    return kinds_[static_cast<size_t>(kind)].load(std::memory_order_relaxed);
  };
  sums.connects += of(Kind::Connects);
  sums.disconnects += of(Kind::Disconnects);
  sums.warned += of(Kind::Warned);
  sums.messages += of(Kind::Messages);
  sums.recipients += of(Kind::Recipients);
  sums.bytes += of(Kind::Bytes);
  sums.clients_gone += of(Kind::ClientsGone);
  sums.pregreets += of(Kind::Pregreets);
  sums.secured += of(Kind::Secured);
  sums.not_secured += of(Kind::NotSecured);
  sums.no_places += of(Kind::NoPlaces);
  sums.warnings += of(Kind::Warnings);
  proxy::read(by_greylist_, sums.decided_by_greylist);
  proxy::read(by_verify_, sums.decided_by_verify);
  proxy::read(by_verdict_, sums.decided_by_verdict);
  for (size_t i = 0; i < by_code_.size(); ++i)
    if (const auto count = by_code_[i].load(std::memory_order_relaxed); count > 0)
      sums.refused_by_code[kLeastCode + static_cast<int>(i)] += count;
}

void JournalTally::read(Alike& sums) const { proxy::read(alike_, sums); }

// Threads are numbered as they come. The number needs no memory and no destructor: a thread that
// begins when there is none can count all the same.
JournalTally& JournalTallies::mine() {
  static std::atomic<size_t> next{0};
  thread_local const size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return (*slots_)[number % kMost].tally;
}

// Connections without a place are refusals, too, at CONNECT with 421; what is refused by code
// tells of dialogs only.
JournalCounters JournalTallies::read() const {
  JournalCounters sums;
  JournalTally::Alike alike{};
  for (const auto& slot : *slots_) {
    slot.tally.read(sums);
    slot.tally.read(alike);
  }
  for (const auto& [code, count] : sums.refused_by_code) sums.refused += count;
  for (const auto count : sums.decided_by_verdict) sums.decisions += count;
  alike[alike_index(0, Cause::NoPlace, 421)] += sums.no_places;
  for (size_t i = 0; i < alike.size(); ++i) {
    if (alike[i] == 0) continue;
    const auto cause = i / kCodeWords % kCauses;
    sums.refused_by_cause[cause] += alike[i];
    sums.refused_alike.push_back({kStageWords[i / kCodeWords / kCauses], static_cast<Cause>(cause),
                                  code_word(i % kCodeWords), alike[i]});
  }
  return sums;
}

}  // namespace ravelin::proxy
