// What a message text means, read in the plainest way: what readers are compared with.
#pragma once

#include <string>
#include <string_view>

#include "smtp/data_reader.h"

namespace ravelin::test {

struct ReadText {
  smtp::DataReader::Status status = smtp::DataReader::Status::More;
  smtp::DataFault fault = smtp::DataFault::None;
  std::string text;      // as fed out; not looked at after a fault
  size_t consumed = 0;   // of the whole input, up to the end or the fault
  size_t discarded = 0;  // of the whole input, up to the end of data after a fault; 0: none came
  uint64_t size = 0;
  std::string message_id;
  uint32_t received = 0;
};

// What RFC 5321 §4.1.1.4 says, line by line; no limits, no header.
inline ReadText expect_text(std::string_view wire, bool normalise) {
  using Status = smtp::DataReader::Status;
  using smtp::DataFault;
  ReadText want;
  const auto fault = [&](DataFault what, size_t at) {
    want.status = Status::Fault;
    want.fault = what;
    want.consumed = at + 1;
    const size_t end = wire.find("\r\n.\r\n", at);
    want.discarded = end == wire.npos ? 0 : end + 5;
    return want;
  };
  std::string line;
  bool after_crlf = true;
  for (size_t i = 0; i < wire.size(); ++i) {
    const char c = wire[i];
    const char next = i + 1 < wire.size() ? wire[i + 1] : '?';
    if (c == '\0') return fault(DataFault::Nul, i);
    if (c == '\r' && i + 1 < wire.size() && next != '\n' && next != '\0')
      return fault(DataFault::BareCr, i);
    if (c == '\r') continue;
    if (c != '\n') {
      line += c;
      continue;
    }
    const bool crlf = i > 0 && wire[i - 1] == '\r';
    if (!crlf && !normalise) return fault(DataFault::BareLf, i);
    if (line == "." && crlf && after_crlf) {
      want.status = Status::End;
      want.consumed = i + 1;
      return want;
    }
    if (line[0] == '.' && line != ".") line.erase(0, 1);
    want.text += line + "\r\n";
    line.clear();
    after_crlf = crlf;
  }
  want.consumed = wire.size();
  return want;
}

}  // namespace ravelin::test
