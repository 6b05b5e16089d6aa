// Finds command lines. A line ends with CRLF and with nothing else.     RFC 5321 §2.3.8
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ravelin::smtp {

enum class LineStatus : uint8_t {
  Incomplete,  // no line end yet; give the same bytes again with more behind them
  Line,
  BareCr,  // CR without LF
  BareLf,  // LF without CR: smuggling, or a broken client
  Nul,
  TooLong,  // no line end within |limit| octets, CRLF included
};

struct Line {
  LineStatus status = LineStatus::Incomplete;
  std::string_view text;  // without CRLF; a view into the input
  size_t consumed = 0;    // octets of the input, CRLF included; 0 unless status is Line
};

// Looks at the first line of |input|. Keeps no state: the stream holds the unfinished line.
Line read_line(std::string_view input, size_t limit);

}  // namespace ravelin::smtp
