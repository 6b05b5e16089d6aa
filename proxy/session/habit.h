// How a client speaks: not what it wants, but what its program does without thinking. Two hundred
// machines with the same program have the same habits, however many addresses they have.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "proxy/observe/journal.h"
#include "smtp/command.h"

namespace ravelin::proxy {

class Habit {
 public:
  // |line|: a command as it came, without CRLF; |more|: there was input behind it.
  void command(std::string_view line, smtp::Verb verb, bool more);

  // The same number for the same habits, in other runs and on other machines, too. How often a
  // command was said makes no difference, nor does what was named in it. 0: it said nothing.
  uint64_t print(const DialogInfo& dialog) const;
  // In words, for people: "lower-case verbs, space behind FROM:, pipelines".
  static std::string_view mark_name(unsigned mark);
  static constexpr unsigned kMarks = 9;
  uint16_t marks() const { return marks_; }

 private:
  enum Mark : uint16_t {
    LowerVerb = 1 << 0,   // "mail"
    MixedVerb = 1 << 1,   // "Mail"
    SpaceAfter = 1 << 2,  // "FROM: <"
    LowerFrom = 1 << 3,   // "from:"
    SpaceEnd = 1 << 4,    // before CRLF
    Pipelines = 1 << 5,
    SaysSize = 1 << 6,
    SaysBody = 1 << 7,
    Quits = 1 << 8,
  };

  // A bit for each step from one verb to another, several to a bit. Two words: a session has many
  // members, and is there by the thousands.
  std::array<uint32_t, 2> steps_{};
  uint16_t marks_ = 0;
  smtp::Verb last_ = smtp::Verb::Unknown;
  bool spoke_ = false;
};

}  // namespace ravelin::proxy
