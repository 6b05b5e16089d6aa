// Which senders and recipients were in dialogs that became a count: a few of the pairs, each with
// how often it came. Chosen by a hash, not by when they came, so that a pair that is in it is there
// with all of its occurrences: who repeats what is then seen although few are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::proxy {

class PairSample {
 public:
  static constexpr size_t kPairs = 16;

  // As each_recipient() gives them. False if nothing has changed.
  bool add(std::string_view from, std::string_view to);
  // [["from","to",2],...]
  std::string text() const;
  size_t bytes() const { return bytes_; }

 private:
  struct Pair {
    uint64_t hash;
    uint32_t count;
    std::string text;  // "from","to"
  };

  std::vector<Pair> pairs_;  // by hash; those with the lowest
  size_t bytes_ = 0;
};

}  // namespace ravelin::proxy
