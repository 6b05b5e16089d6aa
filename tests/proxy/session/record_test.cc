// What is put down of a dialog.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using nlohmann::json;

struct Recorded {
  explicit Recorded(std::string_view toml = {}, bool hash = false) : mx(toml) {
    mx.recorded_as.emplace();
    mx.recorded_as->hash_addresses = hash;
  }
  json only() {
    REQUIRE(mx.records.size() == 1);
    return json::parse(mx.records.front());
  }

  Harness mx;
};

const std::string kHello = "S: 220\nC: EHLO client.example\nS: 250-\n";
const std::string kMail = "C: MAIL FROM:<Joe@client.example>\nS: 250\n";
const std::string kBye = "\nC: QUIT\nS: 221";

}  // namespace

TEST_CASE("a refused recipient: who, what each check said, the backend's words, the reply") {
  Recorded test;
  test.mx.verifier().refuse("no@mx.example", {550, {1, 1}, "no such user"}, true);
  CHECK(test.mx.play(kHello + kMail + "C: RCPT TO:<no@mx.example>\nS: 550" + kBye) == "");
  const auto all = test.only();
  CHECK(all["client"] == "192.0.2.1");
  CHECK(all["name"] == "client.example");
  CHECK(all["helo"] == "client.example");
  CHECK(all["time_ms"] == 3'600'000);
  CHECK(all["end"] == "quit");
  CHECK(all["commands"]["rcpt"] == json::array({0, 1}));
  REQUIRE(all["events"].size() == 1);
  const auto& rcpt = all["events"][0];
  CHECK(rcpt["what"] == "rcpt");
  CHECK(rcpt["from"] == "Joe@client.example");
  CHECK(rcpt["to"] == "no@mx.example");
  CHECK(rcpt["standing"] == "unknown");
  CHECK(rcpt["verify"] == "unknown");
  CHECK(rcpt["verdict"] == "reject");
  CHECK(rcpt["code"] == 550);
  CHECK(rcpt["status"] == "5.1.1");
  CHECK(rcpt["reply"].get<std::string>().starts_with("no such user ("));
  CHECK(rcpt["backend_said"] == "host mail.internal[192.0.2.7] said: no");
  const auto is_rdns = [](const json& check) { return check["check"] == "rdns"; };
  const auto found = std::find_if(rcpt["checks"].begin(), rcpt["checks"].end(), is_rdns);
  REQUIRE(found != rcpt["checks"].end());
  CHECK((*found)["said"] == "pass");
  CHECK((*found)["saw"] == "client");
  CHECK(found->contains("ms"));
}

TEST_CASE("a delivery: recipients, size, whereto") {
  Recorded test;
  CHECK(test.mx.play(kHello + kMail +
                     "C: RCPT TO:<b@mx.example>\nS: 250\nC: DATA\nS: 354\nC: x\nC: .\n"
                     "S: 250" +
                     kBye) == "");
  const auto all = test.only();
  REQUIRE(all["events"].size() == 2);
  const auto& mail = all["events"][1];
  CHECK(mail["what"] == "delivered");
  CHECK(mail["id"] == all["events"][0]["id"]);
  CHECK(mail["recipients"] == json::parse(R"([{"to":"b@mx.example","fate":"sent"}])"));
  CHECK(mail["size"] == 3);
  CHECK(mail["relay"] == "mail.internal[192.0.2.7]:25");
  CHECK(mail["code"] == 250);
}

TEST_CASE("a dialog in which nothing was decided has a record, too") {
  Recorded test;
  auto& player = test.mx.connect();
  CHECK(player.play("S: 220") == "");
  test.mx.leave(player);
  CHECK(test.only()["end"] == "lost connection");
  CHECK(test.only()["after"] == "CONNECT");
  CHECK(test.only()["events"].empty());
}

TEST_CASE("the same program on two machines has one print; XCLIENT begins a record anew") {
  Recorded test("[access]\nxclient_from = ['192.0.2.9']");
  CHECK(test.mx.play(kHello + kMail + "C: RCPT TO:<b@mx.example>\nS: 250" + kBye) == "");
  CHECK(
      test.mx.play("S: 220\nC: EHLO pc.other.example\nS: 250-\nC: MAIL FROM:<x@y.example>\nS: 250\n"
                   "C: RCPT TO:<c@mx.example>\nS: 250" +
                       kBye,
                   0, "192.0.2.2") == "");
  CHECK(test.mx.play(kHello + "C: mail from: <Joe@client.example>\nS: 250" + kBye) == "");
  REQUIRE(test.mx.records.size() == 3);
  std::vector<std::string> prints;
  for (const auto& text : test.mx.records) prints.push_back(json::parse(text)["print"]);
  CHECK(prints[0] == prints[1]);
  CHECK(prints[0] != prints[2]);
  test.mx.records.clear();
  CHECK(test.mx.play(kHello +
                         "C: VRFY x\nS: 252\nC: XCLIENT ADDR=192.0.2.50\nS: 220\n"
                         "C: EHLO pc.example\nS: 250-" +
                         kBye,
                     0, "192.0.2.9") == "");
  REQUIRE(test.mx.records.size() == 2);
  CHECK(json::parse(test.mx.records[0])["client"] == "192.0.2.9");
  CHECK(json::parse(test.mx.records[1])["client"] == "192.0.2.50");
}

