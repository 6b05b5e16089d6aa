#include "proxy/capture/captures.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "support/manual_reactor.h"
#include "support/temp_dir.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using proxy::CapturedFile;
using proxy::CapturePlace;
using proxy::Captures;
using proxy::CaptureWhen;

constexpr uint64_t kPrint = 0xabcdef;

struct World {
  explicit World(bool with_directory = true) : path(with_directory ? dir.file("captured") : "") {
    if (with_directory) std::filesystem::create_directory(path);
    settings.when = CaptureWhen::Always;
    settings.first_per_print = 2;
    settings.sample = 0;
    settings.at_once = 4;
    settings.message_size = 1000;
    settings.messages = 100;
    settings.size = 1'000'000;
    settings.keep = 24h;
    settings.disk_free = 0;
    open();
  }
  void open() {
    captures.reset();
    captures = std::make_unique<Captures>(clock, [this](const std::string& text) {
      const std::lock_guard lock(mutex);
      alarms.push_back(text);
    });
    captures->configure(settings);
    captures->start(path);
    captures->settle();  // the directory has been read
  }
  proxy::Id keep(uint64_t print = kPrint, const std::string& text = "Subject: x\r\n\r\nhello\r\n") {
    auto place = captures->choose(false, print);
    return place ? put(std::move(place), text) : 0;
  }
  proxy::Id put(std::unique_ptr<CapturePlace> place, const std::string& text) {
    proxy::CapturedMessage message;
    message.id = proxy::id_at(clock.wall()) + ++count;
    message.dialog.client = {*dns::IpAddress::parse("192.0.2.1"), 4025};
    message.dialog.helo = "he\"lo\x01";
    message.print = place->print();
    message.rule = place->rule();
    message.to = {"no@mx.example", "nor@mx.example"};
    message.refusal = {550, {1, 1}, "no such user"};
    message.text = text;
    message.size = text.size();
    const auto id = message.id;
    captures->store(std::move(place), std::move(message));
    captures->settle();
    return id;
  }
  std::vector<std::string> list(size_t limit = 100) {
    std::promise<std::vector<std::string>> all;
    REQUIRE(captures->list(limit, [&](auto metadata) { all.set_value(std::move(metadata)); }));
    return all.get_future().get();
  }
  std::unique_ptr<CapturedFile> show(proxy::Id id, size_t most = 1000) {
    std::promise<std::unique_ptr<CapturedFile>> file;
    REQUIRE(captures->show(id, most, [&](auto found) { file.set_value(std::move(found)); }));
    return file.get_future().get();
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }

  const TempDir dir;
  const std::string path;
  ManualClock clock;
  proxy::CaptureSettings settings{};
  std::mutex mutex;
  std::vector<std::string> alarms;
  std::unique_ptr<Captures> captures;
  uint64_t count = 0;
};

}  // namespace

TEST_CASE("a message is kept as it came, with what is known of it, for nobody else to read") {
  World world;
  const auto id = world.keep();
  REQUIRE(id != 0);
  const auto file = world.show(id);
  REQUIRE(file != nullptr);
  CHECK(file->text == "Subject: x\r\n\r\nhello\r\n");
  CHECK(!file->cut);
  const auto metadata = json::parse(file->metadata);
  CHECK(metadata["id"] == proxy::id_text(id));
  CHECK(metadata["client"] == "192.0.2.1");
  CHECK(metadata["helo"] == "he\"lo\x01");
  CHECK(metadata["print"] == "0000000000abcdef");
  CHECK(metadata["rule"] == "first_per_print");
  CHECK(metadata["from"] == "");
  CHECK(metadata["to"] == json::array({"no@mx.example", "nor@mx.example"}));
  CHECK(metadata["code"] == 550);
  CHECK(metadata["size"] == 21);
  CHECK(metadata["whole"] == true);
  CHECK(world.show(id, 7)->text == "Subject");
  CHECK(world.show(id, 7)->cut);
  CHECK(world.show(id + 1) == nullptr);
  for (const auto& entry : std::filesystem::directory_iterator(world.path))
    CHECK(entry.status().permissions() == std::filesystem::perms(0600));
}

TEST_CASE("of the same habits as many are taken as the rule says, also after a restart") {
  World world;
  CHECK(world.keep() != 0);
  CHECK(world.keep() != 0);
  CHECK(world.keep() == 0);
  CHECK(world.keep(kPrint + 1) != 0);
  CHECK(world.keep(0) == 0);  // it has said nothing that could be compared
  world.open();
  CHECK(world.keep() == 0);
  CHECK(world.keep(kPrint + 1) != 0);
  CHECK(world.list().size() == 4);
  CHECK(world.list(1).size() == 1);
}

TEST_CASE("who sends no message has not been one of them, but not for ever") {
  World world;
  for (int i = 0; i < 8; ++i) CHECK(world.captures->choose(false, kPrint) != nullptr);
  CHECK(world.captures->choose(false, kPrint) == nullptr);
  CHECK(world.captures->stats().under_way == 0);
}

