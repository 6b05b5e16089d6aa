// Whole dialogs, from 220 to the end.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

// Every dialog below must go the same way however its bytes arrive.
size_t any_chunk() { return GENERATE(as<size_t>{}, 1, 2, 3, 0); }

const std::string kHello =
    "S: 220 ours.example ESMTP\nC: EHLO client.example\nS: 250-ours.example\n";

TEST_CASE("a mail goes through, with our Received line on top and the backend's reply") {
  const auto chunk = any_chunk();
  Harness mx;
  CHECK(mx.play(kHello +
                    "C: MAIL FROM:<a@client.example>\nS: 250 2.1.0\n"
                    "C: RCPT TO:<b@mx.example>\nS: 250 2.1.5 fine\n"
                    "C: DATA\nS: 354\n"
                    "C: Subject: hello\nC: \nC: ..dot\nC: .\nS: 250 2.0.0 queued (00000000A002)\n"
                    "C: QUIT\nS: 221 2.0.0 ours.example\nS! closed",
                chunk) == "");
  REQUIRE(mx.verifier().messages.size() == 1);
  const auto& text = mx.verifier().messages[0].text;
  CHECK(text.starts_with("Received: from client.example (client.example [192.0.2.1])"));
  CHECK(text.find("id 00000000A002") != text.npos);
  CHECK(text.find("for <b@mx.example>") != text.npos);
  CHECK(text.ends_with("\r\nSubject: hello\r\n\r\n.dot\r\n"));
  CHECK(mx.verifier().open == 0);
  CHECK(mx.log().count("delivered from=<a@client.example> nrcpt=1 size=24") == 1);
  CHECK(mx.log().lines.back() == "disconnect EHLO=1/1 MAIL=1/1 RCPT=1/1 DATA=1/1 QUIT=1/1");
}

TEST_CASE("pipelined commands are answered in order, each after the one before") {
  const auto chunk = any_chunk();
  Harness mx;
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(kHello +
                    "C: MAIL FROM:<a@client.example>\nC: RCPT TO:<no@mx.example>\n"
                    "C: RCPT TO:<b@mx.example>\nC: DATA\n"
                    "S: 250 2.1.0\nS: 550 5.1.1 User unknown (00000000A002)\nS: 250 2.1.5\nS: 354\n"
                    "C: x\nC: .\nC: QUIT\nS: 250 2.0.0\nS: 221\nS! closed",
                chunk) == "");
  REQUIRE(mx.verifier().messages.size() == 1);
  CHECK(mx.verifier().messages[0].to.size() == 1);
  CHECK(mx.log().count("decision rcpt=no@mx.example standing=unknown greylist=off "
                       "checks=rdns:pass,helo:pass,sender_domain:pass,relay_domain:pass "
                       "verify=unknown verdict=reject") == 1);
}

TEST_CASE("a foreign domain is refused at once, in every mode and for everybody") {
  const auto* top = GENERATE("", "mode = 'shadow'");
  Harness mx("[access]\nallow = ['192.0.2.1']", top);
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nS: 250\n"
                         "C: RCPT TO:<b@else.example>\nS: 554 5.7.1 Relay access denied (\n"
                         "C: RCPT TO:<postmaster@else.example>\nS: 554 5.7.1\n"
                         "C: DATA\nS: 554 5.5.1 No valid recipients\n") == "");
  CHECK(mx.verifier().asked.empty());
  CHECK(mx.log().count("reject RCPT 554 5.7.1 <b@else.example> Relay access denied;") == 1);
}

TEST_CASE("<postmaster> without a domain is ours") {
  Harness mx;
  CHECK(mx.play(kHello + "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<Postmaster>\nS: 250\n") == "");
  CHECK(mx.verifier().asked == std::vector<std::string>{"postmaster@mx.example"});
}

