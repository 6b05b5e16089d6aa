#include "proxy/ctl/explain.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace ravelin::proxy {
namespace {

using nlohmann::json;

bool tells(const json& result, const std::string& what) {
  const auto text = explain(result);
  INFO(text);
  return text.find(what) != text.npos;
}

const json kRefused = json::parse(R"json({"entries":[{
  "id":"0653F2A91C07","time_ms":1795000000000,"client":"192.0.2.1","name":"client.example",
  "helo":"mail.client.example","stack":"Linux","name_class":"named","country":"DE","asn":64496,
  "network":"Example Net","print":"00ff00ff00ff00ff","habits":"EHLO with a full name",
  "others":[["a@b.example","other@example.com",2]],"lasted_ms":1500.0,"end":"quit","after":"","count":3,
  "last_ms":1795000060000,
  "events":[{"what":"rcpt","at_ms":20.0,"id":"0653F2A91C08","from":"","to":"no@example.com",
    "standing":"unknown","greylist":"passed","verify":"unknown","verdict":"reject","code":550,
    "status":"5.1.1","reply":"no such user (0653F2A91C08)","backend_ms":3.1,
    "backend_said":"host mail.internal[192.0.2.7] said: 550 no",
    "checks":[{"check":"helo","test":"literal","said":"greylist","saw":"helo","ms":0.1},
              {"check":"rdns","said":"pass","saw":"client","ms":12.0}]}]}],"more":true})json");

}  // namespace

TEST_CASE("explain says who, what was decided, why, and what the mail server said") {
  for (const auto* const what :
       {"0653F2A91C07  2026-", "client.example[192.0.2.1]  helo <mail.client.example>",
        "stack Linux, name named, DE, AS64496 Example Net, fingerprint 00ff00ff00ff00ff",
        "+20.0 ms: from <> to <no@example.com>: refused with 550 5.1.1  [0653F2A91C08]",
        "it heard: no such user (0653F2A91C08)",
        "the mail server: host mail.internal[192.0.2.7] said",
        "check helo.literal of <mail.client.example>: greylist (0.1 ms)",
        "check rdns of <192.0.2.1 client.example>: pass (12.0 ms)",
        "greylisting let it pass: it came back in time",
        "the mail server knows no such recipient (3.1 ms)", "end: quit, after 1.5 s",
        "  habits: EHLO with a full name\n", "and 2 more like it, the last at 2026-",
        "among them from <a@b.example> to <other@example.com>, 2 times",
        "there is more: --limit or --since"})
    CHECK(tells(kRefused, what));
}

TEST_CASE("explain trusts nothing that it gets") {
  CHECK(explain(json::object()) == "nothing is known of it\n");
  CHECK(
      explain(json::parse(
          R"({"entries":[1,null,{"events":[2,{"what":[]}],"id":{},"others":[1,[2,3,4],["x"]]}]})")) !=
      "");
  auto hostile = kRefused;
  hostile["entries"][0]["helo"] = "a\x1b[2J\nb";
  CHECK(tells(hostile, "helo <a\\x1B[2J\\x0Ab>"));
  hostile["entries"][0]["time_ms"] = 1e300;
  hostile["entries"][0]["lasted_ms"] = "x";
  CHECK(tells(hostile, "some time"));
}

}  // namespace ravelin::proxy
