// Who was there, in 8 octets for each, and 32 kB at most: so that a crowd can be compared with
// those of months ago. Of the hashes of all members the lowest are kept. Below that many it is the
// whole crowd and a comparison is exact; above, they are a sample that two sketches have in common,
// and it is an estimate.
//                             Bar-Yossef et al., "Counting distinct elements in a data stream",
//                             2002
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/state/hash.h"

namespace ravelin::proxy {

class Sketch {
 public:
  static constexpr size_t kKept = 4096;

  // |hash| of a member, each once; the same function for all sketches.
  void add(uint64_t hash);
  // Members.
  uint64_t size() const { return size_; }
  bool whole() const { return size_ == sorted().size(); }

  // How many of its members are in |other|, too.
  struct Overlap {
    uint64_t members = 0;
    bool exact = false;
  };
  Overlap overlap(const Sketch& other) const;

  std::string pack() const;
  static std::optional<Sketch> unpack(std::string_view bytes);

 private:
  const std::vector<uint64_t>& sorted() const;
  // Up to here all members are kept.
  uint64_t reach() const;

  uint64_t size_ = 0;
  mutable std::vector<uint64_t> lowest_{};
  mutable bool sorted_ = true;
};

// Those of an episode: sources and dialog prints, by hashes of one key. Another key makes another
// kind of hashes, which are not compared.
struct CrowdSketch {
  explicit CrowdSketch(const HashKey& key);

  void add_source(std::string_view source);
  void add_print(uint64_t print);

  std::string pack() const;
  // Nothing if it is damaged or of another key.
  static std::optional<CrowdSketch> unpack(std::string_view bytes, const HashKey& key);

  Sketch sources{}, prints{};

 private:
  uint64_t hash(std::string_view kind, std::string_view text) const;

  HashKey key_;
};

}  // namespace ravelin::proxy
