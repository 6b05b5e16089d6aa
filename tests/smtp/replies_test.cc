#include "smtp/replies.h"

#include <catch2/catch.hpp>
#include <string>

namespace ravelin::smtp {
namespace {

struct Row {
  const Reply& (*reply)();
  int code;
  std::string_view status;
};

TEST_CASE("Constant replies have the codes that senders act on") {
  using namespace replies;
  const auto row = GENERATE(values<Row>({
      {ok, 250, "2.0.0"},
      {sender_ok, 250, "2.1.0"},
      {recipient_ok, 250, "2.1.5"},
      {start_mail, 354, ""},
      {vrfy, 252, "2.5.0"},
      {help, 214, "2.0.0"},
      {unknown_command, 500, "5.5.2"},
      {no_argument, 501, "5.5.4"},
      {helo_first, 503, "5.5.1"},
      {mail_first, 503, "5.5.1"},
      {rcpt_first, 503, "5.5.1"},
      {nested_mail, 503, "5.5.1"},
      {no_valid_recipients, 554, "5.5.1"},
      {not_offered, 502, "5.5.1"},
      {not_authorized, 550, "5.7.0"},
      {garbage, 500, "5.5.2"},
      {bdat_not_offered, 503, "5.5.1"},
      {bare_line_end, 500, "5.5.2"},
      {nul_in_command, 500, "5.5.2"},
      {line_too_long, 500, "5.5.2"},
      {no_place, 421, "4.7.0"},
      {too_many_errors, 421, "4.7.0"},
      {too_many_junk, 421, "4.7.0"},
      {timeout, 421, "4.4.2"},
      {too_slow, 421, "4.4.2"},
      {shutting_down, 421, "4.3.2"},
      {ended, 421, "4.3.2"},
      {no_memory_closing, 421, "4.3.0"},
      {early_talker, 554, "5.5.1"},
      {access_denied, 554, "5.7.1"},
      {relay_denied, 554, "5.7.1"},
      {too_many_recipients, 452, "4.5.3"},
      {null_sender_one_recipient, 452, "4.5.3"},
      {size_exceeded, 552, "5.3.4"},
      {trouble, 451, "4.3.0"},
      {no_memory, 452, "4.3.1"},
      {backend_unreachable, 451, "4.4.1"},
      {backend_lost, 451, "4.4.2"},
      {backend_busy, 451, "4.4.5"},
      {backend_confused, 451, "4.3.5"},
      {backend_lacks, 451, "4.3.3"},
      {answer_changed, 451, "4.3.0"},
      {breaker_open, 451, "4.3.0"},
      {other_backend, 452, "4.5.3"},
  }));
  const Reply& reply = row.reply();
  CAPTURE(reply.text());
  CHECK(reply.code == row.code);
  CHECK(reply.status() == row.status);
  CHECK(&row.reply() == &reply);  // built once
  CHECK_FALSE(reply.text().empty());
  CHECK(sanitise(reply.text()) == reply.text());
}

TEST_CASE("Greetings begin with our name and carry no enhanced code") {
  CHECK(to_wire(replies::greeting("mx.example")) == "220 mx.example ESMTP\r\n");
  CHECK(to_wire(replies::helo("mx.example")) == "250 mx.example\r\n");
  CHECK(to_wire(replies::bye("mx.example")) == "221 2.0.0 mx.example closing connection\r\n");
}

TEST_CASE("Every fault of a text has its reply") {
  const auto status = [](DataFault fault) {
    const Reply& reply = replies::bad_text(fault);
    return std::to_string(reply.code) + ' ' + reply.status();
  };
  CHECK(status(DataFault::BareCr) == "554 5.6.0");
  CHECK(status(DataFault::BareLf) == "554 5.6.0");
  CHECK(status(DataFault::Nul) == "554 5.6.0");
  CHECK(status(DataFault::LineTooLong) == "554 5.6.0");
  CHECK(status(DataFault::TooBig) == "552 5.3.4");
  CHECK(status(DataFault::TooManyHops) == "554 5.4.6");
}

TEST_CASE("Every fault of a command line has its reply") {
  CHECK(&replies::bad_line(LineStatus::BareCr) == &replies::bare_line_end());
  CHECK(&replies::bad_line(LineStatus::BareLf) == &replies::bare_line_end());
  CHECK(&replies::bad_line(LineStatus::Nul) == &replies::nul_in_command());
  CHECK(&replies::bad_line(LineStatus::TooLong) == &replies::line_too_long());
}

TEST_CASE("A syntax error brings its own codes") {
  CHECK(to_wire(replies::syntax({"Bad SIZE"})) == "501 5.5.4 Bad SIZE\r\n");
  CHECK(to_wire(replies::syntax({"No", 553, 1, 3})) == "553 5.1.3 No\r\n");
}

TEST_CASE("Greylisting says for how long, in words that log readers know") {
  CHECK(to_wire(replies::greylisted(std::chrono::seconds(240))) ==
        "451 4.7.1 Greylisted, try again in 240 seconds\r\n");
}

TEST_CASE("The id stands at the end of the last line and is never cut off") {
  const Reply unknown{550, Enhanced{1, 1}, "User unknown"};
  CHECK(to_wire(replies::with_id(unknown, "0653F2A91C07")) ==
        "550 5.1.1 User unknown (0653F2A91C07)\r\n");
  CHECK(replies::with_id(unknown, "") == unknown);
  CHECK(to_wire(replies::with_id({250, ""}, "A")) == "250 (A)\r\n");

  Reply two{451, "first"};
  two.lines.push_back("second");
  CHECK(to_wire(replies::with_id(two, "A")) == "451-first\r\n451 second (A)\r\n");

  const Reply longest{550, Enhanced{123, 123}, std::string(600, 'x')};
  const std::string wire = to_wire(replies::with_id(longest, "0653F2A91C07"));
  CHECK(wire.size() == 512);
  CHECK(wire.substr(wire.size() - 17) == " (0653F2A91C07)\r\n");
}

}  // namespace
}  // namespace ravelin::smtp