TEST_CASE("a bounce has one recipient, and a second one comes later") {
  Harness mx;
  CHECK(mx.play(kHello + "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<a@mx.example>\nS: 250\n"
                         "C: RCPT TO:<b@mx.example>\nS: 452 4.5.3\n"
                         "C: DATA\nS: 354\nC: x\nC: .\nS: 250\n") == "");
  CHECK(mx.verifier().asked.size() == 1);
}

TEST_CASE("recipients beyond the limit come later, and the dialog goes on") {
  Harness mx;
  mx.now_limits.recipients = 2;
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nS: 250\n"
                         "C: RCPT TO:<a@mx.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
                         "C: RCPT TO:<c@mx.example>\nS: 452 4.5.3\nC: DATA\nS: 354\n") == "");
}

TEST_CASE("recipients that were refused count, too: nobody tries names without end") {
  Harness mx;
  mx.now_limits.recipients = 2;
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  const std::string no = "C: RCPT TO:<no@mx.example>\nS: 550\n";
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nS: 250\n" + no + no +
                "C: RCPT TO:<b@mx.example>\nS: 452 4.5.3\n") == "");
}

TEST_CASE("far beyond the limit RCPT is junk, and the log says the limit once a transaction") {
  Harness mx("[limits]\njunk_commands = 3");
  mx.now_limits.recipients = 2;
  std::string script = kHello + "C: MAIL FROM:<a@client.example>\nS: 250\n";
  const std::string rcpt = "C: RCPT TO:<b@mx.example>\n";
  for (int i = 0; i < 2; ++i) script += rcpt + "S: 250\n";
  for (int i = 0; i < 5; ++i) script += rcpt + "S: 452 4.5.3\n";
  CHECK(mx.play(script + rcpt + "S: 421 4.7.0\nS! closed") == "");
  CHECK(mx.log().count("reject RCPT 452") == 1);
}

TEST_CASE("unknown recipients are errors, and too many of them end the dialog") {
  Harness mx("[limits]\nerrors = 2");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nC: RCPT TO:<no@mx.example>\n"
                         "C: RCPT TO:<no@mx.example>\nC: RCPT TO:<b@mx.example>\n"
                         "S: 250\nS: 550 5.1.1\nS: 550 5.1.1\nS: 421 4.7.0\nS! closed") == "");
  CHECK(mx.log().count("too many errors after RCPT") == 1);
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("our own 4xx is no error of the client") {
  Harness mx("[limits]\nerrors = 1");
  mx.verifier().refuse("later@mx.example", {451, {3, 0}, "later"}, false);
  CHECK(mx.play(kHello +
                "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<later@mx.example>\nS: 451\n"
                "C: RCPT TO:<later@mx.example>\nS: 451\nC: NOOP\nS: 250\n") == "");
}

// Whoever pipelines sends DATA before it knows that all its recipients will be told to come later.
TEST_CASE("DATA behind refused recipients is no error of the client, once in a transaction") {
  Harness mx("[limits]\nerrors = 1");
  mx.verifier().refuse("later@mx.example", {451, {3, 0}, "later"}, false);
  const std::string deferred =
      "C: MAIL FROM:<a@client.example>\nC: RCPT TO:<later@mx.example>\nC: DATA\n"
      "S: 250\nS: 451\nS: 554 5.5.1\n";
  CHECK(mx.play(kHello + deferred + "C: RSET\nS: 250\n" + deferred + "C: RSET\nS: 250\n" +
                deferred + "C: DATA\nS: 554\nC: NOOP\nS: 421 4.7.0\nS! closed") == "");
}

TEST_CASE("a MAIL that is too big moves no mail: it cannot be said without end") {
  Harness mx("[limits]\njunk_commands = 3");
  const std::string big = "C: MAIL FROM:<a@client.example> SIZE=999999999\nS: 552 5.3.4\n";
  CHECK(mx.play(kHello + big + big +
                "C: MAIL FROM:<a@client.example>\nS: 250\nC: NOOP\nS: 421\n"
                "S! closed") == "");
  CHECK(mx.play(kHello + big + big + big +
                "C: MAIL FROM:<a@client.example>\nS: 421\n"
                "S! closed") == "");
}

