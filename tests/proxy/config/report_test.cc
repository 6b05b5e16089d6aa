#include "proxy/config/report.h"

#include <catch2/catch.hpp>

namespace ravelin::proxy {
namespace {

TEST_CASE("An error shows its line, with a caret below the place") {
  struct Row {
    const char* name;
    std::string_view text;
    Place place;
    std::string want;
  };
  const auto row = GENERATE(values<Row>({
      {"in the middle", "a\nbc = d\n", {2, 6}, "f:2:6: wrong\n  bc = d\n       ^"},
      {"first column", "abc", {1, 1}, "f:1:1: wrong\n  abc\n  ^"},
      {"behind the line", "a =\n", {1, 4}, "f:1:4: wrong\n  a =\n     ^"},
      {"tabs stay tabs", "\ta\tb", {1, 4}, "f:1:4: wrong\n  \ta\tb\n  \t \t^"},
      {"columns are code points", "\xc3\xb6 = 1", {1, 5}, "f:1:5: wrong\n  \xc3\xb6 = 1\n      ^"},
      {"CRLF", "ab\r\ncd", {1, 2}, "f:1:2: wrong\n  ab\n   ^"},
      {"no control characters", "a\x1b[2Jb", {1, 1}, "f:1:1: wrong\n  a?[2Jb\n  ^"},
      {"no broken UTF-8", "a\xff\xc3", {1, 1}, "f:1:1: wrong\n  a\?\?\n  ^"},
      {"an empty line", "\n", {1, 1}, "f:1:1: wrong"},
      {"no place", "abc", {0, 0}, "f: wrong"},
      {"a line that is not there", "abc", {9, 1}, "f:9:1: wrong"},
  }));
  CAPTURE(row.name);
  Report report(row.text);
  report.error(row.place, "wrong");
  const auto errors = report.take_errors();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].format("f") == row.want);
}

TEST_CASE("A line too long to read is left out") {
  const std::string text(501, 'a');
  Report report(text);
  report.error({1, 400}, "wrong");
  CHECK(report.take_errors()[0].format("f") == "f:1:400: wrong");
}

TEST_CASE("An error of a list file names that file") {
  Report report("abc");
  report.list_error("list", 7, "line", "wrong");
  CHECK(report.take_errors()[0].format("f") == "list:7:1: wrong\n  line\n  ^");
}

TEST_CASE("Quoted text is cut between code points") {
  CHECK(quoted("a\tb") == "\"a?b\"");
  CHECK(quoted(std::string(79, 'a') + "\xc3\xb6") == '"' + std::string(79, 'a') + "...\"");
}

}  // namespace
}  // namespace ravelin::proxy
