#include "smtp/line_reader.h"

#include <string>
#include <vector>

#include "smtp/chunks.h"

namespace ravelin::smtp {
namespace {

using namespace std::string_view_literals;
using Lines = std::vector<std::string>;

std::string name(LineStatus status) {
  switch (status) {
    case LineStatus::BareCr:
      return "!cr";
    case LineStatus::BareLf:
      return "!lf";
    case LineStatus::Nul:
      return "!nul";
    case LineStatus::TooLong:
      return "!long";
    default:
      return "?";
  }
}

// As a session does it: what is not taken stays, and comes again with more behind it.
Lines read_lines(std::string_view wire, size_t chunk, size_t limit) {
  Lines lines;
  std::string held;
  test::in_chunks(wire, chunk, [&](std::string_view piece) {
    held += piece;
    while (true) {
      const Line line = read_line(held, limit);
      if (line.status == LineStatus::Incomplete) return true;
      if (line.status != LineStatus::Line) {
        lines.push_back(name(line.status));
        CHECK(line.consumed == 0);
        return false;
      }
      lines.emplace_back(line.text);
      held.erase(0, line.consumed);
    }
  });
  return lines;
}

struct Row {
  std::string_view wire;
  Lines want;
};

TEST_CASE("read_line gives the same lines however the bytes arrive") {
  const auto row = GENERATE(values<Row>({
      {"RSET\r\nQUIT\r\n", {"RSET", "QUIT"}},
      {"NOOP\r\nQU", {"NOOP"}},
      {"\r\n", {""}},
      {"NOOP\r", {}},
      {"RSET\nQUIT\r\n", {"!lf"}},
      {"\nQUIT\r\n", {"!lf"}},
      {"RSET\rQUIT\r\n", {"!cr"}},
      {"RSET\r\r\n", {"!cr"}},
      {"NOOP\r\nRSET\0\r\n"sv, {"NOOP", "!nul"}},
      {"\r\0\n"sv, {"!cr"}},
      {"\xff\xfe\x01\r\n", {"\xff\xfe\x01"}},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.wire, chunk);
  CHECK(read_lines(row.wire, chunk, 16) == row.want);
}

TEST_CASE("read_line takes a line of the limit with its CRLF, and no octet more") {
  const auto row = GENERATE(values<Row>({
      {"12345678\r\n", {"12345678"}},
      {"123456789\r\n", {"!long"}},
      {"1234567890123456789", {"!long"}},
      {"1234567890", {"!long"}},
      {"123456789", {}},
      {"123456789012\n", {"!long"}},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.wire, chunk);
  CHECK(read_lines(row.wire, chunk, 10) == row.want);
}

}  // namespace
}  // namespace ravelin::smtp