TEST_CASE("outside of episodes only named sources are taken") {
  World world;
  world.settings.when = CaptureWhen::Episodes;
  world.settings.sample = 1;
  world.captures->configure(world.settings);
  CHECK(world.captures->choose(false, kPrint) == nullptr);
  CHECK(world.captures->choose(true, kPrint)->rule() == proxy::CaptureRule::Source);
  world.captures->set_episode(true);
  CHECK(world.captures->choose(false, kPrint)->rule() == proxy::CaptureRule::Print);
  CHECK(world.captures->choose(false, 0)->rule() == proxy::CaptureRule::Sample);
  world.settings.sample = 0;
  world.captures->configure(world.settings);
  CHECK(world.captures->choose(false, 0) == nullptr);
}

TEST_CASE("so many at once, and not one more") {
  World world;
  std::vector<std::unique_ptr<CapturePlace>> places;
  for (uint32_t i = 0; i < world.settings.at_once; ++i) {
    places.push_back(world.captures->choose(true, 0));
    CHECK(places.back() != nullptr);
    CHECK(places.back()->message_size() == 1000);
  }
  CHECK(world.captures->choose(true, 0) == nullptr);
  places.pop_back();
  CHECK(world.captures->choose(true, 0) != nullptr);
}

TEST_CASE("the oldest go: for their number, their octets, their age; and their habits are free") {
  World world;
  SECTION("number") { world.settings.messages = 2; }
  SECTION("octets") { world.settings.size = 1000; }
  SECTION("age") {}
  world.captures->configure(world.settings);
  const auto first = world.keep(1);
  CHECK(world.keep(2) != 0);
  if (world.settings.messages == 100 && world.settings.size > 1000) {
    CHECK(world.keep(1) != 0);
    CHECK(world.keep(1) == 0);
    world.clock.advance(25h);
  }
  CHECK(world.keep(3) != 0);
  CHECK(world.show(first) == nullptr);
  CHECK(world.keep(1) != 0);
  CHECK(world.captures->stats().messages <= 2);
  CHECK(world.files() == 2 * world.captures->stats().messages);
}

TEST_CASE("an id that comes again takes the place of the first") {
  World world;
  const auto id = world.keep(1, "first\r\n");
  --world.count;
  CHECK(world.keep(1, "second\r\n") == id);
  CHECK(world.show(id)->text == "second\r\n");
  CHECK(world.captures->stats().messages == 1);
  CHECK(world.captures->stats().bytes < 1000);
  CHECK(world.keep(1) != 0);  // of two
  CHECK(world.alarms.empty());
}

TEST_CASE("halves that a crash has left go, and what is not ours stays") {
  World world;
  const auto id = world.keep();
  const auto touch = [&](const std::string& name, const std::string& text) {
    std::ofstream(world.path + "/" + name) << text;
  };
  touch("0653F2A91C07.eml", "half");
  touch("0653F2A91C08.json", "{}");
  touch("0653F2A91C09.eml", "x");
  touch("0653F2A91C09.json", "{\"id\":");
  touch("notes.txt", "ours is not this");
  touch("0653F2A91C0A.txt", "nor this");
  std::filesystem::create_symlink("/etc/passwd", world.path + "/0653F2A91C0B.eml");
  world.open();
  CHECK(world.captures->stats().messages == 1);
  CHECK(world.show(id) != nullptr);
  CHECK(world.files() == 5);
}

TEST_CASE("a directory that cannot be written is said once, and nobody waits for it") {
  World world;
  SECTION("gone") { std::filesystem::remove_all(world.path); }
  SECTION("full") {
    world.settings.disk_free = UINT64_MAX;
    world.captures->configure(world.settings);
  }
  CHECK(world.keep() != 0);  // was chosen
  CHECK(world.captures->stats().stored == 0);
  CHECK(world.captures->stats().lost == 1);
  CHECK(world.captures->stats().degraded);
  CHECK(world.keep() == 0);
  REQUIRE(world.alarms.size() == 1);
  CHECK(world.alarms[0].starts_with("capture: no messages are kept ("));
}

TEST_CASE("without a directory nothing is ever taken, nor asked") {
  World world(false);
  CHECK(!world.captures->wanted());
  CHECK(world.captures->choose(true, kPrint) == nullptr);
  CHECK(!world.captures->list(1, [](auto) {}));
}

TEST_CASE("who asked before the end is answered before it, and nobody asks behind it") {
  World world;
  world.keep();
  bool answered = false;
  REQUIRE(world.captures->list(1, [&](auto found) { answered = found.size() == 1; }));
  world.captures->stop();
  CHECK(answered);
  CHECK(!world.captures->list(1, [](auto) {}));
  CHECK(world.captures->choose(false, kPrint) == nullptr);
}

}  // namespace ravelin::test
