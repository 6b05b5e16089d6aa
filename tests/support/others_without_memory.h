// Memory that runs out for every thread but the test's own: for those that the program has started.
// A test program that wants it replaces operator new by one that asks fails().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ravelin::test {

// For as long as one lives; one at a time.
class OthersWithoutMemory {
 public:
  // |many| allocations of |size| octets or more fail, from the one on that comes after |first|
  // such.
  explicit OthersWithoutMemory(size_t first = 0, size_t many = SIZE_MAX, size_t size = 0) {
    spared_ = true;
    first_ = first;
    many_ = many;
    size_ = size;
    asked_ = failures_ = 0;
    armed_ = true;
  }
  ~OthersWithoutMemory() {
    armed_ = false;
    spared_ = false;
  }
  OthersWithoutMemory(const OthersWithoutMemory&) = delete;
  OthersWithoutMemory& operator=(const OthersWithoutMemory&) = delete;

  size_t failures() const { return failures_; }

  // One more allocation: must it fail?
  static bool fails(size_t size) {
    if (!armed_ || spared_ || size < size_) return false;
    const auto before = asked_++;
    if (before < first_ || before - first_ >= many_) return false;
    ++failures_;
    return true;
  }

 private:
  static inline thread_local bool spared_ = false;
  static inline std::atomic<bool> armed_{false};
  static inline std::atomic<size_t> first_{0}, many_{0}, size_{0}, asked_{0}, failures_{0};
};

}  // namespace ravelin::test
