// Transactions that are refused as a whole and let go on: which, and what everybody hears.
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>

#include "harness.h"
#include "support/temp_dir.h"

namespace ravelin::test {
namespace {

using nlohmann::json;

const std::string kHello = "S: 220\nC: EHLO client.example\nS: 250-\n";
const std::string kMail = "C: MAIL FROM:<a@client.example>\nS: 250\n";
const std::string kText = "C: DATA\nS: 354\nC: Subject: hi\nC: \nC: ..two\nC: .\n";
const auto kClient = *dns::IpAddress::parse("192.0.2.1");

std::string rcpt(const std::string& to, const std::string& answer) {
  return "C: RCPT TO:<" + to + ">\nS: " + answer + "\n";
}

// A front line that captures whatever it may.
struct Capturing {
  explicit Capturing(const std::string& toml = {}, std::string_view top = {})
      : captures(clock, [](const std::string&) {}),
        mx("[capture]\ndirectory = '" + dir.path().string() +
               "'\nwhen = 'always'\nsample = '100%'\nkeep = '3650d'\n" + toml,
           top) {
    captures.configure(mx.policy->config().capture);
    captures.start(dir.path().string());
    captures.settle();
    mx.capturing = &captures;
    mx.recorded_as.emplace();
    mx.verifier().refuse("no@mx.example", {550, {1, 1}, "no such user"}, true);
    mx.verifier().refuse("never@mx.example", {553, {7, 1}, "not you"}, false);
    mx.verifier().refuse("later@mx.example", {451, {3, 0}, "not now"}, false);
    mx.verifier().refuse("postmaster@mx.example", {550, {1, 1}, "no such user"}, true);
  }
  std::vector<json> kept() {
    captures.settle();
    std::promise<std::vector<std::string>> all;
    REQUIRE(captures.list(100, [&](auto metadata) { all.set_value(std::move(metadata)); }));
    std::vector<json> parsed;
    for (const auto& one : all.get_future().get()) parsed.push_back(json::parse(one));
    return parsed;
  }
  std::string text(const json& metadata) {
    std::promise<std::string> text;
    const auto id = *proxy::parse_id(metadata["id"].get<std::string>());
    REQUIRE(captures.show(id, 1'000'000, [&](auto file) { text.set_value(file->text); }));
    return text.get_future().get();
  }

  const TempDir dir;
  ManualClock clock;
  proxy::Captures captures;
  Harness mx;
};

}  // namespace

TEST_CASE("a doomed message is taken, kept as it came, and refused at the dot as RCPT would have") {
  Capturing test;
  CHECK(test.mx.play(kHello + kMail + rcpt("no@mx.example", "250 2.1.5") +
                     rcpt("never@mx.example", "250 2.1.5") + kText +
                     "S: 550 5.1.1 no such user (\n" + kMail + rcpt("bob@mx.example", "250") +
                     "C: DATA\nS: 354\nC: x\nC: .\nS: 250\nC: QUIT\nS: 221") == "");
  const auto kept = test.kept();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0]["to"] == json::array({"no@mx.example", "never@mx.example"}));
  CHECK(kept[0]["from"] == "a@client.example");
  CHECK(kept[0]["code"] == 550);
  CHECK(kept[0]["rule"] == "first_per_print");
  CHECK(test.text(kept[0]) == "Subject: hi\r\n\r\n.two\r\n");
  // Nobody else has seen it, and nobody says that it was taken.
  REQUIRE(test.mx.verifier().messages.size() == 1);
  CHECK(test.mx.verifier().messages[0].text.find("x\r\n") != std::string::npos);
  CHECK(test.mx.verifier().open == 0);
  CHECK(test.mx.log().has("decision rcpt=no@mx.example"));
  CHECK(test.mx.log().count("reject RCPT") == 2);
  CHECK(test.mx.log().count("delivered") == 1);
}

TEST_CASE("the account of the dialog tells what was done with it") {
  Capturing test;
  CHECK(test.mx.play(kHello + kMail + rcpt("no@mx.example", "250") + kText +
                     "S: 550 5.1.1\nC: QUIT\nS: 221") == "");
  REQUIRE(test.mx.records.size() == 1);
  const auto events = json::parse(test.mx.records[0])["events"];
  REQUIRE(events.size() == 3);
  CHECK(events[0]["verdict"] == "reject");
  CHECK(events[1]["what"] == "capturing");
  CHECK(events[2]["what"] == "captured");
  CHECK(events[2]["id"] == test.kept()[0]["id"]);
}

TEST_CASE("one recipient that is or may be taken, and nothing is") {
  Capturing test;
  test.mx.now_limits.recipients = 3;
  const auto row = GENERATE(values<std::pair<const char*, const char*>>({
      {"bob@mx.example", "452 4.5.3"},    // has its mail by itself
      {"later@mx.example", "451 4.3.0"},  // perhaps it exists
  }));
  SECTION("after the doomed one") {
    CHECK(test.mx.play(kHello + kMail + rcpt("no@mx.example", "250") + rcpt(row.first, row.second) +
                       rcpt("never@mx.example", "553") + "C: DATA\nS: 550 5.1.1\n" + kMail +
                       rcpt("bob@mx.example", "250")) == "");
  }
  SECTION("before it") {
    const bool good = row.first[0] == 'b';
    CHECK(test.mx.play(kHello + kMail + rcpt(row.first, good ? "250" : row.second) +
                       rcpt("no@mx.example", "550 5.1.1")) == "");
  }
  SECTION("one too many") {
    CHECK(test.mx.play(kHello + kMail + rcpt("no@mx.example", "250") +
                       rcpt("no@mx.example", "250") + rcpt("no@mx.example", "250") +
                       rcpt("no@mx.example", "452") + "C: DATA\nS: 550 5.1.1") == "");
  }
  CHECK(test.kept().empty());
  CHECK(test.mx.verifier().open == 0);
  CHECK(test.captures.stats().under_way == 0);
}

