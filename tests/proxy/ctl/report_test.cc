#include "proxy/ctl/report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "proxy/ctl/xarf.h"

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
  made["prints"] = json::array({{{"name", "00000000000000aa"},
                                 {"sources", 190},
                                 {"habits", "EHLO with a full name"},
                                 {"quits", 0.7}}});
  made["prints_in_all"] = 3;
  made["recipients_looked_at"] = 600;
  const auto overlap = [](int number, int common, bool exact) {
    return json{{"number", number},
                {"began", 1'790'000'000},
                {"sources", {{"common", common}, {"then", 500}, {"exact", exact}}},
                {"prints", {{"common", 1}, {"then", 1}, {"exact", true}}}};
  };
  made["overlap"] = json::array({overlap(2, 57, true), overlap(1, 150, false)});
  made["overlap"].push_back({{"number", 0}});
  made["counted_at"] = 1'795'000'720;
  made["stored"] = true;
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
       {"Episode 3",
        "4.0 s later: 40 unknown recipients a second",
        "after 10 min 0 s",
        "siege",
        "sources                 200",
        "600, and 30 connections that got no place",
        "PL 120, unknown 80",
        "00000000000000aa: 190 sources, 95.0 %; 3 different in all",
        "its habits              EHLO with a full name, QUIT in 70.0 % of its ends",
        "in episode 1            about 150 of 200 sources, 1 of 3 fingerprints; 2026-",
        "in episode 2            57 of 200 sources, 1 of 3 fingerprints; 2026-",
        "nothing of it in        1 earlier episodes",
        ", and kept.",
        "null senders            99.5 %",
        "<k3jx09q@example.com>",
        "yes (93.0 %)",
        "100.0 % of the sources came again, typically after 5 min 0 s; 50.0 % of the recipients",
        "unknown recipient 500",
        "17 questions to mail servers, 340.0 ms of their time",
        "60 recipients accepted, 0 deferred"})
    CHECK(has(text, part));
}

TEST_CASE("a report says what its numbers are worth") {
  auto made = sample();
  CHECK(!has(report_text(made), "Incomplete"));
  CHECK(!has(report_text(made), "what follows is of"));
  made["incomplete"] = true;
  made["sources_left_out"] = 7;
  made["recipients_looked_at"] = 80;
  made["stored"] = false;
  made["sources_silent"] = 5;
  made["overlap"] = json::array();
  made["prints"][0]["quits"] = 0.0;
  for (const auto* const part :
       {"Incomplete: there was more", "Incomplete: 7 dialogs of further sources",
        "600; what follows is of 80 of them", "97.4 %; 3 different in all; 5 sources said nothing",
        "EHLO with a full name, no QUIT\n", "no earlier episode is remembered"})
    CHECK(has(report_text(made), part));
  CHECK(!has(report_text(made), "and kept"));
  made["list"].clear();
  CHECK(report_nft(made).starts_with("# 0 of 200 sources\n"));
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
        "# 2 of 200 sources\ntable inet ravelin_report {\n  set sources4 {\n    type ipv4_addr\n   "
        " flags interval\n"
        "    elements = { 192.0.2.1 }\n  }\n  set sources6 {\n    type ipv6_addr\n    flags "
        "interval\n"
        "    elements = { 2001:db8::/64 }\n  }\n}\n");
}

TEST_CASE("a report trusts nothing that it gets") {
  for (const auto* const odd :
       {"null", "[]", "{}", "5", R"({"episode":7,"list":[1,{"source":"x; drop"}]})",
        R"({"curves":{"names":5,"samples":[[1],[],7]},"good":[]})",
        R"({"prints":[7],"overlap":[1,{"sources":{"common":5}}],"incomplete":3,"asked":[]})"}) {
    const auto result = json::parse(odd);
    CHECK(!report_text(result).empty());
    CHECK(!report_html(result).empty());
    CHECK(!has(report_nft(result), "drop"));
    CHECK(!has(report_xarf(result), "drop"));
  }
}

}  // namespace ravelin::proxy
