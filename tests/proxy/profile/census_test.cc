#include "proxy/profile/census.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace ravelin::proxy {
namespace {

using nlohmann::json;

struct Account {
  std::string client = "192.0.2.1";
  std::string from{};
  std::string to = "k3jx09q@example.com";
  std::string verify = "unknown", verdict = "reject", standing = "unknown", greylist = "off";
  int64_t at = 1'000'000;
  double asked = 2.5;
  std::string print = "0802000000030004", end = "quit";
  json others = nullptr;

  std::string text() const {
    json rcpt = {{"what", "rcpt"},      {"from", from},       {"to", to},
                 {"verify", verify},    {"verdict", verdict}, {"standing", standing},
                 {"greylist", greylist}};
    if (asked > 0) rcpt["backend_ms"] = asked;
    json account{{"client", client},     {"time_ms", at},        {"end", end},
                 {"helo", "pc.example"}, {"name", "pc.example"}, {"name_class", "dynamic"},
                 {"stack", "Windows"},   {"country", "PL"},      {"asn", 64496},
                 {"network", "Example"}, {"print", print},       {"events", json::array({rcpt})}};
    if (!others.is_null()) account["others"] = others;
    return account.dump();
  }
};

void add(Census& census, const Account& account, uint32_t count = 1) {
  census.add(account.text(), count, account.at + 100);
}

}  // namespace

TEST_CASE("a crowd: exact numbers, and what its members have in common") {
  Census census;
  for (int i = 1; i <= 200; ++i) {
    const auto client = "198.51." + std::to_string(i % 4) + "." + std::to_string(i);
    add(census, {.client = client});
    add(census, {.client = client, .at = 1'060'000});
    add(census,
        {.client = client, .to = "zz9q" + std::to_string(i) + "@example.com", .at = 1'120'000});
  }
  add(census, {.client = "203.0.113.1",
               .from = "joe@client.example",
               .to = "anna.smith@example.com",
               .verify = "accepted",
               .verdict = "accept",
               .standing = "good"});
  const auto report = census.report(1000);
  CHECK(report["sources"] == 200);
  CHECK(report["dialogs"] == 600);
  CHECK(report["recipients"] == 600);
  CHECK(report["null_senders"] == 1.0);
  CHECK(report["questions"] == 600);
  CHECK(report["randomness"] > 0.8);
  CHECK(report["prints"] ==
        json::array({{{"name", "0802000000030004"},
                      {"sources", 200},
                      {"dialogs", 600},
                      {"habits", "EHLO with a full name, then MAIL and RCPT; upper-case verbs"},
                      {"quits", 1.0}}}));
  CHECK(report["countries"][0]["name"] == "PL");
  CHECK(report["networks"][0]["name"] == "AS64496 Example");
  CHECK(report["name_classes"][0]["sources"] == 200);
  CHECK(report["helo_shapes"][0]["name"] == "its own name");
  CHECK(report["stopped_by"][0] == json{{"name", "unknown recipient"}, {"count", 600}});
  CHECK(report["recipient_patterns"][0]["name"] == "x");
  CHECK(report["recipient_examples"].size() == Census::kExamples);
  CHECK(report["retries"]["sources_that_came_again"] == 1.0);
  CHECK(report["retries"]["recipients_tried_again"] == Approx(1.0 / 3));
  CHECK(report["retries"]["median_gap_s"] == 60);
  CHECK(report["good"]["recipients_with_standing"] == 1);
  CHECK(report["list"].size() == 200);
  CHECK(census.report(3)["list"].size() == 3);
}

TEST_CASE("a source that delivers something is no suspect, nor is what it tried before") {
  Census census;
  Account first;
  first.verify = "not-asked";
  first.verdict = "defer";
  first.greylist = "first";
  first.asked = 0;
  add(census, first);
  CHECK(census.report(9)["sources"] == 1);
  CHECK(census.report(9)["stopped_by"][0]["name"] == "greylist");
  Census newest_first;
  Account later;
  later.verify = "accepted";
  later.verdict = "accept";
  later.greylist = "passed";
  add(newest_first, later);
  add(newest_first, first);
  CHECK(newest_first.report(9)["sources"] == 0);
  CHECK(newest_first.report(9)["recipients"] == 0);
  CHECK(newest_first.report(9)["stopped_by"].empty());
}

TEST_CASE("counted rows count, and connections without a place are no dialogs") {
  Census census;
  add(census, {}, 7);
  census.add(
      R"({"client":"192.0.2.2","time_ms":5,"end":"no place","after":"sessions","events":[]})", 3,
      9);
  const auto report = census.report(9);
  CHECK(report["dialogs"] == 10);
  CHECK(report["recipients"] == 7);
  CHECK(report["no_place"] == 3);
  CHECK(report["sources"] == 2);
}