TEST_CASE("junk beyond need ends the dialog; a delivery makes up for it") {
  Harness mx("[limits]\njunk_commands = 3");
  CHECK(mx.play(kHello +
                "C: NOOP\nS: 250\nC: VRFY x\nS: 252\n"
                "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
                "C: DATA\nS: 354\nC: .\nS: 250\n"
                "C: RSET\nS: 250\nC: HELP\nS: 214\nC: NOOP\nS: 250\nC: NOOP\nS: 421\n"
                "S! closed") == "");
}

TEST_CASE("commands out of order, unknown or not offered get their codes") {
  Harness mx;
  CHECK(mx.play("S: 220\nC: MAIL FROM:<a@b.example>\nS: 503 5.5.1\nC: EHLO c.example\nS: 250-\n"
                "C: RCPT TO:<b@mx.example>\nS: 503 5.5.1\nC: DATA\nS: 503 5.5.1\n"
                "C: MAIL FROM:<a@b.example>\nS: 250\nC: MAIL FROM:<a@b.example>\nS: 503\n"
                "C: DATA\nS: 503\nC: AUTH PLAIN AGEAYg==\nS: 502\nC: STARTTLS\nS: 502\n"
                "C: FROBNICATE\nS: 500\nC: RSET now\nS: 501\nC: QUIT\nS: 221\nS! closed") == "");
}

TEST_CASE("a greeting that is no name greets nobody, and ends nothing") {
  const auto* verb = GENERATE("EHLO", "HELO");
  Harness mx;
  CHECK(mx.play("S: 220\nC: " + std::string(verb) +
                "\nS: 501 5.5.4\nC: MAIL FROM:<a@b.example>\n"
                "S: 503 5.5.1\nC: EHLO c.example\nS: 250-\nC: MAIL FROM:<a@b.example>\nS: 250\n"
                "C: " +
                verb + " two words\nS: 501 5.5.4\nC: RCPT TO:<b@mx.example>\nS: 250\n") == "");
}

TEST_CASE("the decision says whose answer it was") {
  using proxy::AnswerSource;
  const auto [source, word] = GENERATE(table<AnswerSource, const char*>({
      {AnswerSource::Backend, "unknown"},
      {AnswerSource::Shared, "shared"},  // another dialog asked
      {AnswerSource::OurTrouble, "trouble"},
      {AnswerSource::Breaker, "trouble"},
  }));
  Harness mx;
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  mx.verifier().answers["no@mx.example"].source = source;
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<no@mx.example>\n"
                         "S: 550 5.1.1 User unknown\n") == "");
  CHECK(mx.log().has("verify=" + std::string(word) + " verdict=reject"));
}

TEST_CASE("HELO has no extensions") {
  Harness mx;
  CHECK(mx.play("S: 220\nC: HELO client.example\nS: 250 ours.example\n"
                "C: MAIL FROM:<a@b.example> SIZE=5\nS: 555\n"
                "C: MAIL FROM:<a@b.example>\nS: 250\n") == "");
}

