#include "proxy/observe/journal_stream.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "proxy/event/fd.h"

namespace ravelin::proxy {
namespace {

TEST_CASE("The journal's stream is the one whose device and inode JOURNAL_STREAM names") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Fd one(ends[0]);
  const Fd other(ends[1]);
  unsetenv("JOURNAL_STREAM");
  CHECK_FALSE(is_journal(one.get()));
  struct stat about {};
  REQUIRE(fstat(one.get(), &about) == 0);
  setenv("JOURNAL_STREAM", fmt::format("{}:{}", about.st_dev, about.st_ino).c_str(), 1);
  CHECK(is_journal(one.get()));
  CHECK_FALSE(is_journal(other.get()));
  CHECK_FALSE(is_journal(-1));
  for (const auto* odd : {"", ":", "8:", "x:y", "1:2:3"}) {
    setenv("JOURNAL_STREAM", odd, 1);
    CHECK_FALSE(is_journal(one.get()));
  }
  unsetenv("JOURNAL_STREAM");
}

TEST_CASE("The journal hears a level for each line") {
  CHECK(with_level(3, "one\n  two\n") == "<3>one\n<3>  two\n");
  CHECK(with_level(4, "no end") == "<4>no end");
  CHECK(with_level(4, "").empty());
}

}  // namespace
}  // namespace ravelin::proxy
