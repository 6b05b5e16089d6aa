// What is known of mail servers outlives a restart, with a real file.
#include "proxy/backend_memory.h"

#include <catch2/catch.hpp>

#include "proxy/config/sample.h"
#include "support/alarms.h"
#include "support/manual_reactor.h"
#include "support/recording_journal.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

// One life of the program, built up and taken down in the server's order.
struct Life {
  Life(const std::string& path, test::ManualClock& with)
      : clock(with), store(open_store(path, clock, alarms.sink())) {
    backends.configure(*load("").config);
    memory.restore_offers();
  }
  smtp::Capabilities known() const {
    const auto all = backends.known_capabilities();
    return all.empty() ? smtp::Capabilities{} : all.front().second;
  }
  // What a worker does with the EHLO reply of the backend.
  void learn(const smtp::Capabilities& offers) {
    backends.plan()->all.front()->learn(offers);
    memory.save_offers();
  }

  test::ManualClock& clock;
  test::Alarms alarms;
  test::RecordingJournal journal;
  std::unique_ptr<Store> store;
  Backends backends{journal, clock};
  BackendMemory memory{clock, store.get(), backends};
};

smtp::Capabilities rich() {
  smtp::Capabilities offers;
  offers.esmtp = offers.pipelining = offers.eightbitmime = offers.smtputf8 = true;
  offers.dsn = offers.enhanced_codes = offers.starttls = offers.size = true;
  offers.size_limit = 50'000'000;
  offers.mail_max = 100;
  offers.rcpt_max = 20;
  offers.rcpt_domain_max = 1;
  offers.xforward = {"NAME", "ADDR"};
  offers.xclient = {"ADDR"};
  return offers;
}

}  // namespace

TEST_CASE("offers are the same after writing and reading") {
  smtp::Capabilities plain;
  plain.esmtp = true;
  smtp::Capabilities unlimited = plain;
  unlimited.size = true;
  for (const auto& offers : {rich(), plain, unlimited, smtp::Capabilities{}})
    CHECK(offers_from_text(offers_to_text(offers)) == offers);
  CHECK(offers_from_text("") == smtp::Capabilities{});
  CHECK(offers_from_text("of another kind") == smtp::Capabilities{});
}

TEST_CASE("a backend's offers outlive a restart, and are asked for anew") {
  const test::TempDir dir;
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    CHECK(life.known() == smtp::Capabilities{});
    life.learn(rich());
  }
  Life life(dir.file("state.db"), clock);
  CHECK(life.known() == rich());
  CHECK(life.backends.offered().eightbitmime);
  CHECK(life.backends.plan()->all.front()->take_probe());
}

TEST_CASE("the latest offers are kept, those of this run are not overwritten") {
  const test::TempDir dir;
  test::ManualClock clock;
  auto poor = rich();
  poor.smtputf8 = false;
  {
    Life life(dir.file("state.db"), clock);
    life.learn(rich());
    life.learn(poor);
    life.memory.restore_offers();  // as at a reload
    CHECK(life.known() == poor);
  }
  Life life(dir.file("state.db"), clock);
  CHECK(life.known() == poor);
}

TEST_CASE("recipients that were accepted are remembered over a restart, for their time") {
  const test::TempDir dir;
  const auto key = Remembered::key_of("bob@example.com");
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    CHECK_FALSE(life.backends.remembered().accepted(key, clock.boot()));
  }
  clock.advance(29 * 24h);
  {
    Life life(dir.file("state.db"), clock);
    CHECK(life.backends.remembered().size() == 1);
    CHECK(life.backends.remembered().unknown(key, clock.boot()) == 0ns);
  }
  clock.advance(25h);
  Life life(dir.file("state.db"), clock);
  CHECK(life.backends.remembered().size() == 0);
}

TEST_CASE("being accepted again counts from then on") {
  const test::TempDir dir;
  const auto key = Remembered::key_of("bob@example.com");
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    life.backends.remembered().accepted(key, clock.boot());
    clock.advance(20 * 24h);
    life.backends.remembered().accepted(key, clock.boot());
  }
  clock.advance(20 * 24h);
  Life life(dir.file("state.db"), clock);
  CHECK(life.backends.remembered().unknown(key, clock.boot()) == 0ns);
}

TEST_CASE("who is served one recipient at a time is known over a restart, for five days") {
  const test::TempDir dir;
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    life.backends.one_by_one().add(7, clock.boot());
  }
  clock.advance(5 * 24h - 1min);
  {
    Life life(dir.file("state.db"), clock);
    CHECK(life.backends.one_by_one().holds(7, clock.boot()));
    CHECK_FALSE(life.backends.one_by_one().holds(8, clock.boot()));
  }
  clock.advance(2min);
  Life life(dir.file("state.db"), clock);
  CHECK_FALSE(life.backends.one_by_one().holds(7, clock.boot()));
}

TEST_CASE("without a store nothing is kept and nothing breaks") {
  test::ManualClock clock;
  Life life("", clock);
  life.learn(rich());
  life.backends.remembered().accepted(1, clock.boot());
  CHECK(life.known() == rich());
}
