// The text of a message: what ends it, what breaks it, who leaves when.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

const std::string kToData =
    "S: 220\nC: EHLO client.example\nS: 250-\n"
    "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
    "C: DATA\nS: 354\n";

TEST_CASE("what is not CRLF.CRLF never ends a message, and nothing behind it is a second one") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 0);
  const std::string end =
      GENERATE(as<std::string>{}, "\\n.\\n", "\\n.\\r\\n", "\\r.\\r", "\\r.\\n", "\\n.\\r",
               "\\r\\n.\\n", "\\r.\\r\\n", "\\r\\n.\\r", "\\r\\n\\0.\\r\\n", "\\r\\n.\\0\\r\\n",
               "\\r\\n.\\r\\r\\n", "\\r\\r\\n.\\r\\r\\n");
  CAPTURE(end, chunk);
  Harness mx;
  CHECK(mx.play(kToData + "C' text" + end +
                    "MAIL FROM:<x@evil.example>\\r\\nRCPT TO:<b@mx.example>\\r\\nDATA\\r\\n"
                    "second\\r\\n.\\r\\n\nS: 554 5.6.0\nS! closed",
                chunk) == "");
  CHECK(mx.verifier().messages.empty());
  CHECK(mx.verifier().asked.size() == 1);
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("a message that begins with white space does not continue our Received line") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 0);
  const auto white = GENERATE(as<std::string>{}, " ", "\t");
  const auto stuffing = GENERATE(as<std::string>{}, "", ".");
  Harness mx;
  CHECK(mx.play(
            kToData + "C: " + stuffing + white + "with ESMTPA id x;\nC: Subject: a\nC: .\nS: 250\n",
            chunk) == "");
  REQUIRE(mx.verifier().messages.size() == 1);
  const auto& text = mx.verifier().messages[0].text;
  CHECK(text.ends_with("\r\n\r\n" + white + "with ESMTPA id x;\r\nSubject: a\r\n"));
}

TEST_CASE("nothing comes between our Received line and a message with a header") {
  Harness mx;
  CHECK(mx.play(kToData + "C: X: a\nC:  b\nC: .\nS: 250\n") == "");
  REQUIRE(mx.verifier().messages.size() == 1);
  const auto& text = mx.verifier().messages[0].text;
  CHECK(text.starts_with("Received: "));
  CHECK(text.find("\r\n\r\n") == std::string::npos);
  CHECK(text.ends_with("\r\nX: a\r\n b\r\n"));
}

// LMTP.
struct Verdicts {
  const char* name;
  smtp::Reply reply;
  const char* fates;  // s b d
};

TEST_CASE("a message that is taken for some of its recipients is logged and counted for these") {
  const auto row = GENERATE(values<Verdicts>({
      {"all", {250, {0, 0}, "ok"}, "ss"},
      {"some, the others never", {554, {0, 0}, "some"}, "bs"},
      {"some, the others later", {451, {2, 0}, "later"}, "sd"},
      {"none", {552, {2, 2}, "full"}, "bb"},
  }));
  CAPTURE(row.name);
  Harness mx;
  mx.verifier().to_text = row.reply;
  for (const char kind : std::string(row.fates))
    mx.verifier().fates.push_back({kind == 's'   ? proxy::RecipientFate::Kind::Sent
                                   : kind == 'b' ? proxy::RecipientFate::Kind::Bounced
                                                 : proxy::RecipientFate::Kind::Deferred,
                                   "", ""});
  CHECK(mx.play("S: 220\nC: EHLO client.example\nS: 250-\n"
                "C: MAIL FROM:<a@client.example>\nS: 250\n"
                "C: RCPT TO:<b@mx.example>\nS: 250\nC: RCPT TO:<c@mx.example>\nS: 250\n"
                "C: DATA\nS: 354\nC: x\nC: .\nS: " +
                std::to_string(row.reply.code) + "\nC: RSET\nS: 250\n") == "");
  const std::string fates = row.fates;
  const bool some = fates.find('s') != std::string::npos;
  const bool refused = !row.reply.positive();
  CHECK(mx.log().count("reject DATA " + std::to_string(row.reply.code)) == (refused ? 1 : 0));
  CHECK(mx.log().count("delivered from=<a@client.example> nrcpt=2") == (some ? 1 : 0));
  if (some) CHECK(mx.log().has(std::string(" ") + fates[0] + " " + fates[1]));
  CHECK(mx.log().has("it may be delivered twice to these") == (row.reply.code == 451));
  const auto known = mx.standing.show(*dns::IpAddress::parse("192.0.2.1"));
  REQUIRE(known);
  CHECK(known->deliveries == (some ? 1 : 0));
}

