#include <array>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "proxy/observe/escape.h"
#include "samples.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::sample_dialog;
using test::sample_reply;

struct JsonLines {
  JsonLines() { test::use_zone("UTC"); }
  test::ManualClock clock;
  std::shared_ptr<const LineFormat> format = make_json_format(test::sample_options(), clock);

  template <class Write>
  json line(Write&& write) const {
    std::string out;
    write(out, *format);
    REQUIRE(out.find('\n') == out.size() - 1);
    auto parsed = json::parse(out, nullptr, false);
    CAPTURE(out);
    REQUIRE(parsed.is_object());
    return parsed;
  }
};

const json kHead = {{"time", "2026-05-28T20:26:40.000000+00:00"}, {"host", "mx.example.net"}};
const json kDialog = {{"dialog", "0653F2A91C07"},
                      {"serial", 17},
                      {"client", "203.0.113.5"},
                      {"port", 40123},
                      {"name", ""},
                      {"helo", "client.example"},
                      {"proto", "ESMTP"},
                      {"tls", ""}};

json with(json base, const json& more) {
  base.update(more);
  return base;
}
json dialog_event(const char* event, const json& more = json::object()) {
  return with(with(with(kHead, kDialog), {{"event", event}}), more);
}

TEST_CASE_METHOD(JsonLines, "JSON lines: each event") {
  const auto dialog = sample_dialog();
  CHECK(line([&](auto& out, auto& to) { to.connected(out, dialog); }) == dialog_event("connect"));

  std::array<VerbCount, 18> counts{};
  counts[static_cast<size_t>(smtp::Verb::Rcpt)] = {0, 1};
  counts[static_cast<size_t>(smtp::Verb::Quit)] = {1, 1};
  CHECK(line([&](auto& out, auto& to) { to.disconnected(out, dialog, counts); }) ==
        dialog_event("disconnect", {{"commands", {{"rcpt", {0, 1}}, {"quit", {1, 1}}}}}));
  CHECK(line([&](auto& out, auto& to) { to.ended(out, dialog, "timeout", "DATA"); }) ==
        dialog_event("end", {{"what", "timeout"}, {"after", "DATA"}}));
  CHECK(line([&](auto& out, auto& to) { to.pregreet(out, dialog, 6, 80ms, "HELO\r\n"); }) ==
        dialog_event("pregreet", {{"bytes", 6}, {"after_ms", 80.0}, {"text", "HELO\r\n"}}));
  const Secured tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, true, "mx.example.net"};
  CHECK(line([&](auto& out, auto& to) { to.secured(out, dialog, tls); }) ==
        dialog_event("tls", {{"version", "TLSv1.3"},
                             {"cipher", "TLS_AES_256_GCM_SHA384"},
                             {"bits", 256},
                             {"server_name", "mx.example.net"},
                             {"resumed", true}}));
  CHECK(line([&](auto& out, auto& to) { to.not_secured(out, dialog, "bad record"); }) ==
        dialog_event("tls_failed", {{"trouble", "bad record"}}));
  CHECK(line([&](auto& out, auto& to) { to.no_place(out, dialog.client, "sessions"); }) ==
        with(kHead, {{"event", "no_place"},
                     {"client", "203.0.113.5"},
                     {"port", 40123},
                     {"limit", "sessions"}}));
  CHECK(line([&](auto& out, auto& to) { to.message(out, Severity::Warning, "x"); }) ==
        with(kHead, {{"event", "message"}, {"severity", "warning"}, {"pid", 99}, {"text", "x"}}));
}

