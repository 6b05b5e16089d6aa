#include "smtp/backend_dialog.h"

#include <functional>
#include <string>
#include <vector>

#include "smtp/chunks.h"

namespace ravelin::smtp {
namespace {

// Writes down what happens; |then| may say more from inside a reply.
struct Recorder final : BackendDialog::Events {
  std::string log;
  std::function<void(Step, const Reply&)> then;

  void on_reply(Step step, const Reply& reply) override {
    log += std::string(step_name(step)) + '=' + std::to_string(reply.code) + ' ';
    if (then) then(step, reply);
  }
  void on_nonsense(std::string_view what) override { log += '!' + std::string(what); }
};

// A dialog that has had its EHLO, at any chunk size of input.
struct Fixture {
  explicit Fixture(bool pipelining) : dialog(ReplyLimits(), events, false) {
    dialog.set_pipelining(pipelining);
  }
  bool feed(std::string_view wire) {
    bool well = true;
    test::in_chunks(wire, chunk, [&](std::string_view piece) { return well = dialog.feed(piece); });
    return well;
  }
  void send_transaction() {
    dialog.send(Step::Rset, "RSET");
    dialog.send(Step::Mail, "MAIL FROM:<a@b>");
    dialog.send(Step::Rcpt, "RCPT TO:<c@d>");
  }
  void send_data(std::string_view reply = "354 go\r\n") {
    dialog.send(Step::Data, "DATA");
    dialog.take_output();
    CHECK(feed(reply));
  }

