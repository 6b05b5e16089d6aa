// Backends that speak LMTP: a greeting of their own, and a verdict for each recipient after the
// dot.
//                                                                                      RFC 2033
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using Kind = proxy::RecipientFate::Kind;

proxy::RouteSettings lmtp_route(uint32_t connections = 4) {
  auto route = route_to({"192.0.2.7:24"}, connections);
  route.protocol = proxy::BackendProtocol::Lmtp;
  return route;
}

struct LmtpHarness : Harness {
  explicit LmtpHarness(uint32_t connections = 4) : Harness({lmtp_route(connections)}) {
    backend.lmtp = true;
  }
  // A mail to all of |recipients|, which are accepted; what becomes of it.
  proxy::FinalAnswer send(const std::vector<std::string>& recipients) {
    auto mail = begin();
    for (const auto& recipient : recipients) CHECK(ask(*mail, recipient) == 250);
    deliver(*mail);
    REQUIRE(mail->events.final.size() == 1);
    return mail->events.final[0];
  }
  bool one_by_one(const std::string& from, const std::string& ip) const {
    auto& apart = const_cast<proxy::Backends&>(backends).one_by_one();
    return apart.holds(proxy::OneByOne::key_of(*dns::IpAddress::parse(ip), address(from)),
                       clock.boot());
  }
};

std::string kinds(const proxy::FinalAnswer& answer) {
  std::string text;
  for (const auto& fate : answer.fates) text += "sbd"[static_cast<size_t>(fate.kind)];
  return text;
}

const std::string kFull = "552 5.2.2 mailbox full\r\n";
const std::string kLater = "451 4.2.0 locked\r\n";

}  // namespace

TEST_CASE("an LMTP backend is greeted with LHLO, and with nothing else") {
  LmtpHarness mx;
  SECTION("it answers") {
    CHECK(mx.ask("x@example.com") == 250);
    CHECK(mx.backend.connections[0].commands[0] == "LHLO mx.example.net");
    CHECK(mx.backends.offered().eightbitmime);
  }
  SECTION("it is none") {
    mx.backend.lmtp = false;
    CHECK(mx.ask("x@example.com") == 451);
    for (const auto& command : mx.backend.all_commands()) {
      CHECK(command.find("HELO") == std::string::npos);
      CHECK(command.find("EHLO") == std::string::npos);
    }
    CHECK(mx.journal.has("(in reply to LHLO)"));
  }
}

TEST_CASE("LMTP in TLS is greeted with LHLO again") {
  auto route = lmtp_route();
  route.tls = proxy::BackendTls::Encrypt;
  Harness mx({route});
  mx.backend.lmtp = true;
  mx.backend.ehlo = "250-mail.internal\r\n250 STARTTLS\r\n";
  mx.backend.ehlo_in_tls = "250-mail.internal\r\n250 8BITMIME\r\n";
  mx.backend.replies["STARTTLS"] = "220 2.0.0 go\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  const auto& said = mx.backend.connections[0].commands;
  CHECK(said[0] == "LHLO mx.example.net");
  CHECK(said[2] == "LHLO mx.example.net");
  CHECK(mx.backends.offered().eightbitmime);
  CHECK(kinds(mail->events.final[0]) == "ss");
}

