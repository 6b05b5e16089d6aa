// Ending needs no memory, and what fails for want of it keeps nothing and spoils nothing.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "failing_memory.h"
#include "proxy/event/loop.h"
#include "proxy/event/system_clock.h"
#include "proxy/event/tls_channel.h"
#include "proxy/overload/budget.h"
#include "stage.h"
#include "support/memory_failure.h"

namespace ravelin::test {
namespace {

constexpr size_t kForGood = 1'000'000;

struct Object final : dns::Retirable {};

// Whether |client| believes the world's mail server.
bool believes(const proxy::TlsClient& client) {
  const auto wire = unix_pair();
  TlsEnd server(World::get().server.tls, TlsEnd::Side::Server);
  const Program program;
  const auto channel = client.connect("127.0.0.1");
  if (!channel || !channel->attach(wire.ours.get())) return false;
  for (int turns = 0; turns < 100; ++turns) {
    const auto step = channel->shake_hands();
    if (step != proxy::TlsChannel::Step::Again) return step == proxy::TlsChannel::Step::Done;
    const Outside outside;
    server.hear(read_all(wire.theirs).bytes);
    send_all(wire.theirs, server.output());
  }
  return false;
}

TEST_CASE("However many objects end in one turn, retiring them needs no memory") {
  proxy::Loop loop(proxy::SystemClock::instance());
  std::vector<std::shared_ptr<Object>> objects(100'000);
  for (auto& object : objects) object = std::make_shared<Object>();
  const std::weak_ptr<Object> last = objects.back();
  {
    const Program program;
    MemoryFailure::arm(1, kForGood);
    for (auto& object : objects) loop.retire(std::move(object));
    MemoryFailure::disarm();
  }
  CHECK(MemoryFailure::failures() == 0);
  CHECK_FALSE(last.expired());
  loop.poll();
  CHECK(last.expired());
}

TEST_CASE("A worker that has no memory to tell that it has drained can be asked") {
  World::get();
  Stage stage("", Behind::Smtp);
  CHECK_FALSE(stage.worker().drained());
  stage.worker().drain([] { throw std::bad_alloc(); });
  CHECK(stage.until([&] { return stage.worker().drained(); }));
  stage.worker().stop(/*at_once=*/true);
}

TEST_CASE("A handshake for which there is no memory takes no place") {
  proxy::Budget handshakes;
  MemoryFailure::arm(1, kForGood);
  CHECK_FALSE(survives([&] { (void)handshakes.enter(1); }));
  MemoryFailure::disarm();
  CHECK(handshakes.in_use() == 0);
}

TEST_CASE("A handshake that fails without memory has failed, and says why") {
  const auto client = proxy::TlsClient::make({});
  REQUIRE(client);
  const auto wire = unix_pair();
  const auto channel = (*client)->connect("mx.example");
  REQUIRE(channel);
  REQUIRE(channel->attach(wire.ours.get()));
  REQUIRE(channel->shake_hands() == proxy::TlsChannel::Step::Again);
  send_all(wire.theirs, "220 this is no TLS, and will not be\r\n");
  refuse_memory_to(Asker::Program);
  auto step = proxy::TlsChannel::Step::Again;
  MemoryFailure::arm(1, kForGood);
  const bool survived = survives([&] { step = channel->shake_hands(); });
  MemoryFailure::disarm();
  CHECK(survived);
  CHECK(step == proxy::TlsChannel::Step::Failed);
  CHECK(std::string(channel->trouble()) == "wrong version number");
}

TEST_CASE("Memory that runs out in a handshake does not make an authority's certificate invalid") {
  proxy::TlsClientSettings settings;
  settings.verify = true;
  settings.ca = {"mx.pem", World::get().certificate};
  REQUIRE(believes(**proxy::TlsClient::make(settings)));  // what OpenSSL makes once is made now
  refuse_memory_to(Asker::OpenSsl);
  for (size_t nth = 1; nth < 5000; nth += 3) {
    CAPTURE(nth);
    const auto client = proxy::TlsClient::make(settings);
    REQUIRE(client);
    MemoryFailure::arm(nth, 1);
    (void)believes(**client);
    const bool over = MemoryFailure::failures() == 0;
    MemoryFailure::disarm();
    REQUIRE(believes(**client));
    if (over) return;
  }
  FAIL("a handshake without end");
}

}  // namespace
}  // namespace ravelin::test
