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

}  // namespace
}  // namespace ravelin::test
