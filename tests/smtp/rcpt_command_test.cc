#include <catch2/catch.hpp>

#include "smtp/command.h"

namespace ravelin::smtp {
namespace {

constexpr Offered kAll{true, true, true, true, true};

std::string recipient(std::string_view argument, bool smtputf8 = false,
                      const Offered& offered = kAll) {
  const auto rcpt = parse_rcpt(argument, offered, smtputf8, SyntaxLimits());
  if (rcpt) return '=' + rcpt->to.local + '|' + rcpt->to.domain;
  const SyntaxError& error = rcpt.error();
  return std::to_string(error.code) + " 5." + std::to_string(error.subject) + '.' +
         std::to_string(error.detail);
}

struct Row {
  std::string_view argument;
  std::string_view want;
};

TEST_CASE("RCPT: the forward-path") {
  const auto row = GENERATE(values<Row>({
      {"TO:<a@b.example>", "=a|b.example"},
      {"to: <a@B>", "=a|b"},
      {"TO:<postmaster>", "=postmaster|"},
      {"TO:<PostMaster>", "=postmaster|"},
      {"TO:<PostMaster@X>", "=PostMaster|x"},
      {"TO:<@a,@b:u@c>", "=u|c"},
      {"TO:<u@[192.0.2.1]>", "=u|[192.0.2.1]"},
      {"TO:<u..v@b>", "=\"u..v\"|b"},
      {"TO:<u%o.@local>", "553 5.1.3"},

      {"FROM:<a@b>", "501 5.5.4"},
      {"TO:<>", "501 5.1.3"},
      {"TO:a@b", "501 5.1.3"},
      {"TO:<a>", "501 5.1.3"},
      {"TO:<postmaster", "501 5.1.3"},
      {"TO:<a@b>,<c@d>", "501 5.5.4"},
      {"TO:<u@o@local>", "501 5.1.3"},
      {"TO:<u%o@local>", "553 5.1.3"},
      {"TO:<o!u@local>", "553 5.1.3"},
      {"TO:<\"u@o\"@local>", "553 5.1.3"},
      {"TO:<\"u\\@o\"@local>", "553 5.1.3"},
      {"TO:<\"u%o\"@local>", "553 5.1.3"},
      {"TO:<@r:u%o@local>", "553 5.1.3"},
      {"TO:<\xc3\xa9@x>", "553 5.6.7"},
  }));
  CAPTURE(row.argument);
  CHECK(recipient(row.argument) == row.want);
}

TEST_CASE("RCPT: UTF-8 where the transaction has it") {
  CHECK(recipient("TO:<\xc3\xa9@x>", true) == "=\xc3\xa9|x");
  CHECK(recipient("TO:<\xed\xa0\x80@x>", true) == "553 5.1.3");
}

TEST_CASE("RCPT: NOTIFY") {
  const auto notify = [](std::string_view value) {
    const auto rcpt =
        parse_rcpt("TO:<a@b> NOTIFY=" + std::string(value), kAll, false, SyntaxLimits());
    return rcpt ? rcpt->notify : 255;
  };
  using R = RcptCommand;
  CHECK(notify("NEVER") == R::kNever);
  CHECK(notify("success,DELAY") == (R::kSuccess | R::kDelay));
  CHECK(notify("FAILURE") == R::kFailure);
  for (const auto bad : {"", "NEVER,FAILURE", "FAILURE,NEVER", "x", "FAILURE,", ",FAILURE"}) {
    CAPTURE(bad);
    CHECK(notify(bad) == 255);
  }
}

TEST_CASE("RCPT: ORCPT") {
  const auto orcpt = [](std::string_view value, bool smtputf8 = false) {
    const auto rcpt =
        parse_rcpt("TO:<a@b> ORCPT=" + std::string(value), kAll, smtputf8, SyntaxLimits());
    return rcpt ? rcpt->orcpt : "refused";
  };
  CHECK(orcpt("rfc822;a@b") == "rfc822;a@b");
  CHECK(orcpt("RFC822;a+2Bc@b") == "rfc822;a+2Bc@b");
  CHECK(orcpt("X400;/G+3DJ/") == "x400;/G+3DJ/");
  CHECK(orcpt("unknown;a") == "unknown;a");
  CHECK(orcpt("utf-8;a\\x{E9}@b") == "utf-8;a\\x{E9}@b");
  CHECK(orcpt("utf-8;\xc3\xa9@b", true) == "utf-8;\xc3\xa9@b");
  CHECK(orcpt("utf-8;\xc3\xa9@b") == "refused");
  CHECK(orcpt("rfc822;\xc3\xa9@b", true) == "refused");
  CHECK(orcpt("utf-8;\xe9@b", true) == "refused");
  for (const auto bad :
       {"", "rfc822", "rfc822;", ";a@b", "x 400;a", "x\x01;a", "rfc822;a+0D+0AQUIT", "rfc822;a+00",
        "rfc822;a+", "rfc822;a+4", "rfc822;a=b"}) {
    CAPTURE(bad);
    CHECK(orcpt(bad) == "refused");
  }
  CHECK(orcpt("rfc822;" + std::string(493, 'x')) == "rfc822;" + std::string(493, 'x'));
  CHECK(orcpt("rfc822;" + std::string(494, 'x')) == "refused");
}

TEST_CASE("RCPT: parameters") {
  CHECK(recipient("TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER") == "501 5.5.4");
  CHECK(recipient("TO:<a@b> ORCPT=rfc822;a ORCPT=rfc822;a") == "501 5.5.4");
  CHECK(recipient("TO:<a@b> SIZE=1") == "555 5.5.4");
  CHECK(recipient("TO:<a@b> NOTIFY=NEVER", false, Offered{true, true, true, false}) == "555 5.5.4");
}

TEST_CASE("RCPT: what goes to the backend is rebuilt") {
  const auto rcpt = parse_rcpt("to:<@r:\"a\"@B> orcpt=RFC822;x@y notify=delay,success", kAll, false,
                               SyntaxLimits());
  REQUIRE(rcpt);
  CHECK(rcpt_line(*rcpt, kAll) == "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y");
  CHECK(rcpt_line(*rcpt, Offered{}) == "RCPT TO:<a@b>");
  const auto never = parse_rcpt("TO:<a@b> NOTIFY=NEVER", kAll, false, SyntaxLimits());
  CHECK(rcpt_line(*never, kAll) == "RCPT TO:<a@b> NOTIFY=NEVER");
}

}  // namespace
}  // namespace ravelin::smtp
