#include "proxy/backend/fault_table.h"

#include <catch2/catch.hpp>

namespace ravelin::proxy {
namespace {

using smtp::Enhanced;
using smtp::Reply;
using smtp::Step;

struct Row {
  const char* name;
  Step step;
  Reply reply;
  Judgement want;
};

const Judgement kAgreed{};
const Judgement kLater{.fault = Fault::Later};
const Judgement kUser{.fault = Fault::User};
const Judgement kUserUnknown{.fault = Fault::User, .unknown = true};
const Judgement kNoSuchUser{.fault = Fault::User, .unknown = true, .cacheable = true};
const Judgement kBusy{.fault = Fault::Busy, .discard = true};
const Judgement kOurs{.fault = Fault::Ours, .alarm = true, .discard = true};
const Judgement kOursKept{.fault = Fault::Ours, .alarm = true};

std::vector<Row> rows() {
  return {
      {"banner", Step::Banner, {220, "hello"}, kAgreed},
      {"banner full", Step::Banner, {421, {7, 0}, "too many"}, kBusy},
      {"banner 4xx", Step::Banner, {451, "later"}, kBusy},
      {"banner 5xx", Step::Banner, {554, "no"}, kOurs},
      {"banner 3xx", Step::Banner, {354, "what"}, kOurs},
      {"ehlo 4xx", Step::Ehlo, {450, "no"}, kOurs},
      {"ehlo 5xx", Step::Ehlo, {550, "no"}, kOurs},
      {"rset refused", Step::Rset, {500, "no"}, kOurs},
      {"421 anywhere", Step::Rcpt, {421, {4, 2}, "bye"}, kBusy},
      {"xforward refused", Step::Xforward, {550, {7, 0}, "not you"}, {.alarm = true}},
      {"mail", Step::Mail, {250, {1, 0}, "ok"}, kAgreed},
      {"mail 4xx", Step::Mail, {451, {3, 0}, "later"}, kLater},
      {"mail too many", Step::Mail, {452, {5, 3}, "too many"}, kBusy},
      {"mail too big", Step::Mail, {552, {3, 4}, "too big"}, kUser},
      {"mail bad sender", Step::Mail, {550, {1, 0}, "no"}, kUser},
      {"mail bad sender syntax", Step::Mail, {553, {1, 7}, "no"}, kUser},
      {"mail sender domain", Step::Mail, {550, {1, 8}, "no"}, kUser},
      {"mail utf8", Step::Mail, {553, {6, 7}, "no"}, kUser},
      {"mail for another reason", Step::Mail, {550, {7, 1}, "policy"}, kOursKept},
      {"mail bare", Step::Mail, {550, "no"}, kOursKept},
      {"mail syntax", Step::Mail, {501, {5, 4}, "what"}, kOurs},
      {"mail wants auth", Step::Mail, {530, {7, 0}, "authenticate"}, kOurs},
      {"mail 354", Step::Mail, {354, "what"}, kOurs},
      {"rcpt", Step::Rcpt, {250, {1, 5}, "ok"}, kAgreed},
      {"rcpt cannot verify", Step::Rcpt, {252, {1, 5}, "maybe"}, kAgreed},
      {"rcpt over quota for now", Step::Rcpt, {452, {2, 2}, "full"}, kLater},
      {"rcpt greylisted", Step::Rcpt, {450, {2, 0}, "greylisted"}, kLater},
      {"rcpt too many", Step::Rcpt, {452, {5, 3}, "x"}, kBusy},
      {"rcpt too many in words", Step::Rcpt, {452, "Too many recipients"}, kBusy},
      {"no such user", Step::Rcpt, {550, {1, 1}, "User unknown"}, kNoSuchUser},
      {"bad mailbox syntax", Step::Rcpt, {553, {1, 3}, "x"}, kNoSuchUser},
      {"moved", Step::Rcpt, {551, {1, 6}, "x"}, kNoSuchUser},
      {"null mx", Step::Rcpt, {556, {1, 10}, "x"}, kNoSuchUser},
      {"disabled", Step::Rcpt, {550, {2, 1}, "x"}, kNoSuchUser},
      {"route's own code", Step::Rcpt, {550, {4, 1}, "x"}, kNoSuchUser},
      {"bare 550", Step::Rcpt, {550, "no"}, kUserUnknown},
      {"bare 551", Step::Rcpt, {551, "no"}, kUserUnknown},
      {"bare 553", Step::Rcpt, {553, "no"}, kUserUnknown},
      {"bare 552", Step::Rcpt, {552, "full"}, kUser},
      {"full for good", Step::Rcpt, {552, {2, 2}, "full"}, kUser},
      {"policy of the user", Step::Rcpt, {550, {7, 1}, "not from you"}, kUser},
      {"relay denied", Step::Rcpt, {554, {7, 1}, "<x@y>: Relay access denied"}, kOurs},
      {"unable to relay", Step::Rcpt, {550, {7, 54}, "SMTP; Unable to relay"}, kOurs},
      {"spf", Step::Rcpt, {550, {7, 23}, "SPF fail"}, kOurs},
      {"ptr", Step::Rcpt, {550, {7, 25}, "no PTR"}, kOurs},
      {"block list", Step::Rcpt, {554, {7, 1}, "Client host blocked using zen"}, kOurs},
      {"our address", Step::Rcpt, {550, {7, 1}, "rejected [192.0.2.25]"}, kOurs},
      {"like our address", Step::Rcpt, {550, {7, 1}, "rejected 192.0.2.250"}, kUser},
      {"our name", Step::Rcpt, {550, {7, 1}, "<MX.example.net>: Helo command rejected: no"}, kOurs},
      {"our name at the end", Step::Mail, {550, {1, 8}, "EHLO as mx.example.net."}, kOurs},
      {"a name like ours", Step::Rcpt, {550, {7, 1}, "<x.mx.example.net>: Helo rejected"}, kUser},
      {"our name, and not as HELO", Step::Rcpt, {550, {7, 1}, "mx.example.net: no"}, kUser},
      {"our address as told at EHLO", Step::Rcpt, {550, {7, 1}, "go away, 2001:db8::9"}, kOurs},
      {"too many recipients as RFC 821 says it", Step::Rcpt, {552, {5, 3}, "Too many"}, kBusy},
      {"likewise, bare", Step::Rcpt, {552, "Too many recipients"}, kBusy},
      {"command error", Step::Rcpt, {503, {5, 1}, "need MAIL"}, kOurs},
      {"bare command error", Step::Rcpt, {503, "need MAIL"}, kOurs},
      {"354 to rcpt", Step::Rcpt, {354, "what"}, kOurs},
      {"data", Step::Data, {354, "go"}, kAgreed},
      {"250 where 354 is due", Step::Data, {250, "ok"}, kOurs},
      {"3xx but not 354", Step::Data, {334, "what"}, kOurs},
      {"data 4xx", Step::Data, {451, {3, 0}, "later"}, kLater},
      {"data 452", Step::Data, {452, {3, 1}, "disk full"}, kLater},
      {"data refused", Step::Data, {554, {7, 1}, "no"}, kUser},
      {"data without recipients", Step::Data, {554, {5, 1}, "no valid recipients"}, kOurs},
      {"dot", Step::Dot, {250, {0, 0}, "queued"}, kAgreed},
      {"354 to the dot", Step::Dot, {354, "more"}, kOurs},
      {"dot 4xx", Step::Dot, {451, {7, 1}, "later"}, kLater},
      {"dot spam", Step::Dot, {550, {7, 1}, "spam"}, kUser},
      {"dot 421", Step::Dot, {421, {3, 2}, "shutting down"}, kBusy},
  };
}

}  // namespace

TEST_CASE("each row of the table of faults") {
  const std::vector<std::string> codes{"5.4.1"};
  const std::vector<dns::IpAddress> own{*dns::IpAddress::parse("192.0.2.25")};
  const auto seen_as = *dns::IpAddress::parse("2001:db8::9");
  JudgeContext context{true, codes, own, &seen_as};
  context.hostname = "mx.Example.net";
  for (const auto& row : rows()) {
    CAPTURE(row.name);
    const auto got = judge(row.step, row.reply, context);
    CHECK(got.fault == row.want.fault);
    CHECK(got == row.want);
  }
}

TEST_CASE("a backend that knows the client means the client's address") {
  JudgeContext context{false, {}, {}, nullptr};
  context.hostname = "mx.example.net";
  CHECK(
      judge(Step::Rcpt, {550, {7, 1}, "<mx.example.net>: Helo command rejected"}, context).fault ==
      Fault::User);
  CHECK(judge(Step::Rcpt, {550, {7, 23}, "SPF fail"}, context).fault == Fault::User);
  CHECK(judge(Step::Rcpt, {554, {7, 1}, "blocked using zen"}, context).fault == Fault::User);
  CHECK(judge(Step::Rcpt, {550, {4, 1}, "x"}, context) == Judgement{.fault = Fault::User});
}

TEST_CASE("what the client said is not what the backend says") {
  const std::vector<dns::IpAddress> own{*dns::IpAddress::parse("192.0.2.25")};
  JudgeContext context{.own_addresses = own};
  context.sender = "Relay-Denied@192.0.2.25.example";
  context.recipient = "192.0.2.25@example.com";
  const Reply both(550, {1, 1}, "<192.0.2.25@example.com>: no, <relay-denied@192.0.2.25.example>");
  CHECK(judge(Step::Rcpt, both, context) == kNoSuchUser);
  CHECK(judge(Step::Rcpt, {550, {1, 1}, "<192.0.2.25@example.com>: not from 192.0.2.25"}, context)
            .fault == Fault::Ours);
  CHECK(judge(Step::Rcpt, {554, {7, 1}, "<192.0.2.25@example.com>: Relay access denied"}, context)
            .fault == Fault::Ours);
}

TEST_CASE("an address is found as a whole, in any dress") {
  const auto v4 = *dns::IpAddress::parse("192.0.2.1");
  const auto v6 = *dns::IpAddress::parse("2001:db8::1");
  CHECK(names_address("host [192.0.2.1] is bad", v4));
  CHECK(names_address("192.0.2.1.", v4));
  CHECK_FALSE(names_address("192.0.2.10", v4));
  CHECK_FALSE(names_address("1192.0.2.1", v4));
  CHECK_FALSE(names_address("192.0.2.1.5", v4));
  CHECK(names_address("[ipv6:2001:db8::1]", v6));
  CHECK_FALSE(names_address("2001:db8::12", v6));
}

}  // namespace ravelin::proxy
