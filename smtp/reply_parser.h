// Reads replies of a backend, with bounds.                                  RFC 5321 §4.2.1
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/reply.h"

namespace ravelin::smtp {

struct ReplyLimits {
  size_t line = 4096;  // octets; RFC 5321 §4.5.3.1.5 allows 512, real servers send more
  size_t lines = 200;  // of one reply
  size_t bytes = 32768;
};

// Lenient where it is safe (a line that ends with a bare LF, "250" without text), strict where it
// is not: codes 200 to 599 and the same on all lines, no NUL, bounds on everything. Text is
// sanitised.
class ReplyParser {
 public:
  explicit ReplyParser(const ReplyLimits& limits) : limits_(limits) {}

  enum class Status : uint8_t { More, Reply, Broken };
  struct Step {
    Status status = Status::More;
    size_t consumed = 0;
  };
  // Reads up to the end of one reply. At Reply, take() has it; at Broken, why() says what was wrong
  // and the parser is of no further use.
  Step feed(std::string_view input);
  Reply take();
  std::string_view why() const { return why_; }

 private:
  Status on_piece(std::string_view piece);
  Status on_line(std::string_view line);
  Step broken(std::string_view why, size_t consumed);

  ReplyLimits limits_;
  std::string line_;  // unfinished
  Reply reply_;
  size_t bytes_ = 0;
  std::string_view why_;
};

}  // namespace ravelin::smtp
