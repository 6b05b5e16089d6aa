#include "proxy/observe/escape.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "proxy/observe/utf8.h"

namespace ravelin::proxy {
namespace {

using Append = void (*)(std::string&, std::string_view);

std::string escaped(Append append, std::string_view text) {
  std::string out;
  append(out, text);
  return out;
}

std::string words(std::string_view text, std::string_view own = {}) {
  std::string out;
  append_words(out, text, own);
  return out;
}

TEST_CASE("Escaping: what a place does not take becomes \\xHH") {
  struct Row {
    const char* name;
    Append append;
    std::string_view text;
    std::string_view want;
  };
  const auto row = GENERATE(values<Row>({
      {"plain text stays", append_text, "Hello, <world> [1]", "Hello, <world> [1]"},
      {"a line feed is no second event", append_text, "a\nb\r", "a\\x0Ab\\x0D"},
      {"the backslash itself", append_text, "a\\x41", "a\\x5Cx41"},
      {"NUL and DEL", append_text, std::string_view("\0\x7f", 2), "\\x00\\x7F"},
      {"a terminal's escape", append_text, "\x1b[2J", "\\x1B[2J"},
      {"valid UTF-8 stays", append_text, "J\xc3\xb8rn \xe2\x82\xac", "J\xc3\xb8rn \xe2\x82\xac"},
      {"Latin-1 does not", append_text, "J\xf8rn", "J\\xF8rn"},
      {"overlong slash", append_text, "\xc0\xaf", "\\xC0\\xAF"},
      {"surrogate", append_text, "\xed\xa0\x80", "\\xED\\xA0\\x80"},
      {"cut short", append_text, "\xe2\x82", "\\xE2\\x82"},
      {"C1 control NEL ends lines in Python", append_text, "a\xc2\x85", "a\\xC2\\x85"},
      {"line separator", append_text, "\xe2\x80\xa8", "\\xE2\\x80\\xA8"},
      {"right-to-left override", append_text, "\xe2\x80\xae", "\\xE2\\x80\\xAE"},
      {"in <> no space and no end", append_angle, "a b>: <c", "a\\x20b\\x3E:\\x20\\x3Cc"},
      {"no-break space is a space to Python", append_angle, "\xc2\xa0", "\\xC2\\xA0"},
      {"address literals stay", append_angle, "[192.0.2.1]", "[192.0.2.1]"},
      {"host names lose all else", append_host, "a.b[1]\xc3\xb8", "a.b\\x5B1\\x5D\\xC3\\xB8"},
  }));
  CAPTURE(row.name);
  CHECK(escaped(row.append, row.text) == row.want);
}

TEST_CASE("Escaping is undone by unescape(), for any bytes") {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string raw;
    for (size_t i = 0; i < static_cast<size_t>(round % 60); ++i)
      raw += static_cast<char>(random() % (round % 2 == 0 ? 256 : 128));
    raw += "\\x41";
    for (const auto append : {append_text, append_angle, append_host}) {
      const auto text = escaped(append, raw);
      CHECK(unescape(text) == raw);
      CHECK(text.find('\n') == text.npos);
    }
    CHECK(unescape(words(raw)) == raw);
    const auto json = nlohmann::json::parse('"' + escaped(append_json_text, raw) + '"');
    CHECK(unescape(json.get<std::string>()) == raw);
  }
}

TEST_CASE("unescape leaves alone what is no escape") {
  CHECK(unescape("\\x4") == "\\x4");
  CHECK(unescape("\\xzz\\") == "\\xzz\\");
  CHECK(unescape("\\x4a") == "\\x4a");  // we write upper case only
}

TEST_CASE("Words of strangers hold no name[address] but the client's own") {
  CHECK(words("from unknown[192.0.2.1]: x") == "from unknown\\x5B192.0.2.1]: x");
  CHECK(words("[2001:db8::1][a.b]") == "\\x5B2001:db8::1]\\x5Ba.b]");
  CHECK(words("Client host [192.0.2.1] blocked", "192.0.2.1") == "Client host [192.0.2.1] blocked");
  CHECK(words("[InternalId=5, Hostname=x] [] [a") == "[InternalId=5, Hostname=x] [] [a");
}

// pflogsumm takes the last "reject: STAGE from CLIENT:" of a line, and the first "from=<a>,
// size=1".
TEST_CASE("Words of strangers hold no verdict and no field") {
  CHECK(words("x reject: RCPT from y: hold: a") == "x reject\\x3A RCPT from y: hold\\x3A a");
  CHECK(words("discard:reject_warning: a") == "discard\\x3Areject_warning\\x3A a");
  CHECK(words("threshold: uphold: a-hold:") == "threshold: uphold: a-hold\\x3A");
  CHECK(words("from=<a>, size=1 <b>") == "from=\\x3Ca>, size=1 <b>");
}

TEST_CASE("Long fields are cut, and say so") {
  const std::string longest(kMaxLogField, 'a');
  CHECK(escaped(append_text, longest) == longest);
  CHECK(escaped(append_text, longest + "b") == longest + "\\...");
  CHECK(words(longest + "b") == longest + "\\...");
  const auto json = '"' + escaped(append_json_text, longest + "b") + '"';
  CHECK(nlohmann::json::parse(json) == longest + "\\...");
}

TEST_CASE("first_utf8 knows the edges of each length") {
  struct Row {
    std::string_view text;
    uint32_t value;
    int size;
  };
  const auto row = GENERATE(values<Row>({
      {"\x7f", 0x7f, 1},
      {"\x80", 0, 0},
      {"\xc1\xbf", 0, 0},
      {"\xc2\x80", 0x80, 2},
      {"\xdf\xbf", 0x7ff, 2},
      {"\xe0\x9f\xbf", 0, 0},
      {"\xe0\xa0\x80", 0x800, 3},
      {"\xed\x9f\xbf", 0xd7ff, 3},
      {"\xef\xbf\xbd", 0xfffd, 3},
      {"\xf0\x8f\xbf\xbf", 0, 0},
      {"\xf0\x90\x80\x80", 0x10000, 4},
      {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
      {"\xf4\x90\x80\x80", 0, 0},
      {"\xf5\x80\x80\x80", 0, 0},
      {"\xc3(", 0, 0},
      {"", 0, 0},
  }));
  CAPTURE(row.text);
  const auto got = first_utf8(row.text);
  CHECK(got.value == row.value);
  CHECK(got.size == row.size);
}

}  // namespace
}  // namespace ravelin::proxy
