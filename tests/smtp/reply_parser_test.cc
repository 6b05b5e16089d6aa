#include "smtp/reply_parser.h"

#include <random>
#include <string>
#include <vector>

#include "smtp/chunks.h"

namespace ravelin::smtp {
namespace {

using namespace std::string_view_literals;
using Status = ReplyParser::Status;

// Each reply as "code status|line|line", and the reason if the parser broke.
std::vector<std::string> parse(std::string_view wire, size_t chunk,
                               const ReplyLimits& limits = {}) {
  std::vector<std::string> found;
  ReplyParser parser(limits);
  test::in_chunks(wire, chunk, [&](std::string_view piece) {
    while (!piece.empty()) {
      const auto step = parser.feed(piece);
      piece.remove_prefix(step.consumed);
      if (step.status == Status::Broken) {
        found.push_back('!' + std::string(parser.why()));
        return false;
      }
      if (step.status == Status::More) {
        CHECK(piece.empty());
        continue;
      }
      const Reply reply = parser.take();
      found.push_back(std::to_string(reply.code) + ' ' + reply.status());
      for (const std::string& line : reply.lines) found.back() += '|' + line;
    }
    return true;
  });
  return found;
}

struct Row {
  std::string_view wire;
  std::vector<std::string> want;
};

TEST_CASE("ReplyParser reads the same replies however the bytes arrive") {
  const auto row = GENERATE(values<Row>({
      {"250 Ok\r\n", {"250 |Ok"}},
      {"250\r\n", {"250 |"}},
      {"250 \r\n", {"250 |"}},
      {"250-\r\n250\r\n", {"250 ||"}},
      {"220 a\r\n250 b\r\n", {"220 |a", "250 |b"}},
      {"250 bare line feed\n", {"250 |bare line feed"}},
      {"550 5.1.1 User unknown\r\n", {"550 5.1.1|User unknown"}},
      {"550-5.1.1 User\r\n550 5.1.1 unknown\r\n", {"550 5.1.1|User|unknown"}},
      {"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", {"250 |mx|SIZE 10|DSN"}},
      {"550 5.1.1\r\n", {"550 5.1.1|"}},
      {"450 5.7.123 class of the code\r\n", {"450 4.7.123|class of the code"}},
      {"550 5.1 no code\r\n", {"550 |5.1 no code"}},
      {"550 5.1.1x\r\n", {"550 |5.1.1x"}},
      {"550 5.1.1000 x\r\n", {"550 |5.1.1000 x"}},
      {"220 3.1.4 x\r\n", {"220 |3.1.4 x"}},
      {"550 \x1b[2J\xc3\xa9\rx\r\n", {"550 |?[2J?? x"}},
      {"250 unfinished", {}},
      {"250-unfinished\r\n", {}},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.wire, chunk);
  CHECK(parse(row.wire, chunk) == row.want);
}

TEST_CASE("ReplyParser breaks on what is no reply") {
  const auto row = GENERATE(values<Row>({
      {"\r\n", {"!no reply code"}},
      {"hello\r\n", {"!no reply code"}},
      {"99 x\r\n", {"!no reply code"}},
      {"000 x\r\n", {"!no reply code"}},
      {"199 x\r\n", {"!no reply code"}},
      {"600 x\r\n", {"!no reply code"}},
      {"999 x\r\n", {"!no reply code"}},
      {"2500 x\r\n", {"!no reply code"}},
      {"-50 x\r\n", {"!no reply code"}},
      {" 250 x\r\n", {"!no reply code"}},
      {"250x\r\n", {"!no space after the code"}},
      {"250\tx\r\n", {"!no space after the code"}},
      {"250-a\r\n550 b\r\n", {"!mixed reply codes"}},
      {"250-a\r\nb\r\n", {"!no reply code"}},
      {"250 a\0b\r\n"sv, {"!NUL in a reply"}},
      {"250 ok\r\nSSH-2.0\r\n", {"250 |ok", "!no reply code"}},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.wire, chunk);
  CHECK(parse(row.wire, chunk) == row.want);
}

TEST_CASE("ReplyParser has bounds on everything, for each reply anew") {
  const auto chunk = test::any_chunk();
  ReplyLimits limits;
  limits.line = 10;
  limits.lines = 2;
  limits.bytes = 18;
  using Found = std::vector<std::string>;
  CHECK(parse("250 12345\n250 12345\n250 12345\n", chunk, limits).size() == 3);
  CHECK(parse("250 123456\n", chunk, limits) == Found{"!line too long"});
  CHECK(parse("250 1234567890", chunk, limits) == Found{"!line too long"});
  CHECK(parse("250-a\n250-b\n250 c\n", chunk, limits) == Found{"!too many lines"});
  CHECK(parse("250-12345\n250 12345\n", chunk, limits) == Found{"!reply too large"});
}

TEST_CASE("Random octets never take ReplyParser out of bounds") {
  std::minstd_rand random(11);
  constexpr std::string_view kFrequent = "250- 5.1.1\r\n\r\n"sv;
  for (int round = 0; round < 5000; ++round) {
    std::string wire = random() % 2 ? "250-" : "";
    for (size_t length = random() % 60; length > 0; --length)
      wire += random() % 8 ? kFrequent[random() % kFrequent.size()] : static_cast<char>(random());
    CHECK(parse(wire, 1 + random() % 9) == parse(wire, wire.size() + 1));
  }
}

}  // namespace
}  // namespace ravelin::smtp
