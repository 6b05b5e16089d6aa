#include <catch2/catch.hpp>

#include "smtp/command.h"

namespace ravelin::smtp {
namespace {

using namespace std::string_view_literals;

constexpr Offered kAll{true, true, true, true, true};

// "=local|domain" of the sender, or the reply's code and enhanced code.
std::string sender(std::string_view argument, const Offered& offered = kAll) {
  const auto mail = parse_mail(argument, offered, SyntaxLimits());
  if (mail) return '=' + mail->from.local + '|' + mail->from.domain;
  const SyntaxError& error = mail.error();
  return std::to_string(error.code) + " 5." + std::to_string(error.subject) + '.' +
         std::to_string(error.detail);
}

struct Row {
  std::string_view argument;
  std::string_view want;
};

TEST_CASE("MAIL: addresses that are taken") {
  const auto row = GENERATE(values<Row>({
      {"FROM:<a@b.example>", "=a|b.example"},
      {"from:<a@B.Example>", "=a|b.example"},
      {"FROM: <a@b>", "=a|b"},
      {"FROM:<>", "=|"},
      {"FROM:<A.b+c=d%e!f@x>", "=A.b+c=d%e!f|x"},
      {"FROM:<a@[192.0.2.1]>", "=a|[192.0.2.1]"},
      {"FROM:<a@[IPv6:2001:DB8::1]>", "=a|[IPv6:2001:DB8::1]"},
      {"FROM:<@r,@[192.0.2.1]:a@b>", "=a|b"},
      {"FROM:<\"a\"@b>", "=a|b"},
      {"FROM:<\"a\\b\"@b>", "=ab|b"},
      {"FROM:<\"a b\"@b>", "=\"a b\"|b"},
      {"FROM:<\"a\\\"b\\\\\"@b>", "=\"a\\\"b\\\\\"|b"},
      {"FROM:<\"a@b\"@c>", "=\"a@b\"|c"},
      {"FROM:<\"a>b\"@c>", "=\"a>b\"|c"},
      {"FROM:<\"\"@c>", "=\"\"|c"},
      {"FROM:<`id`@x>", "=`id`|x"},
      {"FROM:<a.@b>", "=\"a.\"|b"},
      {"FROM:<.a@b>", "=\".a\"|b"},
      {"FROM:<a..b@c>", "=\"a..b\"|c"},
      {"FROM:<a@b_c>", "=a|b_c"},
      {"FROM:<a@_b.c>", "=a|_b.c"},
      {"FROM:<\xc3\xa9@x> SMTPUTF8", "=\xc3\xa9|x"},
      {"FROM:<a@\xc3\xa9.x> SMTPUTF8", "=a|\xc3\xa9.x"},
  }));
  CAPTURE(row.argument);
  CHECK(sender(row.argument) == row.want);
}

TEST_CASE("MAIL: addresses that are refused") {
  const auto row = GENERATE(values<Row>({
      {"", "501 5.5.4"},
      {"FROM", "501 5.5.4"},
      {"TO:<a@b>", "501 5.5.4"},
      {"FROM :<a@b>", "501 5.5.4"},
      {"FROM:", "501 5.1.7"},
      {"FROM:a@b", "501 5.1.7"},
      {"FROM:<a@b", "501 5.1.7"},
      {"FROM:<a>", "501 5.1.7"},
      {"FROM:<postmaster>", "501 5.1.7"},
      {"FROM:<@b>", "501 5.1.7"},
      {"FROM:<a@>", "501 5.1.7"},
      {"FROM:<a@b@c>", "501 5.1.7"},
      {"FROM:<a b@c>", "501 5.1.7"},
      {"FROM:<a@b..c>", "501 5.1.7"},
      {"FROM:<a@-b>", "501 5.1.7"},
      {"FROM:<a@b.>", "501 5.1.7"},
      {"FROM:<a@b:25>", "501 5.1.7"},
      {"FROM:<;sleep 9;>", "501 5.1.7"},
      {"FROM:<$(id)@x>", "501 5.1.7"},
      {"FROM:<\"a@b>", "501 5.1.7"},
      {"FROM:<\"a\"b@c>", "501 5.1.7"},
      {"FROM:<\"a\\", "501 5.1.7"},
      {"FROM:<\"a\tb\"@c>", "501 5.1.7"},
      {"FROM:<\"a\\\xc3\xa9\"@c> SMTPUTF8", "501 5.1.7"},
      {"FROM:<@r a@b>", "501 5.1.7"},
      {"FROM:<@r:>", "501 5.1.7"},
      {"FROM:<a@[192.0.2.256]>", "501 5.1.7"},
      {"FROM:<a@[192.0.2.1>", "501 5.1.7"},
      {"FROM:<a\0@b>"sv, "501 5.1.7"},
      {"FROM:<\xc3\xa9@x>", "553 5.6.7"},
      {"FROM:<a@\xc3\xa9.x>", "553 5.6.7"},
      {"FROM:<\xe9@x>", "553 5.1.7"},
      {"FROM:<\xc0\xaf@x> SMTPUTF8", "553 5.1.7"},
  }));
  CAPTURE(row.argument);
  CHECK(sender(row.argument) == row.want);
}

TEST_CASE("MAIL: addresses have bounds") {
  const std::string local(255, 'x');
  CHECK(sender("FROM:<" + local + "@b>") == '=' + local + "|b");
  CHECK(sender("FROM:<" + local + "x@b>") == "501 5.1.7");
  SyntaxLimits tight;
  tight.local_part = 2;
  CHECK(parse_mail("FROM:<\"a\\b\"@x>", kAll, tight));
  CHECK_FALSE(parse_mail("FROM:<abc@x>", kAll, tight));
}

TEST_CASE("MAIL: parameters that are refused") {
  const auto row = GENERATE(values<Row>({
      {"SIZE", "501 5.5.4"},
      {"SIZE=", "501 5.5.4"},
      {"SIZE=-1", "501 5.5.4"},
      {"SIZE=+1", "501 5.5.4"},
      {"SIZE=1x", "501 5.5.4"},
      {"SIZE=18446744073709551616", "501 5.5.4"},
      {"SIZE=000000000000000000001", "501 5.5.4"},
      {"SIZE=1 SIZE=2", "501 5.5.4"},
      {"SIZE=1 size=1", "501 5.5.4"},
      {"BODY", "501 5.5.4"},
      {"BODY=BINARYMIME", "501 5.5.4"},
      {"SMTPUTF8=yes", "501 5.5.4"},
      {"REQUIRETLS=", "501 5.5.4"},
      {"RET=BODY", "501 5.5.4"},
      {"ENVID=", "501 5.5.4"},
      {"ENVID=a+0D+0Ab", "501 5.5.4"},
      {"ENVID=a+0", "501 5.5.4"},
      {"ENVID=a+7F", "501 5.5.4"},
      {"ENVID=a+2b", "501 5.5.4"},
      {"ENVID=a+80", "501 5.5.4"},
      {"ENVID=a=b", "501 5.5.4"},
      {"=x", "501 5.5.4"},
      {"-A", "501 5.5.4"},
      {"A_B", "501 5.5.4"},
      {"SIZE=1\tBODY=7BIT", "501 5.5.4"},
      {"AUTH=<>", "555 5.5.4"},
      {"XFOO", "555 5.5.4"},
      {"XFOO=bar", "555 5.5.4"},
      {"NOTIFY=NEVER", "555 5.5.4"},
      {"HOLDFOR=5", "555 5.5.4"},
  }));
  CAPTURE(row.argument);
  CHECK(sender("FROM:<a@b> " + std::string(row.argument)) == row.want);
}

TEST_CASE("MAIL: text that does not belong there") {
  CHECK(sender("FROM:<a@b>SIZE=1") == "501 5.5.4");
  CHECK(sender("FROM:<a@b>x") == "501 5.5.4");
  CHECK(sender("FROM:<a@b>  SIZE=1") == "=a|b");
  CHECK(sender("FROM:<a@b> ENVID=" + std::string(100, 'x')) == "=a|b");
  CHECK(sender("FROM:<a@b> ENVID=" + std::string(101, 'x')) == "501 5.5.4");
  SyntaxLimits tight;
  tight.params = 1;
  CHECK(parse_mail("FROM:<a@b> SIZE=1", kAll, tight));
  CHECK_FALSE(parse_mail("FROM:<a@b> SIZE=1 BODY=7BIT", kAll, tight));
}

TEST_CASE("MAIL: what was not offered is not taken") {
  const std::string param =
      GENERATE("SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=FULL", "ENVID=x", "REQUIRETLS");
  CAPTURE(param);
  CHECK(sender("FROM:<a@b> " + param) == "=a|b");
  CHECK(sender("FROM:<a@b> " + param, Offered{}) == "555 5.5.4");
}

TEST_CASE("MAIL: what goes to the backend is rebuilt, in one spelling and order") {
  const auto mail = parse_mail(
      "from: <@route:\"a\"@B> envid=x+2By  requiretls smtputf8 ret=hdrs body=8bitmime size=007",
      kAll, SyntaxLimits());
  REQUIRE(mail);
  CHECK(mail_line(*mail, kAll) ==
        "MAIL FROM:<a@b> SIZE=7 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID=x+2By");
  CHECK(mail_line(*mail, Offered{}) == "MAIL FROM:<a@b>");

  const auto largest = parse_mail("FROM:<> SIZE=18446744073709551615", kAll, SyntaxLimits());
  CHECK(mail_line(*largest, kAll) == "MAIL FROM:<> SIZE=18446744073709551615");
  const auto seven = parse_mail("FROM:<> BODY=7BIT RET=FULL", kAll, SyntaxLimits());
  CHECK(mail_line(*seven, kAll) == "MAIL FROM:<> BODY=7BIT RET=FULL");
}

TEST_CASE("MAIL: what a backend must offer") {
  const auto needs = [](std::string_view params, const Offered& backend) {
    const auto mail = parse_mail("FROM:<a@b>" + std::string(params), kAll, SyntaxLimits());
    return needs_more_than(*mail, backend);
  };
  CHECK_FALSE(needs(" SIZE=1 BODY=7BIT", Offered{}));
  CHECK(needs(" BODY=8BITMIME", Offered{true, false, true, true}));
  CHECK(needs(" SMTPUTF8", Offered{true, true, false, true}));
  CHECK(needs(" REQUIRETLS", Offered{true, true, true, true, false}));
  CHECK(needs(" RET=FULL", Offered{true, true, true, false}));
  CHECK(needs(" ENVID=x", Offered{true, true, true, false}));
  CHECK_FALSE(needs(" BODY=8BITMIME SMTPUTF8 RET=FULL", kAll));
}

}  // namespace
}  // namespace ravelin::smtp