TEST_CASE("a part that goes to postmaster alone earns no standing") {
  Harness mx;
  mx.verifier().to_text = {554, {0, 0}, "some"};
  mx.verifier().fates = {{proxy::RecipientFate::Kind::Sent, "", ""},
                         {proxy::RecipientFate::Kind::Bounced, "", ""}};
  CHECK(mx.play("S: 220\nC: EHLO client.example\nS: 250-\n"
                "C: MAIL FROM:<a@client.example>\nS: 250\n"
                "C: RCPT TO:<postmaster@mx.example>\nS: 250\nC: RCPT TO:<c@mx.example>\nS: 250\n"
                "C: DATA\nS: 354\nC: x\nC: .\nS: 554\n") == "");
  CHECK(mx.standing.show(*dns::IpAddress::parse("192.0.2.1"))->deliveries == 0);
}

TEST_CASE("a bare LF is taken as CRLF where that is allowed, and still ends nothing") {
  Harness mx("[access]\nnormalise_line_endings = ['192.0.2.1']");
  CHECK(mx.play(kToData + "C' a\\n.\\nb\\r\\n.\\r\\n\nS: 250") == "");
  REQUIRE(mx.verifier().messages.size() == 1);
  CHECK(mx.verifier().messages[0].text.ends_with("\r\na\r\n.\r\nb\r\n"));
}