TEST_CASE("recipients are asked for at an LMTP backend as at any") {
  LmtpHarness mx;
  mx.backend.replies["RCPT TO:<nobody"] = "550 5.1.1 User doesn't exist\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  CHECK(mx.ask(*mail, "nobody@example.com") == 550);
  CHECK(mail->events.last().unknown);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.deliver(*mail, "..\r\n") == 250);
  CHECK(mx.backend.messages.size() == 1);
  CHECK(mx.backend.messages[0].envelope == std::vector<std::string>{"MAIL FROM:<a@client.example>",
                                                                    "RCPT TO:<x@example.com>",
                                                                    "RCPT TO:<y@example.com>"});
  CHECK(mx.backend.messages[0].text == "...\r\n");
  CHECK(mx.backends.snapshot()[0].messages == 1);
  CHECK(mx.backends.snapshot()[0].idle == 1);
  CHECK(mx.ask("z@example.com") == 250);  // on the same connection
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("verdicts are folded, however the octets come") {
  struct Row {
    std::vector<std::string> verdicts;
    int code;
    const char* status;
    const char* fates;
    bool apart;
    size_t taken;
  };
  const std::string yes = "250 2.0.0 saved\r\n", bye = "421 4.3.2 bye\r\n";
  const std::string ours = "503 5.5.1 what\r\n", other = "550-5.7.1 no\r\n550 5.7.1 spam\r\n";
  const auto row = GENERATE_COPY(values<Row>({{{yes}, 250, "2.0.0", "s", false, 1},
                                              {{kFull}, 552, "5.2.2", "b", false, 0},
                                              {{kLater}, 451, "4.2.0", "d", false, 0},
                                              {{yes, yes, yes}, 250, "2.0.0", "sss", false, 3},
                                              {{kFull, other}, 552, "5.2.2", "bb", false, 0},
                                              {{kLater, kLater}, 451, "4.2.0", "dd", false, 0},
                                              {{yes, kFull}, 554, "5.0.0", "sb", false, 1},
                                              {{kFull, yes, other}, 554, "5.0.0", "bsb", false, 1},
                                              {{yes, kLater}, 451, "4.2.0", "sd", true, 1},
                                              {{kLater, yes}, 451, "4.2.0", "ds", true, 1},
                                              {{kFull, kLater}, 451, "4.2.0", "bd", true, 0},
                                              {{yes, kFull, kLater}, 451, "4.2.0", "sbd", true, 1},
                                              {{yes, ours}, 451, "4.3.5", "sd", true, 1},
                                              {{yes, bye}, 451, "4.4.5", "sd", true, 1},
                                              {{ours, ours}, 451, "4.3.5", "dd", false, 0}}));
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 0);
  CAPTURE(row.fates, row.code, chunk);
  LmtpHarness mx;
  mx.backend.chunk = chunk;
  std::vector<std::string> recipients;
  for (const auto& verdict : row.verdicts) {
    recipients.push_back("r" + std::to_string(recipients.size()) + "@example.com");
    mx.backend.verdicts[recipients.back()] = verdict;
  }
  const auto answer = mx.send(recipients);
  CHECK(answer.reply.code == row.code);
  CHECK(answer.reply.status() == row.status);
  CHECK(kinds(answer) == row.fates);
  CHECK_FALSE(answer.maybe_delivered);
  CHECK(mx.one_by_one("a@client.example", "203.0.113.5") == row.apart);
  CHECK((mx.backend.messages.empty() ? 0 : mx.backend.messages[0].envelope.size() - 1) ==
        row.taken);
  CHECK(mx.backends.snapshot()[0].ties == 0);
  mx.backend.verdicts.clear();
  CHECK(mx.send({"next@example.com"}).reply.code == 250);
}

