// Dialogs that nobody would write: whatever comes, in whatever pieces, each 250 for a message
// stands for one message that the backend has, and nothing is left behind.
#include <catch2/catch.hpp>
#include <random>

#include "harness.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPieces[] = {
    "EHLO c.example\r\n",
    "HELO c.example\r\n",
    "MAIL FROM:<a@b.example>\r\n",
    "MAIL FROM:<>\r\n",
    "RCPT TO:<b@mx.example>\r\n",
    "RCPT TO:<no@mx.example>\r\n",
    "RCPT TO:<b@else.example>\r\n",
    "DATA\r\n",
    "DATA\r\nSubject: x\r\n\r\n",
    "text\r\n",
    ".\r\n",
    "\r\n.\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "BDAT 3\r\nabc",
    "\n",
    "\r",
};

// Half of the time the client does what comes next in a dialog.
constexpr size_t kNatural[] = {0, 2, 4, 7, 9, 10};

// One dialog. Returns how many messages were said to be taken.
size_t one_dialog(Harness& mx, std::mt19937& random) {
  const auto below = [&random](size_t bound) { return random() % bound; };
  auto& client = mx.connect("192.0.2.1", below(4));
  mx.verifier().to_text = {250, {0, 0}, "queued"};
  std::string said;
  size_t next = 0;
  for (int step = 0; step < 40 && client.peer().stream; ++step) {
    // Broken line ends end a dialog, so they are rare.
    const auto last = std::size(kPieces) - (below(8) == 0 ? 0 : 3);
    const bool natural = below(3) > 0;
    client.send(kPieces[natural ? kNatural[next++ % std::size(kNatural)] : below(last)]);
    switch (below(40)) {
      case 0:
        mx.verifier().to_text = {static_cast<int>(250 + 150 * below(3)), {0, 0}, "queued"};
        break;
      case 1:
        if (mx.session_lives()) mx.session().shut_down(below(2) == 0);
        break;
      case 2:
        mx.wait(std::chrono::seconds(below(200)));
        break;
      case 3:
        mx.leave(client);
        break;
      default:
        break;
    }
    for (auto reply = client.next_reply(); !reply.empty(); reply = client.next_reply())
      said += reply + "\n";
  }
  mx.leave(client);
  mx.loop().run();
  size_t taken = 0;
  for (auto at = said.find("queued ("); at != said.npos; at = said.find("queued (", at + 1))
    taken += said.compare(said.rfind('\n', at) + 1, 3, "250") == 0 ? 1 : 0;
  return taken;
}

TEST_CASE("random dialogs keep custody and leave nothing behind") {
  Harness mx("[limits]\nerrors = 10\ncommand_timeout = '100s'\ndata_timeout = '100s'");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  std::mt19937 random(20240229);
  size_t all = 0;
  for (int i = 0; i < 1000; ++i) {
    CAPTURE(i);
    const auto before = mx.log().count("delivered");
    const auto taken = one_dialog(mx, random);
    all += taken;
    // Every delivery is heard here, for nobody leaves between the dot and the reply.
    REQUIRE(mx.log().count("delivered") - before == taken);
    REQUIRE(mx.verifier().messages.size() >= taken);
    REQUIRE(mx.ended == i + 1);
    REQUIRE(mx.verifier().open == 0);
    REQUIRE(mx.loop().live_timers() == 0);
    mx.log().lines.clear();
    mx.verifier().messages.clear();
  }
  CHECK(all > 50);
}

}  // namespace
}  // namespace ravelin::test
