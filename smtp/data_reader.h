// Reads the text of a DATA command: checks lines, removes dot-stuffing, finds the end of data,
// which is CRLF "." CRLF and nothing else.                   RFC 5321 §4.1.1.4, §4.5.2; RFC 5322
// §2.3
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/header_scan.h"

namespace ravelin::smtp {

enum class DataFault : uint8_t { None, BareCr, BareLf, Nul, LineTooLong, TooBig, TooManyHops };

struct DataLimits {
  uint64_t size = 0;        // octets after unstuffing, CRLFs included; 0: no limit
  size_t line = 1'000'000;  // octets of one line, without CRLF
  uint32_t received = 50;   // "Received:" header lines                RFC 5321 §6.3
  bool normalise = false;   // take a bare LF as CRLF (never as part of an end of data)
};

// Stream through: feed() turns input into clean text. Memory does not grow with the message.
class DataReader {
 public:
  explicit DataReader(const DataLimits& limits);

  enum class Status : uint8_t { More, End, Fault };
  struct Step {
    Status status = Status::More;
    size_t consumed = 0;  // at End: up to and with the end of data; what follows is a command
  };
  // Appends the text (unstuffed, every line ended by CRLF) to |out|. Not to be called again after
  // End or Fault. What was appended in a call that ends in Fault is not to be sent on. After a
  // fault the reader goes on to follow the framing, in discard(), with what was not consumed.
  Step feed(std::string_view input, std::string& out);
  // As feed() without output, checks and faults: looks for the end of data only. May take over at
  // any point, and after it feed() must not be called.
  Step discard(std::string_view input);

  DataFault fault() const { return fault_; }
  uint64_t size() const { return size_; }  // octets of text so far
  // Of the header: the Message-ID's value if there was one (at most 250 octets, raw: escape it),
  // and how many Received: fields it has.
  const std::string& message_id() const { return header_.message_id(); }
  uint32_t received_lines() const { return header_.received(); }

 private:
  enum class At : uint8_t { LineStart, Dot, DotCr, InLine, Cr };  // what came last
  class Pass;                                                     // one call of feed()

  size_t discard_line(std::string_view input, size_t from);
  void end_discarded_line();

  DataLimits limits_;
  At at_ = At::LineStart;
  bool after_crlf_ = true;  // this line began behind a CRLF (or first): only then it can be the end
  DataFault fault_ = DataFault::None;
  uint64_t size_ = 0;
  size_t line_ = 0;  // octets of this line so far
  HeaderScan header_;
};

// Adds dot-stuffing on the way to the backend: every line that begins with a dot gets another,
// whatever the reader thought of it.                                       RFC 5321 §4.5.2
class DotStuffer {
 public:
  void append(std::string_view text, std::string& out);
  // CRLF first if the text did not end with one, then "." CRLF.
  void finish(std::string& out);

 private:
  bool line_start_ = true;
};

}  // namespace ravelin::smtp