TEST_CASE("dialogs that ended early are of the crowd of those that went on") {
  constexpr const char* kWhole = "0802000000030004";
  constexpr const char* kOther = "0801000000030004";
  Census census;
  for (int i = 1; i <= 100; ++i) {
    const auto client = "198.51.100." + std::to_string(i);
    add(census, {.client = client,
                 .print = i % 3 == 0   ? "0802000000000000"
                          : i % 3 == 1 ? "0802000000030000"
                                       : kWhole,
                 .end = i % 2 == 0 ? "lost connection" : "quit"});
  }
  // One that could have become either is counted with the many.
  add(census, {.client = "203.0.113.1", .print = "0802000000030005"});
  add(census, {.client = "203.0.113.2", .print = kOther, .end = "timeout"});
  const auto report = census.report(9);
  REQUIRE(report["prints_in_all"] == 3);
  CHECK(report["prints"][0]["name"] == kWhole);
  CHECK(report["prints"][0]["sources"] == 100);
  CHECK(report["prints"][0]["dialogs"] == 100);
  CHECK(report["prints"][0]["quits"] == 0.5);
  CHECK(report["prints"][1]["name"] == kOther);
  CHECK(!report["prints"][1].contains("quits"));  // it was not its end
  CHECK(report["list"][0]["print"] == kWhole);
  size_t prints = 0, sources = 0;
  census.each_print([&](uint64_t) { ++prints; });
  census.each_source([&](std::string_view) { ++sources; });
  CHECK(prints == 3);
  CHECK(sources == 102);
}

TEST_CASE("a source is counted once, by what it did most") {
  Census census;
  for (int i = 0; i < 3; ++i) add(census, {.print = "0802000000030004"});
  for (int i = 0; i < 4; ++i) add(census, {.print = "0801000000030004"});
  for (int i = 0; i < 9; ++i) add(census, {.print = "080300000003000" + std::to_string(i + 1)});
  census.add(R"({"client":"192.0.2.9","time_ms":5,"end":"timeout","events":[]})", 1, 9);
  const auto report = census.report(9);
  CHECK(report["sources"] == 2);
  CHECK(report["sources_silent"] == 1);
  CHECK(report["prints"][0]["name"] == "0801000000030004");
  CHECK(report["prints"][0]["sources"] == 1);
  CHECK(report["prints"][1]["sources"] == 0);
  CHECK(report["prints_in_all"] == 4);  // the first few of one source
}

TEST_CASE("of dialogs that became a count, senders and recipients are a sample") {
  Census census;
  const auto others = json::array({{"a@b.example", "k2j9x@example.com", 3},
                                   {"a@c.example", "anna@example.com", 1},
                                   {"a@client.example", "k3jx09q@example.com", 2},
                                   "odd",
                                   {1, 2, 3},
                                   {"x", "y", -1},
                                   {"x", "y"}});
  add(census, {.from = "a@client.example", .others = others}, 20);
  add(census, {.client = "192.0.2.2"}, 20);
  const auto report = census.report(9);
  CHECK(report["recipients"] == 40);
  CHECK(report["null_senders"] == 0.5);
  CHECK(report["stopped_by"][0]["count"] == 40);
  CHECK(report["questions"] == 40);
  CHECK(report["backend_ms"] == Approx(100));
  CHECK(report["recipients_looked_at"] == 8);
  CHECK(report["sender_domains"] == json::array({{{"name", "b.example"}, {"count", 3}},
                                                 {{"name", "client.example"}, {"count", 3}},
                                                 {{"name", "c.example"}, {"count", 1}}}));
  CHECK(report["senders"].size() == 3);
  CHECK(report["recipient_patterns"][0] == json{{"name", "x"}, {"count", 7}});
  // Of eight four had been tried before: two of three, and two of three.
  CHECK(report["retries"]["recipients_tried_again"] == Approx(0.5));
}

TEST_CASE("where dialogs became a count, times between them are known as a whole") {
  Census census;
  census.add(Account{.at = 1'000'000}.text(), 11, 1'600'000);
  CHECK(census.report(9)["retries"]["median_gap_s"] == 60);
  CHECK(census.report(9)["retries"]["sources_that_came_again"] == 1.0);
}

TEST_CASE("what cannot be read is counted and harms nobody") {
  Census census;
  for (const auto* const bad :
       {"", "{", "[]", "{}", R"({"client":5})", R"({"client":"x"})",
        R"({"client":"192.0.2.1","events":{}})",
        R"({"client":"192.0.2.1","events":[1,{"what":7},{"what":"rcpt"}]})"})
    census.add(bad, 1, 0);
  CHECK(census.report(9)["unread"] == 6);
  CHECK(census.report(9)["sources"] == 1);
}

}  // namespace ravelin::proxy