TEST_CASE("a second EHLO forgets the transaction") {
  Harness mx;
  CHECK(mx.play(kHello +
                "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
                "C: EHLO client.example\nS: 250-\nC: DATA\nS: 503\n") == "");
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("SIZE beyond the limit is refused at MAIL; what is announced is what holds") {
  Harness mx("[limits]\nmessage_size = '100kB'");
  mx.verifier().capabilities.size_limit = 50'000;
  CHECK(mx.play("S: 220\nC: EHLO c.example\n"
                "S: 250-ours.example|250-PIPELINING|250-SIZE 47952|250-ENHANCEDSTATUSCODES|250-"
                "8BITMIME|250 LIMITS RCPTMAX=1000\n"
                "C: MAIL FROM:<a@b.example> SIZE=47953\nS: 552 5.3.4\n"
                "C: MAIL FROM:<a@b.example> SIZE=47952\nS: 250\n") == "");
}

TEST_CASE("LIMITS has how many recipients are taken now, by us and by the backends") {
  Harness mx;
  const auto announces = [](const std::string& count) {
    return "C: EHLO c.example\nS: 250-ours.example|250-PIPELINING|250-SIZE 50000000|"
           "250-ENHANCEDSTATUSCODES|250-8BITMIME|250 LIMITS RCPTMAX=" +
           count + "\n";
  };
  CHECK(mx.play("S: 220\n" + announces("1000")) == "");
  mx.now_limits.recipients = 2;
  CHECK(mx.play("S: 220\n" + announces("2") +
                "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
                "C: RCPT TO:<c@mx.example>\nS: 250\nC: RCPT TO:<d@mx.example>\nS: 452 4.5.3\n") ==
        "");
  mx.now_limits.recipients = 500;
  mx.verifier().capabilities.rcpt_max = 20;
  CHECK(mx.play("S: 220\n" + announces("20")) == "");
}

TEST_CASE("a limit of ours below the backends' is announced and enforced to the octet") {
  Harness mx("[limits]\nmessage_size = '100kB'");
  mx.verifier().capabilities.size_limit = GENERATE(0, 200'000);
  CHECK(mx.play("S: 220\nC: EHLO c.example\nS: 250-ours.example|250-PIPELINING|250-SIZE 100000|\n"
                "C: MAIL FROM:<a@b.example> SIZE=100001\nS: 552 5.3.4\n"
                "C: MAIL FROM:<a@b.example> SIZE=100000\nS: 250\n"
                "C: RCPT TO:<b@mx.example>\nS: 250\nC: DATA\nS: 354\nC: " +
                std::string(99'998, 'x') + "\nC: .\nS: 250\n") == "");
}

TEST_CASE("BDAT closes, for its chunk would be read as commands") {
  Harness mx;
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nC: RCPT TO:<b@mx.example>\n"
                         "C: BDAT 10 LAST\nC: QUIT\n"
                         "S: 250\nS: 250\nS: 503 5.5.1\nS! closed") == "");
  CHECK(mx.verifier().messages.empty());
}

TEST_CASE("garbage and other protocols are refused once, and nothing behind them is looked at") {
  const auto chunk = any_chunk();
  const auto* line = GENERATE("GET / HTTP/1.1", "\x16\x03\x01");
  Harness mx;
  CHECK(mx.play("S: 220\nC: " + std::string(line) + "\nC: EHLO c.example\nC: QUIT\n" +
                    "S: 500 5.5.2\nS! closed",
                chunk) == "");
  CHECK(mx.log().count("reject CONNECT 500 5.5.2") == 1);
}

TEST_CASE("broken command lines are refused once, and nothing behind them is looked at") {
  const auto chunk = any_chunk();
  const auto* line = GENERATE("C' RCPT TO:<b@mx.example>\\nDATA\\n\n", "C' NOOP\\rRSET\\r\\n\n",
                              "C' NO\\0OP\\r\\n\n");
  Harness mx;
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example>\nS: 250\n" + line +
                    "C: NOOP\nS: 500 5.5.2\nS! closed",
                chunk) == "");
  CHECK(mx.verifier().asked.empty());
}

TEST_CASE("a line without end is refused once it is too long") {
  const auto chunk = GENERATE(as<size_t>{}, 1000, 0);
  Harness mx;
  CHECK(mx.play("S: 220\nC' " + std::string(100'000, 'x') + "\nS: 500 5.5.2\nS! closed", chunk) ==
        "");
}

}  // namespace
}  // namespace ravelin::test
