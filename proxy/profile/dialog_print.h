// How a client speaks, in 64 bits: not what it wants, but what its program does without thinking.
// Four parts of 16 bits, in the order in which a dialog fills them: the first command, TLS, and the
// first two commands that are of use after it. A dialog that ends early, for whatever reason, has
// the print of one that went on, but for the parts that it did not come to; so both are of one
// crowd. For the same reason nothing is in it that depends on our answers: what follows a recipient
// (DATA, RSET, QUIT), and how often something was said.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ravelin::proxy {

// A command in one part; 0 is none.
enum PrintMark : uint16_t {
  kPrintVerb = 0x1f,         // smtp::Verb + 1
  kPrintLowerVerb = 1 << 5,  // "mail"
  kPrintMixedVerb = 1 << 6,  // "Mail"
  kPrintSpaceEnd = 1 << 7,   // before CRLF
  kPrintPipelines = 1 << 8,  // more came with it
  // MAIL and RCPT
  kPrintSpaceAfter = 1 << 9,  // "FROM: <"
  kPrintLowerWord = 1 << 10,  // "from:"
  kPrintSaysSize = 1 << 11,   // these two: MAIL only
  kPrintSaysBody = 1 << 12,
  // HELO and EHLO: a PrintForm in the place of these
  kPrintFormShift = 9,
  // Any but the first
  kPrintIdles = 1 << 13,  // behind NOOP, RSET or HELP
};

// What kind of name is said in HELO or EHLO, never which.
enum class PrintForm : uint8_t { None, Literal, Address, OneWord, Dotted, Capitals };
inline constexpr unsigned kPrintForms = 6;

struct DialogPrint {
  uint16_t first = 0;
  uint16_t tls = 0;  // a hash of what was agreed on
  std::array<uint16_t, 2> then{};

  uint64_t number() const {
    return uint64_t{first} << 48 | uint64_t{tls} << 32 | uint64_t{then[0]} << 16 | then[1];
  }
};

// As accounts have it: 16 hex digits, and not 0.
std::optional<uint64_t> parse_print(std::string_view text);
std::string print_text(uint64_t print);

// Could the dialog of |print| have become that of |longer|, had it gone on? Of one of itself, too.
bool print_begins(uint64_t print, uint64_t longer);
// What |print| was when the dialog had come less far: each once, at most three; 0 at the end.
std::array<uint64_t, 3> print_beginnings(uint64_t print);

// For people: "EHLO with a full name, TLS, then MAIL and RCPT; upper-case verbs, pipelines". "" if
// it is none of ours.
std::string print_words(uint64_t print);

}  // namespace ravelin::proxy
