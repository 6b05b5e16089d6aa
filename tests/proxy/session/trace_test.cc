// What ravelinctl trace, sessions and kill see of a dialog.
#include "proxy/session/trace.h"

#include <catch2/catch.hpp>

#include "proxy/session/harness.h"

using namespace ravelin;
using namespace ravelin::proxy;
using test::Harness;

namespace {

dns::Cidr network(const char* text) { return dns::Cidr::parse(text).value(); }

std::string shown(Trace& trace) {
  std::string all;
  for (const auto& line : trace.take(1000).lines)
    all += std::string(1, "<>="[static_cast<size_t>(line.way)]) + ' ' + line.text + '\n';
  return all;
}

}  // namespace

TEST_CASE("a command is shown without what could be a secret") {
  struct Row {
    const char* line;
    bool after_auth;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {"MAIL FROM:<auth@x.example> AUTH=<>", false, "MAIL FROM:<auth@x.example> AUTH=<>"},
      {"RCPT TO:<auth@x.example>", true, "RCPT TO:<auth@x.example>"},
      {"EHLO authority.example", true, "EHLO authority.example"},
      {"AUTH PLAIN AGpvZQBzZWNyZXQ=", false, "AUTH (hidden)"},
      {"auth LOGIN am9l", false, "auth (hidden)"},
      {" AUTH PLAIN AGpvZQ==", false, " AUTH (hidden)"},
      {"XAUTHX PLAIN AGpvZQ==", false, "XAUTH (hidden)"},
      {"NOOP AUTH PLAIN AGpvZQ==", false, "NOOP AUTH (hidden)"},
      {"c2VjcmV0", true, "(hidden)"},
      {"c2VjcmV0", false, "c2VjcmV0"},
      {"NOOP c2VjcmV0", true, "NOOP"},
      {"QUIT", true, "QUIT"},
      {"", true, "(hidden)"},
  }));
  CAPTURE(row.line, row.after_auth);
  const auto verb = smtp::parse_command(row.line).verb;
  CHECK(traced_command(row.line, verb, row.after_auth) == row.want);
}

TEST_CASE("a dialog is traced line by line, and its text is not") {
  Harness mx;
  const auto trace = std::make_shared<Trace>(network("192.0.2.0/24"));
  mx.trace.add(trace);
  CHECK(mx.play("S: 220\nC: EHLO client.example\nS: 250-\n"
                "C: MAIL FROM:<a@client.example>\nS: 250\n"
                "C: RCPT TO:<b@mx.example>\nS: 250\n"
                "C: DATA\nS: 354\nC: hello\nC: .\nS: 250\n"
                "C: AUTH PLAIN AGpvZQ==\nS: 502\nC: AGpvZQ==\nS: 500\n"
                "C: QUIT\nS: 221\n") == "");
  const auto all = shown(*trace);
  CAPTURE(all);
  for (const auto* const line :
       {"= connected\n> 220 ours.example", "< EHLO client.example\n> 250-ours.example",
        "< MAIL FROM:<a@client.example>\n> 250 ", "< RCPT TO:<b@mx.example>\n> 250 ",
        "< DATA\n> 354 ", "= message of 10 octets, with the dot\n> 250 ", "< AUTH (hidden)\n> 502 ",
        "< (hidden)\n> 500 ", "< QUIT\n> 221 "})
    CHECK(all.find(line) != all.npos);
  CHECK(all.find("hello") == all.npos);
  CHECK(all.find("AGpvZQ") == all.npos);
  CHECK(all.ends_with("= disconnected\n"));
}

TEST_CASE("others are not traced, and nobody when it is over") {
  Harness mx;
  const auto trace = std::make_shared<Trace>(network("198.51.100.0/24"));
  mx.trace.add(trace);
  CHECK(mx.play("S: 220\nC: QUIT\nS: 221\n") == "");
  CHECK(trace->take(10).lines.empty());
  trace->end();
  mx.trace.prune();
  CHECK_FALSE(mx.trace.on());
}

TEST_CASE("a slow reader of a trace loses lines and is told how many") {
  test::ManualClock clock;
  TraceTap tap(clock);
  const auto trace = std::make_shared<Trace>(network("0.0.0.0/0"));
  tap.add(trace);
  DialogInfo dialog;
  dialog.client.address = *dns::IpAddress::parse("192.0.2.1");
  for (size_t i = 0; i < Trace::kLines + 7; ++i)
    tap.said(dialog, TraceLine::Way::Client, std::string(5000, 'x'));
  auto taken = trace->take(500);
  CHECK(taken.lines.size() == 500);
  CHECK(taken.lines[0].text.size() == Trace::kText);
  CHECK(taken.lost == 7);
  taken = trace->take(10'000);
  CHECK(taken.lines.size() == Trace::kLines - 500);
  CHECK(taken.lost == 0);
}

TEST_CASE("a view tells where a dialog stands") {
  Harness mx;
  auto& client = mx.connect();
  mx.wait(std::chrono::seconds(3));
  auto view = mx.session().view(mx.loop().now());
  CHECK(view.phase == "command");
  CHECK(view.standing == "unknown");
  CHECK(view.age == std::chrono::seconds(3));
  CHECK_FALSE(view.mail);
  CHECK(client.play("S: 220\nC: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\n"
                    "S: 250\nC: RCPT TO:<b@mx.example>\nS: 250\nC: DATA\nS: 354\nC: x\n") == "");
  view = mx.session().view(mx.loop().now());
  CHECK(view.phase == "text");
  CHECK(view.dialog.helo == "client.example");
  REQUIRE(view.mail);
  CHECK(view.mail->from == "a@client.example");
  CHECK(view.mail->recipients == std::vector<std::string>{"b@mx.example"});
  CHECK(view.mail->octets == 3);
  CHECK(mx.session().is(view.mail->id));
}

TEST_CASE("a dialog that is killed hears 421, wherever it stands") {
  Harness mx;
  auto& client = mx.connect();
  const auto* const before =
      GENERATE("S: 220\n",
               "S: 220\nC: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\nS: 250\n",
               "S: 220\nC: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\nS: 250\n"
               "C: RCPT TO:<b@mx.example>\nS: 250\nC: DATA\nS: 354\nC: x\n");
  CHECK(client.play(before) == "");
  CHECK(mx.session().kill());
  CHECK(client.play("S: 421 4.3.2\n") == "");
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK(mx.log().has("ended by an administrator"));
}