  size_t chunk = test::any_chunk();
  Recorder events;
  BackendDialog dialog;
};

TEST_CASE("Nothing is sent before the banner") {
  Recorder events;
  BackendDialog dialog(ReplyLimits(), events);
  dialog.set_pipelining(true);
  dialog.send(Step::Ehlo, "EHLO x");
  CHECK(dialog.take_output().empty());
  CHECK(dialog.outstanding() == 2);
  CHECK(dialog.feed("220-mx\r\n"));
  CHECK(dialog.take_output().empty());
  CHECK(dialog.feed("220 mx\r\n"));
  CHECK(events.log == "banner=220 ");
  CHECK(dialog.take_output() == "EHLO x\r\n");
  CHECK_FALSE(dialog.idle());
  CHECK(dialog.feed("250 mx\r\n"));
  CHECK(dialog.idle());
}

TEST_CASE("A refusing banner and a closing 421 are replies: the owner decides") {
  Recorder events;
  BackendDialog dialog(ReplyLimits(), events);
  CHECK(dialog.feed("554 no\r\n"));
  CHECK(events.log == "banner=554 ");

  Fixture open(true);
  open.dialog.send(Step::Mail, "MAIL FROM:<>");
  open.dialog.take_output();
  CHECK(open.feed("421 4.3.2 going down\r\n"));
  CHECK(open.events.log == "MAIL=421 ");
}

TEST_CASE("With PIPELINING a group leaves in one piece and its replies come in order") {
  Fixture test(true);
  test.send_transaction();
  CHECK(test.dialog.take_output() == "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
  CHECK(test.dialog.take_output().empty());
  CHECK(test.feed("250 a\r\n250 b\r\n550 5.1.1 c\r\n"));
  CHECK(test.events.log == "RSET=250 MAIL=250 RCPT=550 ");
  CHECK(test.dialog.idle());
}

TEST_CASE("Without PIPELINING there is one command a round trip") {
  Fixture test(false);
  test.send_transaction();
  CHECK(test.dialog.take_output() == "RSET\r\n");
  CHECK(test.feed("250 a\r\n"));
  CHECK(test.dialog.take_output() == "MAIL FROM:<a@b>\r\n");
  CHECK(test.dialog.outstanding() == 2);
  CHECK(test.feed("250 b\r\n"));
  CHECK(test.dialog.take_output() == "RCPT TO:<c@d>\r\n");
  CHECK(test.feed("250 c\r\n"));
  CHECK(test.dialog.idle());
}

TEST_CASE("A pipelined command may follow others that are not answered yet") {
  Fixture test(true);
  test.dialog.send(Step::Rcpt, "RCPT TO:<a@b>");
  CHECK(test.dialog.take_output() == "RCPT TO:<a@b>\r\n");
  test.dialog.send(Step::Rcpt, "RCPT TO:<c@d>");
  CHECK(test.dialog.take_output() == "RCPT TO:<c@d>\r\n");
}

TEST_CASE("Nothing follows a synchronising command before all is answered") {
  const auto step = GENERATE(Step::Ehlo, Step::Helo, Step::Data, Step::Noop, Step::Quit);
  CAPTURE(step_name(step));
  Fixture test(true);
  test.dialog.send(Step::Rset, "RSET");
  test.dialog.send(step, "SYNC");
  test.dialog.send(Step::Mail, "MAIL FROM:<>");
  CHECK(test.dialog.take_output() == "RSET\r\nSYNC\r\n");
  CHECK(test.feed("250 a\r\n"));
  CHECK(test.dialog.take_output().empty());
  CHECK(test.feed("550 b\r\n"));
  CHECK(test.dialog.take_output() == "MAIL FROM:<>\r\n");
}

TEST_CASE("XFORWARD, MAIL, RCPT and RSET do not hold up what follows") {
  const auto step = GENERATE(Step::Xforward, Step::Mail, Step::Rcpt, Step::Rset);
  Fixture test(true);
  test.dialog.send(step, "X");
  test.dialog.send(Step::Quit, "QUIT");
  CHECK(test.dialog.take_output() == "X\r\nQUIT\r\n");
}

TEST_CASE("A reply may make the owner send more, in the same piece as what was queued") {
  Fixture test(false);
  test.dialog.send(Step::Ehlo, "EHLO x");
  test.dialog.send(Step::Mail, "MAIL FROM:<>");
  test.events.then = [&](Step step, const Reply&) {
    if (step != Step::Ehlo) return;
    test.dialog.set_pipelining(true);
    test.dialog.send(Step::Rcpt, "RCPT TO:<a@b>");
  };
  CHECK(test.dialog.take_output() == "EHLO x\r\n");
  CHECK(test.feed("250-mx\r\n250 PIPELINING\r\n"));
  CHECK(test.dialog.take_output() == "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n");
}

TEST_CASE("Text flows after a 354, stuffed, and ends with a dot") {
  Fixture test(true);
  test.dialog.send(Step::Data, "DATA");
  test.dialog.send(Step::Quit, "QUIT");
  CHECK(test.dialog.take_output() == "DATA\r\n");
  CHECK(test.feed("354 go\r\n"));
  CHECK(test.dialog.in_text());
  CHECK_FALSE(test.dialog.idle());
  CHECK(test.dialog.take_output().empty());
  test.dialog.send_text("a\r\n.", false);
  test.dialog.send_text(".b\r\n", false);
  test.dialog.send_text("", true);
  CHECK(test.dialog.take_output() == "a\r\n...b\r\n.\r\n");
  CHECK_FALSE(test.dialog.in_text());
  CHECK(test.feed("250 2.0.0 queued\r\n"));
  CHECK(test.events.log == "DATA=354 end of DATA=250 ");
  CHECK(test.dialog.take_output() == "QUIT\r\n");
}

// DATA, 354 and a text whose end is answered |replies| times.
void send_message(Fixture& test, size_t replies) {
  test.dialog.send(Step::Data, "DATA");
  test.dialog.send(Step::Quit, "QUIT");
  test.dialog.take_output();
  CHECK(test.feed("354 go\r\n"));
  test.dialog.send_text("a\r\n", true, replies);
  CHECK(test.dialog.take_output() == "a\r\n.\r\n");
}

TEST_CASE("LMTP answers the end of the text once for each recipient") {
  Fixture test(true);
  send_message(test, 3);
  CHECK(test.dialog.outstanding() == 4);
  CHECK(test.feed("250 2.0.0 a\r\n552-5.2.2 b\r\n552 5.2.2 b\r\n"));
  CHECK(test.dialog.take_output().empty());  // nothing overtakes the third
  CHECK_FALSE(test.dialog.idle());
  CHECK(test.feed("451 4.2.0 c\r\n"));
  CHECK(test.events.log == "DATA=354 end of DATA=250 end of DATA=552 end of DATA=451 ");
  CHECK(test.dialog.take_output() == "QUIT\r\n");
  CHECK(test.feed("221 bye\r\n"));
  CHECK(test.dialog.idle());
}

TEST_CASE("One reply more than there are recipients is nonsense") {
  Fixture test(false);
  send_message(test, 2);
  CHECK_FALSE(test.feed("250 a\r\n250 b\r\n250 forged\r\n"));
  CHECK(test.events.log.starts_with("DATA=354 end of DATA=250 end of DATA=250 !"));
}

TEST_CASE("What comes in the middle of the text is one reply, however many recipients wait") {
  Fixture test(true);
  test.send_data();
  CHECK(test.dialog.feed("552 5.3.4 t"));
  test.dialog.send_text("a\r\n", true, 2);
  test.dialog.take_output();
  CHECK_FALSE(test.feed("oo big\r\n552 5.3.4 too big\r\n"));
  CHECK(test.events.log == "DATA=354 !the text is refused half-way: 552 too big");
}

TEST_CASE("DATA that is refused gets one reply, however many recipients there are") {
  Fixture test(true);
  test.send_data("503 5.5.1 no valid recipients\r\n");
  CHECK(test.dialog.idle());
  CHECK(test.events.log == "DATA=503 ");
}

TEST_CASE("A second message on the connection is stuffed from its first octet") {
  Fixture test(true);
  for (int message = 0; message < 2; ++message) {
    test.send_data();
    test.dialog.send_text(".no line end", true);
    CHECK(test.dialog.take_output() == "..no line end\r\n.\r\n");
    CHECK(test.feed("250 ok\r\n"));
  }
}

TEST_CASE("DATA that is refused opens no text") {
  const std::string reply = GENERATE("554 no valid recipients\r\n", "250 what\r\n", "421 bye\r\n");
  Fixture test(true);
  test.send_data(reply);
  CHECK_FALSE(test.dialog.in_text());
  CHECK(test.dialog.idle());
}

TEST_CASE("What answers nothing is nonsense, and ends the dialog") {
  Fixture idle(true);
  CHECK_FALSE(idle.feed("421 4.4.2 idle too long\r\n"));
  CHECK(idle.events.log.starts_with("!"));
  CHECK_FALSE(idle.feed("250 ok\r\n"));
  CHECK(idle.events.log.find("250") == std::string::npos);  // no event after it

  Fixture twice(true);
  twice.dialog.send(Step::Rset, "RSET");
  twice.dialog.take_output();
  CHECK_FALSE(twice.feed("250 ok\r\n250 forged\r\n"));
  CHECK(twice.events.log.starts_with("RSET=250 !"));
}

TEST_CASE("A reply that comes before its command left was not made for it") {
  Fixture test(false);
  test.dialog.send(Step::Mail, "MAIL FROM:<>");
  test.dialog.send(Step::Rcpt, "RCPT TO:<a@b>");
  test.dialog.take_output();
  CHECK_FALSE(test.feed("250 ok\r\n250 forged\r\n"));
  CHECK(test.events.log.starts_with("MAIL=250 !"));
}

TEST_CASE("A reply in the middle of the text is no verdict on it") {
  Fixture test(true);
  test.send_data();
  test.dialog.send_text("a\r\n", false);
  test.dialog.take_output();
  CHECK_FALSE(test.feed("250 taken\r\n"));
  CHECK(test.events.log.starts_with("DATA=354 !"));
}

TEST_CASE("A refusal in the middle of the text is heard, in pieces or whole") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 1000);
  Fixture test(true);
  test.send_data();
  test.dialog.send_text("a\r\n", false);
  test.dialog.take_output();
  const std::string_view refusal = "552-5.3.4 too\r\n552 5.3.4 big\r\n";
  bool living = true;
  for (size_t at = 0; at < refusal.size(); at += chunk)
    living = test.dialog.feed(refusal.substr(at, chunk));
  CHECK_FALSE(living);
  CHECK(test.events.log == "DATA=354 !the text is refused half-way: 552 too big");
}

TEST_CASE("A reply that began in the text is not the reply to its end") {
  Fixture test(true);
  test.send_data();
  CHECK(test.dialog.feed("250 2.0.0 qu"));
  test.dialog.send_text("a\r\n", true);
  test.dialog.take_output();
  CHECK_FALSE(test.feed("eued\r\n"));
  CHECK(test.events.log.starts_with("DATA=354 !"));
}

TEST_CASE("Nonsense from the parser ends the dialog") {
  Fixture test(true);
  test.dialog.send(Step::Mail, "MAIL FROM:<>");
  test.dialog.take_output();
  CHECK_FALSE(test.feed("what?\r\n"));
  CHECK(test.events.log == "!no reply code");
  CHECK_FALSE(test.feed("250 ok\r\n"));
  CHECK(test.events.log == "!no reply code");
}

TEST_CASE("A text that says nothing is an empty message") {
  Fixture test(true);
  test.send_data();
  test.dialog.send_text("", true);
  CHECK(test.dialog.take_output() == ".\r\n");
}

}  // namespace
}  // namespace ravelin::smtp
