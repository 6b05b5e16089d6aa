#include "proxy/config/root.h"

#include <catch2/catch.hpp>

using namespace ravelin::proxy;

TEST_CASE("which paths can be a root or lie below one") {
  for (const auto* path : {"/a", "/a/b.c", "/..a", "/a/.b"}) CHECK(is_plain_path(path));
  for (const auto* path : {"", "a", "/", "//", "/a/", "//a", "/a//b", "/.", "/a/.", "/a/../b"}) {
    CAPTURE(path);
    CHECK_FALSE(is_plain_path(path));
  }
  CHECK(is_below("/a/b", "/a"));
  for (const auto* path : {"/a", "/a/", "/ab", "/ab/c", "a/b", "/", ""}) {
    CAPTURE(path);
    CHECK_FALSE(is_below(path, "/a"));
  }
}

TEST_CASE("names are translated once there is a root") {
  CHECK(seen_here("/srv/r/x") == "/srv/r/x");
  set_root("/srv/r");
  CHECK(seen_here("/srv/r/x/y") == "/x/y");
  for (const auto* path : {"/srv/rx", "/srv/r", "/etc/x", "x", "-", ""})
    CHECK(seen_here(path) == path);
  set_root("");
  CHECK(seen_here("/srv/r/x") == "/srv/r/x");
}