TEST_CASE("refusals that are about no recipient are events of their own") {
  Recorded test("[access]\ndeny = ['192.0.2.1']");
  CHECK(test.mx.play("S: 554") == "");
  REQUIRE(test.only()["events"].size() == 1);
  CHECK(test.only()["events"][0]["what"] == "refused");
  CHECK(test.only()["events"][0]["stage"] == "CONNECT");
  CHECK(test.only()["events"][0]["code"] == 554);
}

TEST_CASE("what a client says stays inside its string") {
  Recorded test;
  CHECK(test.mx.play(kHello +
                     "C: MAIL FROM:<\"a\\\"}\"@client.example>\nS: 250\n"
                     "C: RCPT TO:<\"<script>\"@mx.example>\nS: 250" +
                     kBye) == "");
  CHECK(test.only()["events"][0]["to"] == "\"<script>\"@mx.example");
}

TEST_CASE("hashed: no local part is put down, and no text that may quote one") {
  Recorded test("", /*hash=*/true);
  test.mx.verifier().refuse("no@mx.example", {550, {1, 1}, "<no@mx.example>: no"}, true);
  CHECK(test.mx.play(kHello + kMail + "C: RCPT TO:<no@mx.example>\nS: 550" + kBye) == "");
  const auto text = test.mx.records.at(0);
  CHECK(text.find("Joe") == text.npos);
  CHECK(text.find("no@") == text.npos);
  const auto to = test.only()["events"][0]["to"].get<std::string>();
  CHECK(to == proxy::recorded_address("no@mx.example", *test.mx.recorded_as));
  CHECK(to.size() == std::string("~0123456789abcdef@mx.example").size());
}

TEST_CASE("a record is bounded: what came behind is counted") {
  Recorded test("[limits]\nrecipients = 1000\nerrors = 10000");
  std::string script = kHello + kMail;
  for (int i = 0; i < 200; ++i)
    script += "C: RCPT TO:<b" + std::to_string(i) + "@mx.example>\nS: 250\n";
  CHECK(test.mx.play(script + "C: QUIT\nS: 221") == "");
  const auto all = test.only();
  CHECK(test.mx.records[0].size() < 40'000);
  CHECK(all["events"].size() + all["left_out"].get<size_t>() == 200);
  CHECK(all["left_out"] > 0);
}

TEST_CASE("dialogs are alike if nothing but recipients and times differs") {
  const auto alike = [](const std::string& helo, const std::string& to, int code) {
    proxy::DialogRecord record({}, {});
    const smtp::Reply reply{code, {1, 1}, "no"};
    record.refused({.stage = "RCPT", .reply = reply, .subject = to, .reason = "no"}, {});
    proxy::DialogInfo dialog;
    dialog.helo = helo;
    return record.alike(dialog);
  };
  const auto one = alike("a.example", "x@mx.example", 550);
  CHECK(alike("a.example", "y@mx.example", 550) == one);
  CHECK(alike("b.example", "x@mx.example", 550) != one);
  CHECK(alike("a.example", "x@mx.example", 551) != one);
  proxy::DialogRecord habits({}, {});
  const auto without = habits.alike({});
  habits.set_print(0x0802'0000'0003'0004);
  CHECK(habits.alike({}) != without);
}

TEST_CASE(
    "senders and recipients are found in what was put down, and nothing that a client made up") {
  Recorded test;
  test.mx.verifier().refuse("no@mx.example",
                            {550, {1, 1}, R"({"what":"rcpt","from":"x","to":"y"})"}, true);
  CHECK(test.mx.play("S: 220\nC: EHLO client.example\nS: 250-\n"
                     "C: MAIL FROM:<\"a\\\"b\"@client.example>\nS: 250\n"
                     "C: RCPT TO:<no@mx.example>\nS: 550\nC: RCPT TO:<yes@mx.example>\nS: 250" +
                     kBye) == "");
  REQUIRE(test.mx.records.size() == 1);
  std::vector<std::string> pairs;
  proxy::each_recipient(test.mx.records.front(), [&](std::string_view from, std::string_view to) {
    pairs.push_back(json::parse(from).get<std::string>() + " " +
                    json::parse(to).get<std::string>());
  });
  // Escaped as accounts have it.
  const std::string sender = R"("a\x5C"b"@client.example)";
  CHECK(pairs == std::vector<std::string>{sender + " no@mx.example", sender + " yes@mx.example"});
  for (const auto* const odd :
       {"", R"({"what":"rcpt",)", R"({"what":"rcpt","from":)",
        R"({"what":"rcpt","from":"a","to":"b)", R"({"what":"rcpt","from":"\)"})
    proxy::each_recipient(odd, [](auto, auto) { FAIL("there is none"); });
}

}  // namespace ravelin::test
