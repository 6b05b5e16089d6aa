#include "smtp/data_reader.h"

#include <random>

#include "smtp/data_support.h"

namespace ravelin::smtp {
namespace {

using Status = DataReader::Status;
using test::read_text;

struct Row {
  const char* name;
  std::string_view wire;
  std::string_view text;
  std::string_view rest;  // not consumed
};

TEST_CASE("DataReader gives the same text however the bytes arrive") {
  const auto row = GENERATE(values<Row>({
      {"a line", "hello\r\n.\r\n", "hello\r\n", ""},
      {"empty message", ".\r\n", "", ""},
      {"empty line only", "\r\n.\r\n", "\r\n", ""},
      {"stuffed dots", "..\r\n..x\r\n.\ty\r\n...\r\n.\r\n", ".\r\n.x\r\n\ty\r\n..\r\n", ""},
      {"dots inside a line", "a.b\r\na.\r\n.\r\n", "a.b\r\na.\r\n", ""},
      {"pipelined command", "x\r\n.\r\nQUIT\r\n", "x\r\n", "QUIT\r\n"},
      {"all octets but NUL", "\x01\x7f\x80\xff\t\x1b\r\n.\r\n", "\x01\x7f\x80\xff\t\x1b\r\n", ""},
      {"mbox line is text", "From x\r\n.\r\n", "From x\r\n", ""},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.name, chunk);
  const auto got = read_text(row.wire, chunk);
  CHECK(got.status == Status::End);
  CHECK(got.text == row.text);
  CHECK(got.size == row.text.size());
  CHECK(row.wire.substr(got.consumed) == row.rest);
}

TEST_CASE("The size is counted after unstuffing, with line ends, and cuts in at once") {
  const auto chunk = test::any_chunk();
  DataLimits limits;
  limits.size = 6;
  CHECK(read_text("..bcd\r\n.\r\n", chunk, limits).status == Status::End);
  CHECK(read_text("abcde\r\n.\r\n", chunk, limits).fault == DataFault::TooBig);
  CHECK(read_text("abcdefg", chunk, limits).fault == DataFault::TooBig);
  CHECK(read_text("\r\n\r\n\r\n\r\n", chunk, limits).fault == DataFault::TooBig);
  CHECK(read_text("abcdef", chunk, limits).fault == DataFault::None);
  CHECK(read_text("abcdefg", chunk, limits).size == 6);
}

TEST_CASE("The end is found after the size ran out, right behind a line end, too") {
  const auto chunk = test::any_chunk();
  DataLimits limits;
  limits.size = 3;
  const auto got = read_text("ab\r\n.\r\nQUIT", chunk, limits);
  CHECK(got.fault == DataFault::TooBig);
  CHECK(got.consumed == 4);
  CHECK(got.discarded == 7);
}

TEST_CASE("A line may be as long as the limit, its end and its stuffing not counted") {
  const auto chunk = test::any_chunk();
  DataLimits limits;
  limits.line = 4;
  CHECK(read_text("abcd\r\n..bcd\r\n.\r\n", chunk, limits).status == Status::End);
  CHECK(read_text("a\r\nabcde", chunk, limits).fault == DataFault::LineTooLong);
  CHECK(read_text("..bcde", chunk, limits).fault == DataFault::LineTooLong);
}

TEST_CASE("A line of a million octets passes, and one more does not") {
  const std::string line(1'000'000, 'x');
  CHECK(read_text(line + "\r\n.\r\n", 65536).status == Status::End);
  CHECK(read_text(line + "x\r\n.\r\n", 65536).fault == DataFault::LineTooLong);
}

TEST_CASE("Received fields of the header are counted, and no others") {
  const auto chunk = test::any_chunk();
  const auto got = read_text(
      "Received: a\r\n by b\r\nRECEIVED:c\r\nreceived : d\r\nX-Received: e\r\nReceived-SPF: f\r\n"
      " Received: folded\r\n\r\nReceived: body\r\n.\r\n",
      chunk);
  CHECK(got.received == 3);
}

TEST_CASE("One Received field too many is a loop") {
  const auto chunk = test::any_chunk();
  DataLimits limits;
  limits.received = 2;
  const std::string two = "Received: a\r\nReceived: b\r\n";
  CHECK(read_text(two + "\r\nReceived: c\r\n.\r\n", chunk, limits).status == Status::End);
  CHECK(read_text(two + "Received: c\r\n.\r\n", chunk, limits).fault == DataFault::TooManyHops);
}

struct IdRow {
  const char* name;
  std::string_view header;
  std::string_view id;
};

TEST_CASE("The Message-ID is found in the header") {
  const auto row = GENERATE(values<IdRow>({
      {"plain", "Message-ID: <a@b>\r\n", "<a@b>"},
      {"any case, no space, white space behind", "MESSAGE-id:<a@b> \t\r\n", "<a@b>"},
      {"on the folded line", "Message-ID:\r\n <a@b>\r\nX: y\r\n", "<a@b>"},
      {"folded twice", "Message-ID: \r\n\t\r\n <a@b>\r\n", "<a@b>"},
      {"another field's fold behind it", "Message-ID: <a@b>\r\nX: y\r\n z\r\n", "<a@b>"},
      {"the first counts", "Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n", "<a@b>"},
      {"another field's fold", "X: y\r\n Message-ID: <a@b>\r\n", ""},
      {"a longer name", "Message-IDs: <a@b>\r\n", ""},
      {"in the body", "\r\nMessage-ID: <a@b>\r\n", ""},
      {"none", "Subject: x\r\n", ""},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.name, chunk);
  const std::string wire = std::string(row.header) + "\r\ntext\r\n.\r\n";
  CHECK(read_text(wire, chunk).message_id == row.id);
}

TEST_CASE("A Message-ID without end is cut") {
  const auto chunk = test::any_chunk();
  const auto got = read_text("Message-ID: " + std::string(5000, 'x') + "\r\n", chunk);
  CHECK(got.message_id == std::string(250, 'x'));
}

TEST_CASE("The verdict does not depend on the chunks when several limits are near") {
  std::minstd_rand random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string wire;
    for (size_t i = random() % 8; i > 0; --i)
      wire += random() % 3 ? "Received: x\r\n" : random() % 2 ? "abcdefgh\n" : "..\r\n";
    DataLimits limits;
    limits.size = random() % 40;
    limits.line = random() % 14;
    limits.received = static_cast<uint32_t>(random() % 3);
    const auto whole = read_text(wire, 1 << 20, limits);
    const auto pieces = read_text(wire, 1 + random() % 5, limits);
    CAPTURE(wire, limits.size, limits.line, limits.received);
    REQUIRE(whole.status == pieces.status);
    REQUIRE(whole.fault == pieces.fault);
  }
}

TEST_CASE("DotStuffer stuffs every line start, and ends the text") {
  struct Text {
    std::string_view text, wire;
  };
  const auto row = GENERATE(values<Text>({
      {"", ".\r\n"},
      {"a\r\n", "a\r\n.\r\n"},
      {"a", "a\r\n.\r\n"},
      {".", "..\r\n.\r\n"},
      {".\r\n..\r\na.b\r\n.c\r\n\r\n.\r\n", "..\r\n...\r\na.b\r\n..c\r\n\r\n..\r\n.\r\n"},
  }));
  const auto chunk = test::any_chunk();
  CAPTURE(row.text, chunk);
  std::string out;
  DotStuffer stuffer;
  test::in_chunks(row.text, chunk, [&](std::string_view piece) {
    stuffer.append(piece, out);
    return true;
  });
  stuffer.finish(out);
  CHECK(out == row.wire);
}

}  // namespace
}  // namespace ravelin::smtp
