#include "proxy/config/names.h"

#include <catch2/catch.hpp>

#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

TEST_CASE("Edit distance counts slips of the finger") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("sesions", "sessions") == 1);
  CHECK(edit_distance("sessoins", "sessions") == 1);
  CHECK(edit_distance("delai", "delay") == 1);
  CHECK(edit_distance("window", "delay") == 6);
}

TEST_CASE("An unknown key is told from where it belongs or what it is near") {
  struct Row {
    std::string_view path;
    std::string key;
    std::string want;
  };
  const auto row = GENERATE(values<Row>({
      {"limits", "sesions", "unknown key \"sesions\" in [limits]; did you mean \"sessions\"?"},
      {"verify", "delay", "unknown key \"delay\" in [verify]; it belongs to [greylist]"},
      {"admin", "timeout", "unknown key \"timeout\" in [admin]; it belongs to [dns] or [verify]"},
      {"log", "mode", "unknown key \"mode\" in [log]; it belongs to the top of the file"},
      {"", "connections",
       "unknown key \"connections\" at the top of the file; it belongs to [[route]]"},
      {"verify", "windov",
       "unknown key \"windov\" in [verify]; did you mean \"window\" of [greylist]?"},
      {"limits", "xyzzy", "unknown key \"xyzzy\" in [limits]"},
      {"limits", "a\x1b[31m", "unknown key \"a?[31m\" in [limits]"},
      {"limits", std::string(100, 'a'),
       "unknown key \"" + std::string(80, 'a') + "...\" in [limits]"},
  }));
  CHECK(unknown_key(row.path, row.key, all_sections()) == row.want);
}

TEST_CASE("An unknown section is told what it is near") {
  struct Row {
    std::string_view path;
    std::string want;
  };
  const auto row = GENERATE(values<Row>({
      {"limit", "unknown section \"limit\"; did you mean [limits]?"},
      {"routes", "unknown section \"routes\"; did you mean [[route]]?"},
      {"check.rdns", "unknown section \"check.rdns\"; did you mean [checks.rdns]?"},
      {"rdns", "unknown section \"rdns\"; did you mean [checks.rdns]?"},
      {"checks.greylist", "unknown section \"checks.greylist\"; did you mean [greylist]?"},
      {"tls", "unknown section \"tls\""},
  }));
  CHECK(unknown_section(row.path, all_sections()) == row.want);
}

}  // namespace
}  // namespace ravelin::proxy