TEST_CASE("text beyond the size limit is read to its end, refused, and the dialog ends") {
  const auto chunk = GENERATE(as<size_t>{}, 1000, 0);
  Harness mx("[limits]\nmessage_size = '100kB'");
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "C: " + std::string(98, 'x') + "\n";
  CHECK(mx.play(kToData + text + "C: .\nC: NOOP\nS: 552 5.3.4\nS! closed", chunk) == "");
  CHECK(mx.log().causes == std::vector{proxy::Cause::Limit});
  CHECK(mx.verifier().messages.empty());
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("who goes on sending a refused message is not heard forever") {
  Harness mx("[limits]\nmessage_size = '100kB'");
  auto& client = mx.connect();
  REQUIRE(client.play(kToData + "C' a\\nb\nS? nothing") == "");
  CHECK(mx.verifier().open == 0);  // the backend is dropped at the fault, not at the end
  SECTION("by the clock") {
    mx.wait(std::chrono::seconds(29));
    CHECK(client.next_reply() == "");
    mx.wait(std::chrono::seconds(2));
  }
  SECTION("by the size") { client.send(std::string(110'000, 'x')); }
  CHECK(client.next_reply().starts_with("554 5.6.0"));
  CHECK(client.closed());
}

TEST_CASE("the backend is lost in mid-text: the client hears it at the end, never 250") {
  Harness mx;
  auto& client = mx.connect();
  REQUIRE(client.play(kToData + "C: half\nS? nothing") == "");
  mx.verifier().lose();
  CHECK(client.play("C: other half\nS? nothing\nC: .\nS: 451 4.4.2 lost (\nS! closed") == "");
  CHECK(mx.verifier().messages.empty());
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("the backend's refusals of DATA and of the text become ours, and the dialog goes on") {
  Harness mx;
  SECTION("DATA") { mx.verifier().to_data = {451, {3, 0}, "not now"}; }
  SECTION("text") { mx.verifier().to_text = {554, {7, 1}, "spam"}; }
  const bool at_data = mx.verifier().to_data.code == 451;
  auto script = kToData;
  if (at_data) script.replace(script.size() - 7, 7, "S: 451 4.3.0 not now (00000000A002)\n");
  if (!at_data) script += "C: x\nC: .\nS: 554 5.7.1 spam (00000000A002)\n";
  CHECK(mx.play(script + "C: RCPT TO:<b@mx.example>\nS: 503\nC: DATA\nS: 503\n"
                         "C: MAIL FROM:<a@client.example>\nS: 250\nC: QUIT\nS: 221\nS! closed") ==
        "");
  CHECK(mx.verifier().open == 0);
  CHECK(mx.log().count(at_data ? "reject DATA 451" : "reject DATA 554") == 1);
  CHECK(mx.log().count("delivered") == 0);
}

TEST_CASE("a text that no reply came to may be there: the log says so, the client hears later") {
  Harness mx;
  mx.verifier().to_text = {451, {4, 2}, "lost"};
  mx.verifier().no_last_word = GENERATE(true, false);
  CHECK(mx.play(kToData + "C: x\nC: .\nS: 451 4.4.2 lost (00000000A002)\nC: NOOP\nS: 250") == "");
  CHECK(mx.log().count("reject DATA 451") == 1);
  CHECK(mx.log().has("00000000A002: the text was sent to mail.internal[192.0.2.7]:25, and no reply "
                     "tells of it: it may be delivered twice") == mx.verifier().no_last_word);
}

TEST_CASE("a delivery ends its transaction") {
  Harness mx;
  CHECK(mx.play(kToData +
                "C: x\nC: .\nS: 250\nC: DATA\nS: 503\nC: RCPT TO:<b@mx.example>\nS: 503") == "");
}

TEST_CASE("the slowness of the backend holds the client") {
  Harness mx;
  auto& client = mx.connect();
  mx.verifier().room = 1000;
  REQUIRE(client.play(kToData + "S? nothing") == "");
  client.send(std::string(900, 'x') + "\r\n");
  CHECK(client.peer().stream->paused());
  mx.wait(std::chrono::minutes(10));  // the backend's time, not the client's
  REQUIRE(client.next_reply() == "");
  mx.verifier().room = SIZE_MAX;
  mx.verifier().give_room();
  CHECK_FALSE(client.peer().stream->paused());
  CHECK(client.play("C: .\nS: 250") == "");
}

TEST_CASE("a client that leaves before the dot cancels") {
  Harness mx;
  auto& client = mx.connect();
  const auto* script =
      GENERATE("S: 220", "S: 220\nC: EHLO c.example\nS: 250-",
               "S: 220\nC: EHLO c.example\nS: 250-\nC: MAIL FROM:<a@b.example>\nS: 250");
  REQUIRE(client.play(script) == "");
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK_FALSE(mx.session_lives());
}

TEST_CASE("a client that leaves while DNS is asked takes the questions with it") {
  Harness mx("[checks.sender_domain]\naction = 'defer'");
  auto& client = mx.connect();
  REQUIRE(client.play("S: 220") == "");
  mx.resolver().silent = true;
  REQUIRE(client.play("C: EHLO c.example\nC: MAIL FROM:<a@b.example>\n"
                      "C: RCPT TO:<b@mx.example>\nS: 250-\nS: 250\nS? nothing") == "");
  REQUIRE(mx.loop().live_timers() == 2);  // for the names in HELO and MAIL
  const bool reset = GENERATE(false, true);
  mx.leave(client, reset ? proxy::StreamEnd::Reset : proxy::StreamEnd::Eof);
  CHECK(mx.ended == 1);
  CHECK(mx.loop().live_timers() == 0);
  CHECK(mx.log().count("lost connection after RCPT") == 1);
}

TEST_CASE("a client that leaves in the greeting pause takes the timer with it") {
  Harness mx("[checks.early_talker]\npause = '2s'");
  auto& client = mx.connect();
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK(mx.loop().live_timers() == 0);
  CHECK(mx.log().count("lost connection after CONNECT") == 1);
}

TEST_CASE("a client that leaves in mid-text cancels, also while the backend is asked") {
  Harness mx;
  mx.verifier().silent = GENERATE(false, true);
  auto& client = mx.connect();
  const auto asking = kToData.substr(0, kToData.find("\nS: 250\nC: DATA"));
  REQUIRE(client.play(mx.verifier().silent ? asking : kToData + "C: half\nS? nothing") == "");
  REQUIRE(mx.verifier().open == 1);
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK(mx.verifier().open == 0);
  CHECK(mx.verifier().messages.empty());
  CHECK(mx.log().has("lost connection after"));
}

TEST_CASE("after the dot the reply is waited for without the client, and logged") {
  Harness mx;
  auto& client = mx.connect();
  REQUIRE(client.play(kToData) == "");
  mx.verifier().silent = true;
  REQUIRE(client.play("C: x\nC: .\nS? nothing") == "");
  mx.leave(client, proxy::StreamEnd::Reset);
  CHECK(mx.ended == 0);
  CHECK(client.peer().destroyed);
  CHECK(mx.session().in_custody());
  mx.session().shut_down(true);
  mx.wait(std::chrono::minutes(9));
  CHECK(mx.ended == 0);
  mx.verifier().answer_now();
  mx.loop().run();
  CHECK(mx.ended == 1);
  CHECK(mx.verifier().open == 0);
  CHECK(mx.log().count("delivered from=<a@client.example> nrcpt=1 size=3 gone") == 1);
}

// Whoever closes both sides looks the same, until our reply meets a RST.
TEST_CASE("a client that closes its side behind the dot hears the reply, and may be gone") {
  Harness mx;
  auto& client = mx.connect();
  REQUIRE(client.play(kToData) == "");
  mx.verifier().silent = true;
  REQUIRE(client.play("C: x\nC: .\nS? nothing") == "");
  CHECK(client.peer().stream->paused_for(proxy::Pause::Custody));
  client.peer().half_closed = true;
  mx.verifier().answer_now();
  CHECK(client.play("S: 250 2.0.0") == "");
  CHECK_FALSE(client.peer().stream->paused());
  CHECK(mx.log().count("delivered from=<a@client.example> nrcpt=1 size=3 gone") == 1);
}

}  // namespace
}  // namespace ravelin::test
