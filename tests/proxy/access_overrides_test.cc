#include "proxy/access_overrides.h"

#include <catch2/catch.hpp>

#include "support/manual_reactor.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

dns::Cidr network(const char* text) { return dns::Cidr::parse(text).value(); }
dns::IpAddress address(const char* text) { return dns::IpAddress::parse(text).value(); }

struct World {
  test::ManualClock clock;
  test::TempDir folder;
  std::unique_ptr<Store> store = open();

  std::unique_ptr<Store> open() {
    return open_store(folder.file("state.db"), clock, [](const std::string& text) { FAIL(text); });
  }
  AccessOverrides::Entry entry(bool allow, std::chrono::seconds time = 1h) const {
    return {allow, clock.wall() + time, "note", "uid 0"};
  }
};

}  // namespace

TEST_CASE("the longest network decides, and by hand goes before the configuration") {
  AccessSettings settings;
  settings.allow = {"192.0.2.0/24", "2001:db8::/32"};
  settings.deny = {"192.0.2.128/25"};
  const AccessList configured(settings);
  World world;
  AccessOverrides by_hand(world.clock, nullptr);
  REQUIRE(by_hand.add(network("192.0.2.0/24"), world.entry(false)).empty());
  REQUIRE(by_hand.add(network("192.0.2.129"), world.entry(true)).empty());
  const auto list = by_hand.list();
  struct Row {
    const char* client;
    Access want;
  };
  for (const auto& [client, want] :
       {Row{"192.0.2.1", Access::Deny}, Row{"192.0.2.128", Access::Deny},
        Row{"192.0.2.129", Access::Allow}, Row{"2001:db8::1", Access::Allow},
        Row{"198.51.100.1", Access::None}}) {
    CAPTURE(client);
    CHECK(configured.find(address(client), list.get()) == want);
  }
  CHECK(configured.find(address("192.0.2.1")) == Access::Allow);
}

TEST_CASE("entries outlive a restart, and end by the clock") {
  World world;
  {
    AccessOverrides before(world.clock, world.store.get());
    REQUIRE(before.add(network("192.0.2.0/24"), world.entry(false, 2h)).empty());
    REQUIRE(before.add(network("198.51.100.1"), world.entry(true, 1h)).empty());
    REQUIRE(before.add(network("203.0.113.1"), world.entry(true, 3h)).empty());
    REQUIRE(before.remove(network("203.0.113.1"), true));
    CHECK_FALSE(before.remove(network("192.0.2.0/24"), true));  // it is on the other list
  }
  world.store->put_text("access nonsense", "{}");
  world.store->put_text("access 192.0.2.9/32", "damaged");
  REQUIRE(world.store->flush(10s));
  world.store = nullptr;
  world.clock.advance(90min);
  world.store = world.open();
  AccessOverrides after(world.clock, world.store.get());
  REQUIRE(after.entries().size() == 1);
  CHECK(after.entries().begin()->first == "192.0.2.0/24");
  CHECK(after.entries().begin()->second.note == "note");
  CHECK(after.list()->find(address("192.0.2.1")) == Access::Deny);
  world.clock.advance(31min);
  REQUIRE(after.expire().size() == 1);
  CHECK(after.list() == nullptr);
  const auto texts = world.store->texts();
  CHECK_FALSE(texts.contains("access 192.0.2.0/24"));
}

TEST_CASE("there are only so many entries, and a note has an end") {
  World world;
  AccessOverrides full(world.clock, nullptr, 2);
  auto note = world.entry(true);
  note.note.assign(AccessOverrides::kMaxNote + 1, 'x');
  CHECK(full.add(network("192.0.2.1"), note).find("note") != std::string::npos);
  REQUIRE(full.add(network("192.0.2.1"), world.entry(false)).empty());
  REQUIRE(full.add(network("192.0.2.2"), world.entry(false)).empty());
  CHECK(full.add(network("192.0.2.3"), world.entry(false)).find("2 entries") != std::string::npos);
  CHECK(full.add(network("192.0.2.1"), world.entry(true)).empty());  // in place of the first
  CHECK(full.entries().size() == 2);
  REQUIRE(full.remove(network("192.0.2.2"), false));
  CHECK(full.add(network("192.0.2.3"), world.entry(false)).empty());
}