TEST_CASE_METHOD(JsonLines, "JSON lines: a refusal, a decision, a delivery") {
  const auto dialog = sample_dialog();
  const auto reply = sample_reply(550, 1, 1, "User unknown");
  const smtp::Address null;
  const smtp::Address to{"bob", "example.com"};
  Refusal refusal{"RCPT", reply, "bob@example.com", "Recipient address rejected", &null, &to, "no"};
  refusal.transaction = 0xABC;
  CHECK(line([&](auto& out, auto& format_to) { format_to.refused(out, dialog, refusal); }) ==
        dialog_event("refuse", {{"id", "000000000ABC"},
                                {"stage", "RCPT"},
                                {"shadow", false},
                                {"code", 550},
                                {"status", "5.1.1"},
                                {"reply", "User unknown"},
                                {"subject", "bob@example.com"},
                                {"reason", "Recipient address rejected"},
                                {"backend_said", "no"},
                                {"sender", ""},
                                {"recipient", "bob@example.com"}}));

  const Decision decision{1,  nullptr,   "bob@example.com", "good", "known",
                          "", "refused", "reject",          reply,  3'140us};
  CHECK(line([&](auto& out, auto& format_to) { format_to.decided(out, dialog, decision); }) ==
        dialog_event("decide", {{"id", "000000000001"},
                                {"sender", nullptr},
                                {"recipient", "bob@example.com"},
                                {"standing", "good"},
                                {"greylist", "known"},
                                {"checks", ""},
                                {"verify", "refused"},
                                {"verdict", "reject"},
                                {"code", 550},
                                {"status", "5.1.1"},
                                {"reply", "User unknown"},
                                {"took_ms", 3.1}}));

  const std::vector<smtp::Address> recipients{to, to};
  const Delivered mail{2,        null, recipients, 9,   "<i@d>", "r[192.0.2.7]:25",
                       "250 ok", 1s,   2ms,        3ms, true};
  CHECK(line([&](auto& out, auto& format_to) { format_to.delivered(out, dialog, mail); }) ==
        dialog_event("deliver", {{"id", "000000000002"},
                                 {"sender", ""},
                                 {"recipients", {"bob@example.com", "bob@example.com"}},
                                 {"size", 9},
                                 {"message_id", "i@d"},
                                 {"relay", "r[192.0.2.7]:25"},
                                 {"said", "250 ok"},
                                 {"before_ms", 1000.0},
                                 {"setup_ms", 2.0},
                                 {"transfer_ms", 3.0},
                                 {"client_gone", true}}));
}

TEST_CASE_METHOD(JsonLines, "JSON lines: who was not served stands apart from the recipients") {
  const std::vector<smtp::Address> recipients{
      {"a", "b.example"}, {"c", "b.example"}, {"d", "b.example"}};
  using Kind = RecipientFate::Kind;
  std::vector<RecipientFate> fates{{Kind::Bounced, "5.2.2", "host \"x\""},
                                   {Kind::Sent, "2.0.0", "250 ok"},
                                   {Kind::Deferred, "4.2.0", "later"}};
  const smtp::Address null;
  Delivered mail{2, null, recipients, 9, "", "r", "said"};
  mail.fates = fates;
  const auto write = [&](auto& out, auto& to) { to.delivered(out, sample_dialog(), mail); };
  auto got = line(write);
  CHECK(got["recipients"] == nlohmann::json{"c@b.example"});
  CHECK(got["not_taken"] == nlohmann::json::array({{{"recipient", "a@b.example"},
                                                    {"fate", "bounced"},
                                                    {"status", "5.2.2"},
                                                    {"said", "host \"x\""}},
                                                   {{"recipient", "d@b.example"},
                                                    {"fate", "deferred"},
                                                    {"status", "4.2.0"},
                                                    {"said", "later"}}}));
  for (auto& fate : fates) fate.kind = Kind::Sent;
  got = line(write);
  CHECK(got["recipients"].size() == 3);
  CHECK_FALSE(got.contains("not_taken"));
}

TEST_CASE("JSON lines: the journal's level stands in front of the object") {
  test::use_zone("UTC");
  test::ManualClock clock;
  auto options = test::sample_options();
  options.head = LineHead::Level;
  std::string out;
  make_json_format(options, clock)->message(out, Severity::Warning, "x");
  CHECK(out.substr(0, 3) == "<4>");
  CHECK(json::parse(out.substr(3))["severity"] == "warning");
  out.clear();
  make_json_format(options, clock)->connected(out, sample_dialog());
  CHECK(out.substr(0, 4) == "<6>{");
}

// Every octet, in every field that strangers fill.
TEST_CASE_METHOD(JsonLines, "JSON lines: every event is one object on one line, for any bytes") {
  std::string any;
  for (int byte = 0; byte < 256; ++byte) any += static_cast<char>(byte);
  any += std::string(2'000, '\xC3');
  auto dialog = sample_dialog();
  dialog.helo = dialog.name = dialog.tls = any;
  const auto reply = sample_reply(550, 1, 1, any);
  const smtp::Address address{any, any};
  const std::vector<smtp::Address> recipients(3, address);
  const std::vector<RecipientFate> fates{{RecipientFate::Kind::Bounced, any, any}, {}, {}};
  Delivered mail{2, address, recipients, 9, any, any, any};
  mail.fates = fates;
  const Decision decision{1, &address, any, any, any, any, any, any, reply, 1ms};
  const Secured tls{any, any, 256, true, any};

  line([&](auto& out, auto& to) { to.connected(out, dialog); });
  line([&](auto& out, auto& to) { to.disconnected(out, dialog, {}); });
  line([&](auto& out, auto& to) {
    to.refused(out, dialog, {any, reply, any, any, &address, &address, any});
  });
  line([&](auto& out, auto& to) { to.delivered(out, dialog, mail); });
  line([&](auto& out, auto& to) { to.decided(out, dialog, decision); });
  line([&](auto& out, auto& to) { to.ended(out, dialog, any, any); });
  line([&](auto& out, auto& to) { to.secured(out, dialog, tls); });
  line([&](auto& out, auto& to) { to.not_secured(out, dialog, any); });
  line([&](auto& out, auto& to) { to.pregreet(out, dialog, 1, 1ms, any); });
  line([&](auto& out, auto& to) { to.no_place(out, dialog.client, any); });
  const auto said = line([&](auto& out, auto& to) { to.message(out, Severity::Info, any); });
  CHECK(unescape(said["text"].get<std::string>()).substr(0, 256) == any.substr(0, 256));
}

TEST_CASE_METHOD(JsonLines, "JSON lines: whatever a client says comes back") {
  auto dialog = sample_dialog();
  dialog.helo = std::string("\"}\n{\"event\":\"\\\0\xff\xc3\xa9\xe2\x80\xa8\x1b", 23);
  const auto got = line([&](auto& out, auto& to) { to.connected(out, dialog); });
  CHECK(got["event"] == "connect");
  CHECK(unescape(got["helo"].get<std::string>()) == dialog.helo);
}

}  // namespace
}  // namespace ravelin::proxy
