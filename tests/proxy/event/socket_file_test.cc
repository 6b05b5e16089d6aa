#include "proxy/event/socket_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <utility>

#include "proxy/event/open_listener.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using std::filesystem::exists;

TEST_CASE("a socket's file goes with its owner, wherever that moved") {
  const test::TempDir dir;
  const auto path = dir.file("ctl.sock");
  const auto socket = open_unix_listener(path);
  REQUIRE(socket);
  {
    SocketFile first(path);
    SocketFile second(std::move(first));
    SocketFile third;
    third = std::move(second);
    CHECK(exists(path));
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("a file that took the place of ours stays") {
  const test::TempDir dir;
  const auto path = dir.file("ctl.sock");
  const auto ours = open_unix_listener(path);
  SocketFile file(path);
  std::filesystem::rename(path, dir.file("aside"));
  const auto theirs = open_unix_listener(path);
  REQUIRE(theirs);
  file.remove();
  CHECK(exists(path));
  CHECK(exists(dir.file("aside")));
}

TEST_CASE("no file is no trouble") {
  const test::TempDir dir;
  SocketFile none;
  none.remove();
  SocketFile missing(dir.file("missing"));
}

TEST_CASE("an address is taken when somebody listens, not when nobody does") {
  const auto any = *dns::Endpoint::parse("127.0.0.1:0");
  const auto reuse_port = GENERATE(false, true);
  auto listener = open_listener(any, reuse_port);
  REQUIRE(listener);
  const auto at = local_endpoint(listener->get());
  CHECK(is_taken(at));
  CHECK(is_taken({*dns::IpAddress::parse("0.0.0.0"), at.port}));
  listener->reset();
  CHECK_FALSE(is_taken(at));
}
