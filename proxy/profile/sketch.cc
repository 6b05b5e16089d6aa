#include "proxy/profile/sketch.h"

#include <algorithm>
#include <cmath>

#include "proxy/profile/dialog_print.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kWord = 8;  // octets
constexpr std::string_view kMark = "RvSk";

void append_word(std::string& out, uint64_t word) {
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(word >> shift & 0xff);
}

uint64_t word_at(std::string_view bytes, size_t at) {
  uint64_t word = 0;
  for (size_t i = 0; i < kWord; ++i) word |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << 8 * i;
  return word;
}

}  // namespace

// Sorted and cut only when it is twice as long as it may be.
void Sketch::add(uint64_t hash) {
  ++size_;
  lowest_.push_back(hash);
  sorted_ = false;
  if (lowest_.size() >= 2 * kKept) sorted();
}

const std::vector<uint64_t>& Sketch::sorted() const {
  if (!sorted_) std::sort(lowest_.begin(), lowest_.end());
  sorted_ = true;
  if (lowest_.size() > kKept) lowest_.resize(kKept);
  return lowest_;
}

uint64_t Sketch::reach() const { return whole() ? UINT64_MAX : sorted().back(); }

Sketch::Overlap Sketch::overlap(const Sketch& other) const {
  const auto until = std::min(reach(), other.reach());
  const auto& mine = sorted();
  const auto& its = other.sorted();
  uint64_t seen = 0, common = 0;
  for (const auto hash : mine) {
    if (hash > until) break;
    ++seen;
    common += std::binary_search(its.begin(), its.end(), hash) ? 1 : 0;
  }
  const bool exact = whole() && other.whole();
  if (exact || seen == 0) return {common, exact};
  const auto share = static_cast<double>(common) / static_cast<double>(seen);
  return {static_cast<uint64_t>(std::llround(share * static_cast<double>(size_))), false};
}

std::string Sketch::pack() const {
  std::string out;
  const auto& hashes = sorted();
  out.reserve((2 + hashes.size()) * kWord);
  append_word(out, size_);
  append_word(out, hashes.size());
  for (const auto hash : hashes) append_word(out, hash);
  return out;
}

std::optional<Sketch> Sketch::unpack(std::string_view bytes) {
  if (bytes.size() < 2 * kWord) return {};
  Sketch made;
  made.size_ = word_at(bytes, 0);
  const auto count = word_at(bytes, kWord);
  if (count != std::min<uint64_t>(made.size_, kKept) || bytes.size() != (2 + count) * kWord)
    return {};
  for (size_t i = 0; i < count; ++i) made.lowest_.push_back(word_at(bytes, (2 + i) * kWord));
  if (!std::is_sorted(made.lowest_.begin(), made.lowest_.end())) return {};
  return made;
}

CrowdSketch::CrowdSketch(const HashKey& key) : key_(key) {}

uint64_t CrowdSketch::hash(std::string_view kind, std::string_view text) const {
  const auto words = Hasher(key_).add(kind).add(text).finish().words;
  return uint64_t{words[0]} << 32 | words[1];
}

void CrowdSketch::add_source(std::string_view source) { sources.add(hash("source", source)); }
void CrowdSketch::add_print(uint64_t print) { prints.add(hash("print", print_text(print))); }

std::string CrowdSketch::pack() const {
  std::string out(kMark);
  append_word(out, hash("key", ""));
  const auto first = sources.pack();
  append_word(out, first.size());
  return out + first + prints.pack();
}

std::optional<CrowdSketch> CrowdSketch::unpack(std::string_view bytes, const HashKey& key) {
  constexpr auto kHead = kMark.size() + 2 * kWord;
  CrowdSketch made(key);
  if (!bytes.starts_with(kMark) || bytes.size() < kHead) return {};
  const auto first = word_at(bytes, kMark.size() + kWord);
  if (word_at(bytes, kMark.size()) != made.hash("key", "") || first > bytes.size() - kHead)
    return {};
  auto sources = Sketch::unpack(bytes.substr(kHead, first));
  auto prints = Sketch::unpack(bytes.substr(kHead + first));
  if (!sources || !prints) return {};
  made.sources = std::move(*sources);
  made.prints = std::move(*prints);
  return made;
}

}  // namespace ravelin::proxy
