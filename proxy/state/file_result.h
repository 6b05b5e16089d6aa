// How an operation on a file went, and what that says about the file.
#pragma once

#include <cstdint>
#include <string>

namespace ravelin::proxy {

struct FileResult {
  enum class State : uint8_t {
    Fine,
    Trouble,  // disk full, no permission, I/O error, busy: may be better later
    Damaged,  // broken, foreign or of another version: must be moved aside
  };
  State state = State::Fine;
  std::string why;

  bool ok() const { return state == State::Fine; }
  // Its words are few enough to need none.
  static FileResult no_memory() { return {State::Trouble, "out of memory"}; }
};

}  // namespace ravelin::proxy
