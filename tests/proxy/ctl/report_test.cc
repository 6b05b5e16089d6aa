#include "proxy/ctl/report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace ravelin::proxy {
namespace {

using nlohmann::json;

json sample() {
  json made = {{"episode",
                {{"number", 3},
                 {"onset", 1'795'000'000},
                 {"began", 1'795'000'004},
                 {"ended", 1'795'000'600},
                 {"worst", "siege"},
                 {"cause", "40 unknown recipients a second"}}},
               {"curves",
                {{"step", 1},
                 {"names", {"connections", "accepted"}},
                 {"samples", {{1, 5, 0}, {2, 50, 1}, {3, 7, 2}}}}},
               {"sources", 200},
               {"dialogs", 630},
               {"no_place", 30},
               {"recipients", 600},
               {"null_senders", 0.995},
               {"randomness", 0.93},
               {"questions", 17},
               {"backend_ms", 340.0}};
  made["countries"] =
      json::array({{{"name", "PL"}, {"sources", 120}}, {{"name", ""}, {"sources", 80}}});
  made["prints"] = json::array({{{"name", "00000000000000aa"}, {"sources", 190}}});
  made["stopped_by"] = json::array({{{"name", "unknown recipient"}, {"count", 500}}});
  made["recipient_examples"] = json::array({"k3jx09q@example.com"});
  made["retries"] = {
      {"sources_that_came_again", 1.0}, {"median_gap_s", 300}, {"recipients_tried_again", 0.5}};
  made["good"] = {
      {"messages", 70}, {"recipients_with_standing", 60}, {"deferred_with_standing", 0}};
  made["list"] = json::array({{{"source", "192.0.2.1"},
                               {"dialogs", 3},
                               {"country", "PL"},
                               {"network", "AS64496 =cmd|\"x\""},
                               {"helo", "its own name"}},
                              {{"source", "2001:db8::"}, {"dialogs", 1}}});
  return made;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("a report in words") {
  const auto text = report_text(sample());
  for (const auto* const part :
       {"Episode 3", "4.0 s later: 40 unknown recipients a second", "after 10 min 0 s", "siege",
        "sources                 200", "600, and 30 connections that got no place",
        "PL 120, unknown 80", "00000000000000aa: 190 sources, 95.0 %; 1 different in all",
        "null senders            99.5 %", "<k3jx09q@example.com>", "yes (93.0 %)",
        "100.0 % of the sources came again, typically after 5 min 0 s; 50.0 % of the recipients",
        "unknown recipient 500", "17 questions to mail servers, 340.0 ms of their time",
        "60 recipients accepted, 0 deferred"})
    CHECK(has(text, part));
}

TEST_CASE("a report as a page: curves are drawn, and nothing of it is markup") {
  auto hostile = sample();
  hostile["recipient_examples"] = json::array({"<script>alert(1)</script>@example.com"});
  const auto page = report_html(hostile);
  CHECK(has(page, "<polyline points=\"0.0,108.0 400.0,0.0 800.0,103.2 \"/>"));
  CHECK(!has(page, "<script"));
  CHECK(has(page, "&lt;script&gt;"));
  CHECK(!has(page, "http"));
}

TEST_CASE("a report for other programs") {
  const auto lines = report_csv(sample());
  CHECK(has(lines, "\"192.0.2.1\",\""));
  CHECK(has(lines, ",3,0,0,\"PL\",\"AS64496 =cmd|\"\"x\"\"\""));
  auto formula = sample();
  formula["list"][0]["network"] = "=cmd";
  CHECK(has(report_csv(formula), "\"'=cmd\""));
  auto wanted = sample();
  wanted["format"] = "csv";
  CHECK(report(wanted) == report_csv(sample()));
  wanted["format"] = "html";
  CHECK(report(wanted) == report_html(sample()));
  CHECK(report(sample()) == report_text(sample()));
  wanted["format"] = "nft";
  CHECK(report(wanted) == report_nft(sample()));
  CHECK(report_nft(sample()) ==
        "table inet ravelin_report {\n  set sources4 {\n    type ipv4_addr\n    flags interval\n"
        "    elements = { 192.0.2.1 }\n  }\n  set sources6 {\n    type ipv6_addr\n    flags "
        "interval\n"
        "    elements = { 2001:db8::/64 }\n  }\n}\n");
}

TEST_CASE("a report trusts nothing that it gets") {
  for (const auto* const odd :
       {"null", "[]", "{}", "5", R"({"episode":7,"list":[1,{"source":"x; drop"}]})",
        R"({"curves":{"names":5,"samples":[[1],[],7]},"good":[]})"}) {
    const auto result = json::parse(odd);
    CHECK(!report_text(result).empty());
    CHECK(!report_html(result).empty());
    CHECK(!has(report_nft(result), "drop"));
  }
}

}  // namespace ravelin::proxy