TEST_CASE("who failed is named to the client, cleanly and with bounds") {
  LmtpHarness mx;
  SECTION("each with its reason, and nothing of the backend") {
    mx.backend.verdicts["bob@example.com"] = kFull;
    mx.backend.verdicts["eve@example.com"] = "550 5.7.1 mail.internal says no\r\n";
    const auto answer = mx.send({"alice@example.com", "bob@example.com", "eve@example.com"});
    CHECK(answer.reply.lines ==
          std::vector<std::string>{
              "Not delivered to all recipients:", "<bob@example.com> 552 5.2.2 mailbox full",
              "<eve@example.com> 550 5.7.1 Refused by the mail server"});
    CHECK(answer.said ==
          "host 192.0.2.7[192.0.2.7] said: <bob@example.com> 552 5.2.2 mailbox full; "
          "<eve@example.com> 550 5.7.1 mail.internal says no (in reply to end of DATA command)");
    CHECK(answer.fates[0].said == "250 2.0.0 <alice@example.com> saved");
    CHECK(answer.fates[1].status == "5.2.2");
    CHECK(answer.fates[1].said ==
          "host 192.0.2.7[192.0.2.7] said: 552 5.2.2 mailbox full (in reply to end of DATA "
          "command)");
  }
  SECTION("a hundred of them") {
    std::vector<std::string> recipients{"alice@example.com"};
    for (int i = 0; i < 100; ++i) {
      recipients.push_back(std::string(60, 'x') + std::to_string(i) + "@example.com");
      mx.backend.verdicts[recipients.back()] = "552 5.2.2 " + std::string(1000, 'y') + "\r\n";
    }
    const auto answer = mx.send(recipients);
    CHECK(answer.reply.lines.size() == 12);
    CHECK(answer.reply.lines.back() == "and to 90 more");
    CHECK(to_wire(answer.reply).size() < 12 * 512);
    CHECK(answer.said.size() < 12'000);
  }
  SECTION("a name beyond ASCII") {
    mx.backend.verdicts
        ["b\xc3\xb6"
         "b@example.com"] = kFull;
    const auto answer = mx.send({"alice@example.com",
                                 "b\xc3\xb6"
                                 "b@example.com"});
    CHECK(answer.reply.lines[1] == "<b??b@example.com> 552 5.2.2 mailbox full");
  }
  SECTION("a name that reads like our trouble") {
    mx.backend.verdicts["relay-denied@example.com"] =
        "552 5.2.2 <relay-denied@example.com> full\r\n";
    CHECK(mx.send({"alice@example.com", "relay-denied@example.com"}).reply.code == 554);
  }
}

TEST_CASE("a backend that is lost between its verdicts leaves a 451 and what is known") {
  LmtpHarness mx;
  mx.backend.verdicts["lost@example.com"] = "-";
  SECTION("after one") {
    const auto answer = mx.send({"alice@example.com", "lost@example.com", "eve@example.com"});
    CHECK(answer.reply.code == 451);
    CHECK(answer.maybe_delivered);
    CHECK(kinds(answer) == "sdd");
    CHECK(answer.fates[1].said == "host 192.0.2.7 closed the connection");
    CHECK(mx.one_by_one("a@client.example", "203.0.113.5"));
  }
  SECTION("before the first, as with SMTP") {
    const auto answer = mx.send({"lost@example.com", "alice@example.com"});
    CHECK(answer.reply.code == 451);
    CHECK(answer.maybe_delivered);
    CHECK(answer.fates.empty());
    CHECK_FALSE(mx.one_by_one("a@client.example", "203.0.113.5"));
  }
}

TEST_CASE("the verdicts are waited for, all of them up to the limit") {
  LmtpHarness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.ask(*mail, "y@example.com");
  mx.backend.verdicts["x@example.com"] = mx.backend.verdicts["y@example.com"] = "";
  CHECK(mx.deliver(*mail) == 0);
  mx.advance(8min);
  mx.backend.send(0, "250 2.0.0 first\r\n");
  mx.run();
  mx.advance(1min - 1s);
  CHECK(mail->events.final.empty());
  SECTION("the last comes in time") {
    mx.backend.send(0, "250 2.0.0 at l");
    mx.run();
    mx.backend.send(0, "ast\r\n");
    mx.run();
    REQUIRE(mail->events.final.size() == 1);
    CHECK(mail->events.final[0].reply.code == 250);
    CHECK(kinds(mail->events.final[0]) == "ss");
  }
  SECTION("it does not") {
    mx.advance(1s);
    REQUIRE(mail->events.final.size() == 1);
    CHECK(mail->events.final[0].reply.code == 451);
    CHECK(kinds(mail->events.final[0]) == "sd");
    CHECK(mail->events.final[0].maybe_delivered);
    CHECK(mx.backend.open() == 0);
  }
}

TEST_CASE("one verdict too many is no answer, and the next mail is fine") {
  LmtpHarness mx;
  mx.backend.verdicts["x@example.com"] = "250 2.0.0 x\r\n250 2.0.0 forged\r\n";
  CHECK(mx.send({"x@example.com"}).reply.code == 250);
  CHECK(mx.backend.open() == 0);
  mx.backend.verdicts.clear();
  CHECK(mx.send({"x@example.com"}).reply.code == 250);
}

TEST_CASE("an LMTP backend that refuses before or in the text says it once for all") {
  LmtpHarness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.ask(*mail, "y@example.com");
  SECTION("at DATA") {
    mx.backend.once = {"DATA", "554 5.7.1 no\r\n"};
    CHECK(mx.deliver(*mail) == 554);
    CHECK(mail->events.final.empty());
  }
  SECTION("in the text") {
    mail->transaction->start_data();
    mx.run();
    mail->transaction->write("Subject: x\r\n");
    mx.backend.send(0, "552 5.3.4 too big\r\n");
    mx.run();
    REQUIRE(mail->events.final.size() == 1);
    CHECK(mail->events.final[0].reply.code == 552);
    CHECK(mail->events.final[0].fates.empty());
  }
  CHECK_FALSE(mx.one_by_one("a@client.example", "203.0.113.5"));
  CHECK(mx.send({"z@example.com"}).reply.code == 250);
}

TEST_CASE("at a replay every recipient is in its place again") {
  LmtpHarness mx(1);  // with one connection nothing is tied
  mx.backend.verdicts["y@example.com"] = kFull;
  const auto answer = mx.send({"x@example.com", "y@example.com", "z@example.com"});
  CHECK(mx.backends.snapshot()[0].replays == 1);
  CHECK(answer.reply.code == 554);
  CHECK(kinds(answer) == "sbs");
}

TEST_CASE("after a split verdict a sender is served one recipient at a time for five days") {
  LmtpHarness mx;
  mx.backend.verdicts["y@example.com"] = kLater;
  CHECK(mx.send({"x@example.com", "y@example.com"}).reply.code == 451);

  auto again = mx.begin();
  CHECK(mx.ask(*again, "x@example.com") == 250);
  CHECK(mx.ask(*again, "y@example.com") == 452);
  CHECK(again->events.last().source == proxy::AnswerSource::Full);
  CHECK(again->events.last().reply.status() == "4.5.3");
  CHECK(mx.deliver(*again) == 250);  // the one duplicate

  auto rest = mx.begin();
  mx.backend.verdicts.clear();
  CHECK(mx.ask(*rest, "y@example.com") == 250);
  CHECK(mx.deliver(*rest) == 250);
  CHECK(mx.backend.messages.size() == 3);

  // Others are not concerned: another sender, another client. The same /64 is the same client.
  auto sender = mx.begin("b@client.example");
  CHECK(mx.ask(*sender, "x@example.com") == 250);
  CHECK(mx.ask(*sender, "y@example.com") == 250);
  auto elsewhere = mx.begin("a@client.example", client("203.0.113.6"));
  CHECK(mx.ask(*elsewhere, "x@example.com") == 250);
  CHECK(mx.ask(*elsewhere, "y@example.com") == 250);

  mx.advance(5 * 24h - 1s);
  auto late = mx.begin();
  CHECK(mx.ask(*late, "x@example.com") == 250);
  CHECK(mx.ask(*late, "y@example.com") == 452);
  late = nullptr;
  mx.advance(1s);
  auto free = mx.begin();
  CHECK(mx.ask(*free, "x@example.com") == 250);
  CHECK(mx.ask(*free, "y@example.com") == 250);
}

TEST_CASE("the list of those that are served one by one is bounded and forgets the oldest") {
  proxy::OneByOne apart(3);
  const auto at = [](int hours) { return dns::Time(std::chrono::hours(hours)); };
  for (uint64_t key = 1; key <= 4; ++key) apart.add(key, at(static_cast<int>(key)));
  CHECK(apart.size() == 3);
  CHECK_FALSE(apart.holds(1, at(4)));
  CHECK(apart.holds(2, at(4)));
  CHECK_FALSE(apart.holds(2, at(2 + 120)));
  CHECK(apart.holds(4, at(2 + 120)));
  apart.add(2, at(100));  // once more: from then on
  CHECK(apart.size() == 3);
  CHECK(apart.holds(2, at(100 + 119)));
  const auto v6 = [](const char* text) { return *dns::IpAddress::parse(text); };
  CHECK(proxy::OneByOne::key_of(v6("2001:db8::1"), address("a@b.example")) ==
        proxy::OneByOne::key_of(v6("2001:db8::2"), address("A@b.example")));
  CHECK(proxy::OneByOne::key_of(v6("2001:db8::1"), address("a@b.example")) !=
        proxy::OneByOne::key_of(v6("2001:db8:0:1::1"), address("a@b.example")));
}

TEST_CASE("each fault of an LMTP backend at each step is a 4xx, and the next mail is fine") {
  const std::string step = GENERATE("LHLO", "MAIL", "RCPT", "DATA", "dot");
  const std::string fault =
      GENERATE(as<std::string>{}, "-", "421 4.3.2 going down\r\n", "451 4.3.0 later\r\n",
               "999 what\r\n", "\x01\xff\r\n", "450-cut\r\n251 mixed\r\n");
  const auto chunk = GENERATE(as<size_t>{}, 1, 0);
  CAPTURE(step, fault, chunk);
  LmtpHarness mx;
  mx.backend.chunk = chunk;
  if (step == "dot") {
    mx.backend.verdicts["x@example.com"] = mx.backend.verdicts["y@example.com"] = fault;
  } else if (step == "LHLO") {
    mx.backend.ehlo = fault;
  } else {
    mx.backend.replies[step] = fault;
  }
  auto mail = mx.begin();
  const int first = mx.ask(*mail, "x@example.com");
  if (first == 250) {
    mx.ask(*mail, "y@example.com");
    CHECK(mx.deliver(*mail) == 451);
  } else {
    CHECK(first == 451);
  }
  CHECK(mx.backend.messages.empty());
  mx.backend.verdicts.clear();
  mx.backend.replies = {{"DATA", "354 go on\r\n"}, {"QUIT", "221 2.0.0 bye\r\n"}};
  mx.backend.ehlo = "250 mail.internal\r\n";
  mail = nullptr;
  mx.advance(1min);  // a backend that does not greet is left alone for a while
  CHECK(mx.send({"x@example.com", "y@example.com"}).reply.code == 250);
}

}  // namespace ravelin::test
