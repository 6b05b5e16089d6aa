#include "proxy/observe/control_protocol.h"

#include <catch2/catch.hpp>
#include <vector>

namespace ravelin::proxy {
namespace {

using Result = FrameReader::Result;

std::string frames(std::string_view message) {
  std::string out;
  do append_frame(out, message);
  while (!message.empty());
  return out;
}

// All messages, "!" behind them if a limit was exceeded.
std::vector<std::string> read_all(std::string_view wire, size_t chunk, size_t max_frame,
                                  size_t max_message) {
  FrameReader reader(max_frame, max_message);
  std::vector<std::string> messages;
  for (size_t at = 0; at < wire.size(); at += chunk) {
    auto data = wire.substr(at, chunk);
    while (!data.empty()) {
      const auto result = reader.feed(data);
      if (result == Result::Message) messages.push_back(reader.message());
      if (result != Result::TooLong) continue;
      messages.emplace_back("!");
      return messages;
    }
  }
  return messages;
}

TEST_CASE("FrameReader gives the same messages however the bytes arrive") {
  using std::string_literals::operator""s;
  struct Row {
    const char* name;
    std::string wire;
    std::vector<std::string> want;
  };
  const auto row = GENERATE(values<Row>({
      {"two in one", frames("{}") + frames("[1]"), {"{}", "[1]"}},
      {"an unfinished one is held back", frames("{}") + frames("[1]").substr(0, 6), {"{}"}},
      {"an empty one, then another", frames("") + frames("x"), {"", "x"}},
      {"the longest", frames(std::string(8, 'x')), {"xxxxxxxx"}},
      {"too long", "\0\0\0\x09"s + "xxxxxxxxx", {"!"}},
      {"another protocol", "GET / HTTP/1.0\r\n\r\n", {"!"}},
      {"pages", "\x80\0\0\3abc\0\0\0\3def"s + frames("x"), {"abcdef", "x"}},
      {"pages that are too long together",
       "\x80\0\0\x07"
       "abcdefg\0\0\0\x06"
       "hijklm"s,
       {"!"}},
      {"an empty page that announces more", "\x80\0\0\0\x80\0\0\0"s, {"!"}},
  }));
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 1000);
  CAPTURE(row.name, chunk);
  CHECK(read_all(row.wire, chunk, 8, 12) == row.want);
}

TEST_CASE("FrameReader: a request has one frame") {
  using std::string_literals::operator""s;
  CHECK(read_all("\x80\0\0\3abc\0\0\0\3def"s, 1000, 8, 8) == std::vector<std::string>{"!"});
}

TEST_CASE("A long answer leaves in pages") {
  std::string text(2 * kControlPage + 5, 'x');
  const auto wire = frames(text);
  CHECK(wire.size() == text.size() + 3 * 4);
  CHECK(read_all(wire, 100'000, kControlPage, kMaxControlResponse) ==
        std::vector<std::string>{text});
}

TEST_CASE("FrameReader knows whether it is in the middle of a message") {
  FrameReader reader(8, 8);
  CHECK_FALSE(reader.begun());
  const auto wire = frames("ab");
  for (size_t i = 0; i < wire.size(); ++i) {
    auto data = std::string_view(wire).substr(i, 1);
    reader.feed(data);
    CHECK(reader.begun() == (i + 1 < wire.size()));
  }
}

TEST_CASE("is_shallow counts brackets, but not those in strings") {
  CHECK(is_shallow(R"([[{"a":"[[[[\"[["}]])", 3));
  CHECK_FALSE(is_shallow("[[[[", 3));
  CHECK(is_shallow("[][][][]", 1));
  CHECK(is_shallow("]]]][", 1));
  CHECK(is_shallow("\"\\", 1));
}

}  // namespace
}  // namespace ravelin::proxy
