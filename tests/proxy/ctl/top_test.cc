#include "proxy/ctl/top.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "proxy/ctl/sessions.h"
#include "proxy/ctl/trace.h"

using namespace ravelin::proxy;
using nlohmann::json;

namespace {

json picture(int counted) {
  return {{"hostname", "mx.example.net"},
          {"uptime_s", 86400},
          {"pressure", {{"level", "attack"}, {"cause", "many strangers"}}},
          {"sessions", {{"open", 17}, {"limit", 4000}, {"peak", 340}}},
          {"counters", {{"dialogs", counted}, {"accepted", 2 * counted}, {"refused", 0}}},
          {"backends",
           {{{"name", "mail.internal:25"}, {"healthy", false}, {"open", 3}},
            {{"name", "spare:25"}, {"healthy", true}, {"drained", true}}}},
          {"sources", {{{"network", "192.0.2.1"}, {"dialogs", 12}}}},
          {"networks", {{{"network", "192.0.2.0/24"}, {"dialogs", 13}}}},
          {"latest",
           {{{"client", "192.0.2.1"},
             {"verdict", "reject"},
             {"code", 550},
             {"from", ""},
             {"to", "x\x1b@example.com"}}}}};
}

}  // namespace

TEST_CASE("top shows rates, backends, crowds and the latest decisions") {
  const auto text = print_top(picture(10), picture(35), 2, {});
  CAPTURE(text);
  for (const auto* const part :
       {"mx.example.net  up 1d 00:00:00  pressure attack: many strangers\n",
        "dialogs 17 of 4000 (peak 340)   new 12.5/s\n", "accepted 25.0/s   refused 0.0/s",
        "mail.internal:25                   DOWN         3",
        "spare:25                           drained", "    12  192.0.2.1 ",
        "    13  192.0.2.0/24\n", "192.0.2.1        reject 550 <> -> <x\\x1B@example.com>\n"})
    CHECK(text.find(part) != text.npos);
}

TEST_CASE("top shows of two long addresses the beginning of each, and columns behind addresses") {
  auto now = picture(1);
  auto& latest = now["latest"];
  const std::string longest = "2001:db8:1234:5678:9abc:def0:1234:5678";
  latest.push_back({{"client", longest},
                    {"verdict", "defer"},
                    {"code", 451},
                    {"from", std::string(60, 'f')},
                    {"to", std::string(60, 't')}});
  latest.push_back({{"client", "192.0.2.9"},
                    {"verdict", "accept"},
                    {"from", std::string(60, 'f')},
                    {"to", "b@example.com"}});
  latest.push_back({{"client", "192.0.2.9"}, {"end", "timeout"}});
  const auto text = print_top(now, now, 1, {});
  CAPTURE(text);
  const auto padded = [&](const std::string& client) {
    return client + std::string(longest.size() - client.size(), ' ') + "  ";
  };
  CHECK(text.find(padded("CLIENT") + "WHAT\n") != text.npos);
  CHECK(text.find(padded("192.0.2.1") + "reject 550 <> -> <x") != text.npos);
  CHECK(text.find(padded(longest) + "defer 451 <ffff..> -> <tttt..>\n") != text.npos);
  CHECK(text.find(padded("192.0.2.9") + "accept <fffff..> -> <b@exam..>\n") != text.npos);
  CHECK(text.find(padded("192.0.2.9") + "timeout\n") != text.npos);
}

TEST_CASE("top keeps to its size, whatever it is told") {
  auto large = picture(1);
  large["hostname"] = std::string(500, 'h');
  for (int i = 0; i < 100; ++i) large["latest"].push_back({{"client", "\xc3\xa4\xc3\xa4"}});
  const Size size = GENERATE(Size{80, 24}, Size{20, 3}, Size{1, 1});
  for (const auto& answer :
       {large, json(), json("text"), json{{"latest", 7}, {"backends", {1, 2}}}}) {
    const auto text = print_top(json(), answer, 1, size);
    size_t lines = 0, columns = 0;
    for (const auto c : text) {
      if (c == '\n') ++lines;
      if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++columns;
      if (c == '\n') columns = 0;
      CHECK(columns <= size.columns);
    }
    CHECK(lines <= size.rows);
  }
}

TEST_CASE("a trace is printed a line each, and nothing in it drives a terminal") {
  const auto text = print_trace({{"lines",
                                  {{{"time_ms", 1'780'000'000'123},
                                    {"id", "0123456789AB"},
                                    {"client", "192.0.2.1"},
                                    {"way", "client"},
                                    {"text", "NOOP \x1b[2J"}},
                                   7}},
                                 {"lost", 3}});
  CAPTURE(text);
  CHECK(text.find(".123 0123456789AB 192.0.2.1 < NOOP \\x1B[2J\n") != text.npos);
  CHECK(text.ends_with("(3 lines were lost: too many for this terminal)\n"));
  CHECK(print_trace({{"ended", "its time is over"}}) == "(ended: its time is over)\n");
  CHECK(print_trace({{"lines", json::array()}}).empty());
  CHECK(print_trace("nonsense").empty());
}

TEST_CASE("dialogs are listed one a line, whatever they said") {
  const json mail = {{"from", ""}, {"to", {"a@x", "b\x1b@x"}}, {"recipients", 7}, {"octets", 9}};
  const auto text = print_sessions({{"dialogs",
                                     {{{"id", "0123456789AB"},
                                       {"client", "192.0.2.1"},
                                       {"phase", "text"},
                                       {"helo", "h\x1b"},
                                       {"standing", "good"},
                                       {"age_s", 90},
                                       {"mail", mail}},
                                      7}},
                                    {"more", true}});
  CAPTURE(text);
  CHECK(text.find("0123456789AB  192.0.2.1        text             1m 30s        0s  good     "
                  "h\\x1B <> -> <a@x> -> <b\\x1B@x> and 5 more, 9 octets\n") != text.npos);
  CHECK(text.ends_with("\nthere are more: --limit or --client\n"));
  CHECK(print_sessions("nonsense").find('\n') != std::string::npos);
}
