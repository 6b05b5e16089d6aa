// Abuse reports, held against the rules of X-ARF 4: the core schema and that of the type "botnet".
#include "proxy/ctl/xarf.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace ravelin::proxy {
namespace {

using nlohmann::json;

json member(const std::string& source, const std::string& network = "",
            int64_t at = 1'795'000'000) {
  return {{"source", source},
          {"network", network},
          {"first_ms", at * 1000},
          {"last_ms", at * 1000 + 60'500},
          {"dialogs", 7},
          {"recipients", 6},
          {"print", "0802000000030004"}};
}

json sample(const std::string& by = "network") {
  json made = {{"sources", 200},
               {"null_senders", 0.995},
               {"retries", {{"sources_that_came_again", 1.0}}},
               {"recipient_examples", {"k3jx09q@our-users.example"}},
               {"senders", {"joe@victim.example"}},
               {"asked",
                {{"format", "xarf"},
                 {"org", "Example \"Mail\""},
                 {"contact", "abuse@example.net"},
                 {"by", by}}}};
  made["list"] = json::array({member("192.0.2.1", "AS64496 Example"),
                              member("192.0.2.77", "AS64496 Example", 1'795'000'900),
                              member("198.51.100.9", "AS64496 Example"), member("203.0.113.5"),
                              member("2001:db8:1:2::")});
  return made;
}

std::vector<json> reports(const json& result) {
  uint32_t chance = 0;
  std::istringstream lines(report_xarf(result, [&] { return chance += 0x9e3779b9; }));
  std::vector<json> all;
  for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
  return all;
}

bool is_hex(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// 8-4-4-4-12 hex digits, version 4, variant 10.
bool is_uuid4(const std::string& text) {
  std::istringstream parts(text);
  std::vector<std::string> all;
  for (std::string part; std::getline(parts, part, '-');) all.push_back(part);
  constexpr size_t kLengths[] = {8, 4, 4, 4, 12};
  if (all.size() != std::size(kLengths)) return false;
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].size() != kLengths[i] || !is_hex(all[i])) return false;
  return all[2][0] == '4' && std::string("89ab").find(all[3][0]) != std::string::npos;
}

// "2026-11-18T11:06:40Z"
bool is_stamp(const std::string& text) {
  std::string form;
  for (const char c : text) form += c >= '0' && c <= '9' ? '9' : c;
  return form == "9999-99-99T99:99:99Z";
}

std::string decoded(const std::string& text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  REQUIRE(text.size() % 4 == 0);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto digit = kDigits.find(c);
    REQUIRE(digit != kDigits.npos);
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

void check_contact(const json& contact) {
  CHECK(contact == json{{"org", "Example \"Mail\""},  // and no other member
                        {"contact", "abuse@example.net"},
                        {"domain", "example.net"}});
}

void check_evidence(const json& report) {
  REQUIRE(report.at("evidence").is_array());
  REQUIRE(report["evidence"].size() <= 50);
  for (const auto& item : report["evidence"]) {
    CHECK(item.at("content_type") == "text/csv");
    CHECK(item.at("description").get<std::string>().size() <= 500);
    const auto payload = decoded(item.at("payload").get<std::string>());
    CHECK(item.at("size") == payload.size());
    CHECK(payload.size() <= 5'242'880);
    CHECK(item.size() == 4);
  }
}

// namespace:predicate, each of a few characters
bool is_tag(const std::string& tag) {
  const auto colon = tag.find(':');
  constexpr auto kGood = "abcdefghijklmnopqrstuvwxyz0123456789_+-.";
  return colon != tag.npos && colon > 0 && colon + 1 < tag.size() &&
         tag.find_first_not_of(kGood, colon + 1) == tag.npos &&
         tag.substr(0, colon).find_first_not_of(kGood) == std::string::npos;
}

void check_rules(const json& report) {
  CAPTURE(report);
  CHECK(report.at("xarf_version") == "4.0.0");
  CHECK(is_uuid4(report.at("report_id").get<std::string>()));
  check_contact(report.at("reporter"));
  check_contact(report.at("sender"));
  CHECK(!report.at("source_identifier").get<std::string>().empty());
  CHECK(report.at("category") == "infrastructure");
  CHECK(report.at("type") == "botnet");
  CHECK(!report.at("compromise_evidence").get<std::string>().empty());
  CHECK(report.at("description").get<std::string>().size() <= 1000);
  for (const auto* const name : {"timestamp", "first_seen", "last_seen"})
    CHECK(is_stamp(report.at(name).get<std::string>()));
  CHECK(report["first_seen"] <= report["last_seen"]);
  CHECK(report.at("tags").size() <= 20);
  for (const auto& tag : report["tags"]) CHECK(is_tag(tag.get<std::string>()));
  check_evidence(report);
}

}  // namespace

TEST_CASE("X-ARF: one report for each network, and each is by the rules") {
  const auto all = reports(sample());
  REQUIRE(all.size() == 4);
  std::set<std::string> ids, about;
  for (const auto& report : all) {
    check_rules(report);
    ids.insert(report["report_id"].get<std::string>());
    about.insert(report["source_identifier"].get<std::string>());
  }
  CHECK(ids.size() == 4);
  // One of a network is called by its address.
  CHECK(about ==
        std::set<std::string>{"192.0.2.0/24", "198.51.100.9", "203.0.113.5", "2001:db8:1:2::/64"});
  const auto& first = all.front();
  REQUIRE(first["source_identifier"] == "192.0.2.0/24");
  CHECK(first["first_seen"] == "2026-11-18T11:06:40Z");
  CHECK(first["last_seen"] == "2026-11-18T11:22:40Z");
  CHECK(first["tags"] == json::array({"fingerprint:0802000000030004"}));
  CHECK(decoded(first["evidence"][0]["payload"].get<std::string>()) ==
        "address,first_seen,last_seen,dialogs,recipients\r\n"
        "192.0.2.1,2026-11-18T11:06:40Z,2026-11-18T11:07:40Z,7,6\r\n"
        "192.0.2.77,2026-11-18T11:21:40Z,2026-11-18T11:22:40Z,7,6\r\n");
  CHECK(first["description"].get<std::string>().starts_with("2 of 200 addresses that connected"));
}

TEST_CASE("X-ARF: by autonomous system, where it is known") {
  std::set<std::string> about;
  for (const auto& report : reports(sample("as"))) {
    check_rules(report);
    about.insert(report["source_identifier"].get<std::string>());
  }
  CHECK(about == std::set<std::string>{"AS64496", "203.0.113.5", "2001:db8:1:2::/64"});
}

TEST_CASE("X-ARF: nothing of ours goes to strangers") {
  auto result = sample();
  result["list"][0]["network"] = "ASx\n\"evil";
  result["list"][0]["print"] = "not hex";
  for (const auto* const by : {"network", "as"}) {
    result["asked"]["by"] = by;
    uint32_t chance = 0;
    const auto text = report_xarf(result, [&] { return ++chance; });
    for (const auto* const ours : {"our-users", "k3jx09q", "victim", "evil", "not hex"})
      CHECK(text.find(ours) == text.npos);
  }
  CHECK(report_xarf(json::object()).empty());
  CHECK(!report_xarf(sample()).empty());
  CHECK(report_xarf(sample()) != report_xarf(sample()));  // ids are never the same
}

TEST_CASE("X-ARF: who reports must be said") {
  const json good = {{"format", "xarf"}, {"org", "Example"}, {"contact", "abuse@example.net"}};
  CHECK(report_usage(good).empty());
  CHECK(report_usage({{"format", "text"}}).empty());
  CHECK(report_usage({{"format", "text"}, {"org", "x"}}) == "--org belongs to --format xarf");
  CHECK(report_usage({{"format", "xarf"}, {"org", "Example"}}).starts_with("--format xarf needs"));
  const auto with = [&](const char* name, const std::string& value) {
    auto asked = good;
    asked[name] = value;
    return report_usage(asked);
  };
  CHECK(with("domain", "mail.example.net").empty());
  for (const auto* const bad :
       {"nobody", "@example.net", "a b@example.net", "a@b", "a@-.", "a@b@c.d"})
    CHECK(with("contact", bad) == "--contact: " + std::string(bad) + " is no mail address");
  CHECK(with("domain", "x y.example") == "--domain: x y.example is no domain");
  CHECK(with("org", std::string(201, 'x')) == "--org: 200 octets at most");
}

}  // namespace ravelin::proxy
