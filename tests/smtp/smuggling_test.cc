// End of data is CRLF "." CRLF and nothing else, wherever the input is cut.    RFC 5321 §4.1.1.4
#include <random>
#include <vector>

#include "smtp/data_support.h"

namespace ravelin::smtp {
namespace {

using namespace std::string_view_literals;
using Status = DataReader::Status;

// Empty if the reader and the plain rule agree.
std::string difference(const std::string& wire, size_t chunk, bool normalise) {
  DataLimits limits;
  limits.normalise = normalise;
  const auto got = test::read_text(wire, chunk, limits);
  const auto want = test::expect_text(wire, normalise);
  if (got.status != want.status) return "status";
  if (got.fault != want.fault) return "fault";
  // A CR that is not followed by LF is known as bare only at the next octet, which stays.
  if (got.consumed != want.consumed) return "consumed";
  if (got.status == Status::Fault) return got.discarded == want.discarded ? "" : "discarded";
  // An unfinished line may be held back in part, but what is out must be right.
  if (got.status == Status::More) return got.text.starts_with(want.text) ? "" : "text";
  return got.text == want.text && got.size == want.text.size() ? "" : "text";
}

std::string visible(std::string_view wire) {
  std::string out;
  for (const char c : wire)
    out += c == '\r' ? "<CR>" : c == '\n' ? "<LF>" : c == '\0' ? "<NUL>" : std::string(1, c);
  return out;
}

TEST_CASE("All short mixtures of line ends, dots and NUL are read as the plain rule reads them") {
  constexpr std::string_view kAlphabet = "\r\n.\0x"sv;
  const std::string before = GENERATE("", "text\r\n", "text");
  const std::string after = GENERATE("", "\r\n.\r\nQUIT\r\n");
  const bool normalise = GENERATE(false, true);
  const size_t chunk = test::any_chunk();
  size_t tried = 0;
  for (size_t length = 0; length <= 5; ++length) {
    size_t count = 1;
    for (size_t i = 0; i < length; ++i) count *= kAlphabet.size();
    for (size_t number = 0; number < count; ++number, ++tried) {
      std::string middle;
      for (size_t i = 0, rest = number; i < length; ++i, rest /= kAlphabet.size())
        middle += kAlphabet[rest % kAlphabet.size()];
      const std::string wire = before + middle + after;
      const std::string wrong = difference(wire, chunk, normalise);
      if (!wrong.empty()) FAIL_CHECK(wrong << " of " << visible(wire) << " chunk " << chunk);
    }
  }
  CHECK(tried == 1 + 5 + 25 + 125 + 625 + 3125);
}

TEST_CASE("Random octets are read as the plain rule reads them") {
  std::mt19937 random(20240101);
  constexpr std::string_view kFrequent = "\r\n\r\n.\r\n.."sv;
  for (int round = 0; round < 3000; ++round) {
    std::string wire;
    const size_t length = random() % 60;
    for (size_t i = 0; i < length; ++i)
      wire += random() % 4 ? kFrequent[random() % kFrequent.size()] : static_cast<char>(random());
    const bool normalise = random() % 2;
    const std::string wrong = difference(wire, 1 + random() % 20, normalise);
    if (!wrong.empty()) FAIL_CHECK(wrong << " of " << visible(wire));
  }
  SUCCEED();
}

TEST_CASE("Discarding may begin anywhere and ends where reading would have ended") {
  const bool normalise = GENERATE(false, true);
  const std::string strict = "a\r\n..\r\n.b\r\n\r\n.\r\nQUIT\r\n";
  const std::string wire = normalise ? "a\n.\r\n..\n.\n\r\n.\n.\r\n" + strict : strict;
  DataLimits limits;
  limits.normalise = normalise;
  const size_t end = test::read_text(wire, wire.size(), limits).consumed;
  CHECK(wire.substr(end) == "QUIT\r\n");
  for (size_t at = 0; at < end; ++at) {
    CAPTURE(at);
    DataReader reader(limits);
    std::string out;
    REQUIRE(reader.feed(wire.substr(0, at), out).status == Status::More);
    const auto step = reader.discard(std::string_view(wire).substr(at));
    CHECK(step.status == Status::End);
    CHECK(at + step.consumed == end);
  }
}

struct Row {
  std::string_view end;  // between "text" and a smuggled MAIL
  DataFault strict;
  DataFault normalised;  // None: still no end of data
};

TEST_CASE("No known smuggling sequence ends the data") {
  const auto row = GENERATE(values<Row>({
      {"\n.\n", DataFault::BareLf, DataFault::None},
      {"\n.\r\n", DataFault::BareLf, DataFault::None},
      {"\r\n.\n", DataFault::BareLf, DataFault::None},
      {"\r.\r", DataFault::BareCr, DataFault::BareCr},
      {"\r.\n", DataFault::BareCr, DataFault::BareCr},
      {"\n.\r", DataFault::BareLf, DataFault::BareCr},
      {"\r.\r\n", DataFault::BareCr, DataFault::BareCr},
      {"\r\n.\r", DataFault::BareCr, DataFault::BareCr},
      {"\r\n\0.\r\n"sv, DataFault::Nul, DataFault::Nul},
      {"\r\n.\0\r\n"sv, DataFault::Nul, DataFault::Nul},
      {"\r\n.\r\0\n"sv, DataFault::Nul, DataFault::Nul},
      {"\r\n.\r\r\n", DataFault::BareCr, DataFault::BareCr},
      {"\r\r\n.\r\r\n", DataFault::BareCr, DataFault::BareCr},
      {"\r\n.\n\r\n", DataFault::BareLf, DataFault::None},
  }));
  const auto chunk = test::any_chunk();
  const std::string wire = "text" + std::string(row.end) + "MAIL FROM:<x@y>\r\n";
  CAPTURE(visible(wire), chunk);
  CHECK(test::read_text(wire, chunk).fault == row.strict);

  DataLimits limits;
  limits.normalise = true;
  const auto got = test::read_text(wire, chunk, limits);
  CHECK(got.status != Status::End);
  CHECK(got.fault == row.normalised);
}

TEST_CASE("After a fault the true end of data is found, and what follows is left") {
  const auto chunk = test::any_chunk();
  const auto got = test::read_text("a\nb\n.\n\r\n..\r\n.\r\nQUIT\r\n", chunk);
  CHECK(got.fault == DataFault::BareLf);
  CHECK(got.consumed == 2);
  CHECK(got.discarded == 15);
}

TEST_CASE("A lone dot beside a bare LF goes to the backend as text, stuffed") {
  const auto chunk = test::any_chunk();
  DataLimits limits;
  limits.normalise = true;
  const auto got = test::read_text("a\n.\nb\n.\r\nc\r\n.\n.d\n..e\n.\r\n.\r\n", chunk, limits);
  CHECK(got.status == Status::End);
  CHECK(got.text == "a\r\n.\r\nb\r\n.\r\nc\r\n.\r\nd\r\n.e\r\n.\r\n");

  std::string out;
  DotStuffer stuffer;
  stuffer.append(got.text, out);
  stuffer.finish(out);
  CHECK(out == "a\r\n..\r\nb\r\n..\r\nc\r\n..\r\nd\r\n..e\r\n..\r\n.\r\n");
}

}  // namespace
}  // namespace ravelin::smtp