TEST_CASE("who may not be lied to") {
  struct Row {
    const char* settings;
    const char* top;
    bool delivered;
    const char* mail;
    const char* to;
    const char* answer;
  };
  const auto row = GENERATE(values<Row>({
      {"", "", true, "a@client.example", "no@mx.example", "550 5.1.1"},  // has standing
      {"[access]\nallow = ['192.0.2.1']\n", "", false, "a@client.example", "no@mx.example", "550"},
      {"", "mode = 'shadow'", false, "a@client.example", "no@mx.example", "550 5.1.1"},
      {"", "", false, "", "no@mx.example", "550 5.1.1"},  // asks for a sender of ours
      {"", "", false, "double-bounce@client.example", "no@mx.example", "550 5.1.1"},
      {"", "", false, "Postmaster@client.example", "no@mx.example", "550 5.1.1"},
      {"", "", false, "a@client.example", "postmaster@mx.example", "550 5.1.1"},
      {"", "", false, "a@client.example", "x@elsewhere.example", "554 5.7.1"},  // relaying
  }));
  CAPTURE(row.settings, row.top, row.mail, row.to);
  Capturing test(row.settings, row.top);
  if (row.delivered) {
    test.mx.standing.known_recipient(kClient, "");
    test.mx.standing.delivered(kClient, 1);
  }
  CHECK(test.mx.play(kHello + "C: MAIL FROM:<" + row.mail + ">\nS: 250\n" +
                     rcpt(row.to, row.answer)) == "");
}

TEST_CASE("the null sender is taken only with a bad record and more to be said against it") {
  Capturing test;
  const bool lost = GENERATE(true, false);
  const bool dynamic = GENERATE(true, false);
  const std::string address = "192.0.2.1";
  if (dynamic) test.mx.resolver().set_name(address, "dsl-192-0-2-1.dynamic.provider.example");
  if (lost) test.mx.standing.misbehaved(kClient);
  CHECK(test.mx.play(kHello + "C: MAIL FROM:<>\nS: 250\n" +
                     rcpt("no@mx.example", lost && dynamic ? "250" : "550")) == "");
}

TEST_CASE("a check's refusal dooms as well") {
  Capturing test("[checks.helo]\nown_name = 'reject'\n");
  CHECK(test.mx.play("S: 220\nC: EHLO ours.example\nS: 250-\n" + kMail +
                     rcpt("bob@mx.example", "250") + kText + "S: 550 5.7.1") == "");
  CHECK(test.kept().size() == 1);
  CHECK(test.mx.verifier().asked.empty());
}

TEST_CASE("of a long message the beginning is kept, and all of it is read") {
  Capturing test("message_size = '1kB'\n");
  const std::string line(500, 'x');
  std::string script = kHello + kMail + rcpt("no@mx.example", "250") + "C: DATA\nS: 354\n";
  for (int i = 0; i < 5; ++i) script += "C: " + line + "\n";
  CHECK(test.mx.play(script + "C: .\nS: 550 5.1.1", GENERATE(0, 1, 700)) == "");
  const auto kept = test.kept();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0]["size"] == 2510);
  CHECK(kept[0]["kept"] == 1000);
  CHECK(test.text(kept[0]) == (line + "\r\n" + line).substr(0, 1000));
}

TEST_CASE("a broken text is kept as far as it goes, and its fault is what the client hears") {
  Capturing test;
  CHECK(test.mx.play(kHello + kMail + rcpt("no@mx.example", "250") +
                     "C: DATA\nS: 354\nC: good\nC' bad\\n.\\r\\n\\r\\n.\\r\\n\nS: 5") == "");
  const auto kept = test.kept();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0]["whole"] == false);
}

TEST_CASE("a client that leaves, starts anew or takes its time has given nothing") {
  Capturing test;
  const auto begun = kHello + kMail + rcpt("no@mx.example", "250");
  SECTION("leaves in the text") { CHECK(test.mx.play(begun + "C: DATA\nS: 354\nC: x") == ""); }
  SECTION("leaves before") { CHECK(test.mx.play(begun) == ""); }
  SECTION("RSET") { CHECK(test.mx.play(begun + "C: RSET\nS: 250\nC: DATA\nS: 503") == ""); }
  SECTION("EHLO") {
    CHECK(test.mx.play(begun + "C: EHLO x.example\nS: 250-\nC: DATA\nS: 503") == "");
  }
  SECTION("time") {
    auto& client = test.mx.connect();
    CHECK(client.play(begun + "C: DATA\nS: 354\nC: x") == "");
    test.mx.wait(std::chrono::minutes(11));
    CHECK(client.play("S: 421\nS! closed") == "");
    test.mx.leave(client);
  }
  CHECK(test.kept().empty());
  CHECK(test.captures.stats().under_way == 0);
}

TEST_CASE("with no place among those at once RCPT is refused as ever") {
  Capturing test("at_once = 1\n");
  auto& first = test.mx.connect();
  CHECK(first.play(kHello + kMail + rcpt("no@mx.example", "250")) == "");
  CHECK(test.mx.play(kHello + kMail + rcpt("no@mx.example", "550"), 0, "192.0.2.2") == "");
  test.mx.leave(first);
}

}  // namespace ravelin::test
