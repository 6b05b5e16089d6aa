// How names and offices are spelled: which letter follows which.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ravelin::proxy {

// 0 to 25 a letter, then:
inline constexpr size_t kDigitClass = 26;
inline constexpr size_t kBreakClass = 27;  // a separator, the beginning and the end
inline constexpr size_t kSpellingClasses = 28;

// log2 of how probably |then| follows |now|: the class, of a digit not which. Counted once, at
// first use, over a list of words; safe from all threads.
class Spelling {
 public:
  static const Spelling& of_names();

  double log2_next(size_t now, size_t then) const { return log2_[now][then]; }

 private:
  Spelling();

  std::array<std::array<float, kSpellingClasses>, kSpellingClasses> log2_{};
};

}  // namespace ravelin::proxy
