// Memory that runs out when a test wants it to. Only what the program asks for fails, never what
// the test around it does: the support classes say which of the two runs (Program, Outside). A test
// program that wants it replaces operator new by one that asks fails().
#pragma once

#include <cstddef>
#include <new>

namespace ravelin::test {

class MemoryFailure {
 public:
  // From the |nth| allocation of the program on (1: the next), |length| of them fail.
  static void arm(size_t nth, size_t length) {
    armed_ = true;
    until_ = nth;
    length_ = length;
    failures_ = 0;
  }
  static void disarm() { armed_ = false; }
  static bool armed() { return armed_; }
  static size_t failures() { return failures_; }
  static bool program() { return program_; }  // does it run, or the test?

  // One more allocation: must it fail?
  static bool fails() {
    if (!armed_ || !program_) return false;
    if (until_ > 1) return --until_ == 0;
    if (failures_ >= length_) return false;
    ++failures_;
    return true;
  }

  // Who runs, for as long as this lives.
  template <bool program>
  class Side {
   public:
    Side() : before_(program_) { program_ = program; }
    ~Side() { program_ = before_; }
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;

   private:
    const bool before_;
  };

 private:
  static inline thread_local bool armed_ = false;
  static inline thread_local bool program_ = false;
  static inline thread_local size_t until_ = 0;
  static inline thread_local size_t length_ = 0;
  static inline thread_local size_t failures_ = 0;
};

using Program = MemoryFailure::Side<true>;
using Outside = MemoryFailure::Side<false>;

// Calls the program as its loop does: false if memory ran out in it. Where no failure is wanted,
// one is not hidden.
template <class Call>
bool survives(const Call& call) {
  try {
    const Program program;
    call();
    return true;
  } catch (const std::bad_alloc&) {
    if (MemoryFailure::failures() == 0) throw;
    return false;
  }
}

}  // namespace ravelin::test
