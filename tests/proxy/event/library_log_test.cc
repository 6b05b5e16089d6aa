#include "proxy/event/library_log.h"

#include <event2/event.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "proxy/event/event.h"

using ravelin::proxy::LibraryLog;

namespace {

void provoke_warning() {
  event_base* base = event_base_new();
  REQUIRE(base != nullptr);
  // A descriptor that epoll does not take (EBADF) is a warning of the epoll backend.
  event* impossible = event_new(
      base, 9999, EV_READ, [](evutil_socket_t, short, void*) {}, nullptr);
  CHECK(event_add(impossible, nullptr) != 0);
  event_free(impossible);
  event_base_free(base);
}

}  // namespace

TEST_CASE("libevent's warnings are heard, for as long as somebody listens") {
  std::vector<std::string> said;
  {
    const LibraryLog log([&said](std::string_view text) { said.emplace_back(text); });
    provoke_warning();
    REQUIRE(said.size() == 1);
    CHECK(said.front().find("Bad file descriptor") != std::string::npos);
  }
  {
    const LibraryLog another([](std::string_view) {});
    provoke_warning();
  }
  CHECK(said.size() == 1);
}
