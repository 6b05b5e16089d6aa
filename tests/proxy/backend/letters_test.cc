// Letters that nobody reads: what they carry goes back to where it came from.
#include <catch2/catch.hpp>
#include <filesystem>
#include <iterator>

#include "harness.h"

namespace ravelin::test {

static size_t descriptors() {
  const auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST_CASE("a connection on its way to a worker that has gone is closed, its permit is free") {
  const bool read = GENERATE(false, true);
  CAPTURE(read);
  const auto before = descriptors();
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  CHECK(mx.ask("x@example.com") == 250);
  auto mail = mx.begin("b@client.example", client(), 1);
  mail->ask("y@example.com");
  while (mx.backends.snapshot()[0].handovers == 0) {  // up to the letter with the connection
    REQUIRE_FALSE(mx.posts.empty());
    const auto call = std::move(mx.posts.front());
    mx.posts.pop_front();
    call();
    mx.reactor.run();
  }
  CHECK(descriptors() == before + 1);
  mail->transaction = nullptr;
  mx.workers.pop_back();
  CHECK(descriptors() == before);
  CHECK(mx.backends.snapshot()[0].open == 0);
  if (read) mx.run();
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.backends.snapshot()[0].open == 1);
}

TEST_CASE("leave to connect, on its way to a worker that has gone, is free again") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto first = mx.begin();
  CHECK(mx.ask(*first, "slow@example.com") == 0);
  auto second = mx.begin("b@client.example", client(), 1);
  second->ask("y@example.com");
  mx.run();
  mx.backend.close(0);
  mx.reactor.run();  // the permit goes to the one who waits
  REQUIRE(mx.backends.snapshot()[0].open == 1);
  REQUIRE(mx.backend.open() == 0);
  second->transaction = nullptr;
  mx.workers.pop_back();
  CHECK(mx.backends.snapshot()[0].open == 0);
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.backends.snapshot()[0].open == mx.backend.open());
}

TEST_CASE("idle connections of a worker that goes are promised to nobody") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  auto mail = mx.begin("b@client.example", client(), 1);
  CHECK(mx.ask(*mail, "no@example.com") == 250);
  mail = nullptr;
  mx.run();
  REQUIRE(mx.backends.snapshot()[0].idle == 1);
  mx.workers.pop_back();
  CHECK(mx.backends.snapshot()[0].idle == 0);
  CHECK(mx.backends.snapshot()[0].open == 0);
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("a worker that could not be woken reads its letters at the next sweep") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  CHECK(mx.ask("x@example.com") == 250);
  auto mail = mx.begin("b@client.example", client(), 1);
  mx.no_posts = true;
  mail->ask("y@example.com");
  mx.run();
  CHECK(mail->code() == 0);
  mx.no_posts = false;
  mx.sweep();
  CHECK(mail->code() == 250);
  CHECK(mx.backends.snapshot()[0].handovers == 1);
}

TEST_CASE("a follower hears at the next sweep what it could not be woken for") {
  Harness mx({route_to({"192.0.2.7:25"}, 4)}, 2);
  mx.backend.replies["RCPT"] = "";
  auto first = mx.begin();
  auto second = mx.begin("a@client.example", client(), 1);
  first->ask("no@example.com");
  second->ask("no@example.com");
  mx.run();
  mx.no_posts = true;
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.run();
  CHECK(first->code() == 550);
  CHECK(second->code() == 0);
  mx.no_posts = false;
  mx.sweep();
  CHECK(second->code() == 550);
}

}  // namespace ravelin::test
