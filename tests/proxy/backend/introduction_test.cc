// Connections that speak for one client: XCLIENT and PROXY towards the backend.
#include "proxy/backend/introduction.h"

#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using proxy::ClientInfo;

proxy::RouteSettings introducing(ClientInfo how, uint32_t connections) {
  auto route = route_to({"192.0.2.7:25"}, connections);
  route.client_info = how;
  return route;
}

// A backend that takes who we name, by |how|.
struct Bench : Harness {
  explicit Bench(ClientInfo how, uint32_t connections = 4)
      : Harness({introducing(how, connections)}) {
    backend.proxy_headers = how == ClientInfo::ProxyV2;
    if (how == ClientInfo::Xclient) backend.offer_xclient();
  }
  Bench(const Bench&) = delete;

  // Whom connection |i| speaks for; "" for ourselves.
  std::string named(size_t i) const {
    const auto& connection = backend.connections.at(i);
    if (connection.header)
      return connection.header->client ? connection.header->client->to_string() : "";
    for (const auto& command : connection.commands)
      if (command.starts_with("XCLIENT")) return command;
    return "";
  }
  // Everything on connection |i| from the first MAIL on.
  std::vector<std::string> mail(size_t i) const {
    auto all = backend.connections.at(i).commands;
    while (!all.empty() && !all.front().starts_with("MAIL")) all.erase(all.begin());
    return all;
  }
  size_t warnings(const std::string& words) const {
    size_t count = 0;
    for (const auto& line : journal.lines) count += line.find(words) != std::string::npos ? 1 : 0;
    return count;
  }
};

using Lines = std::vector<std::string>;

ClientInfo either() { return GENERATE(ClientInfo::Xclient, ClientInfo::ProxyV2); }

}  // namespace

TEST_CASE("XCLIENT names what the backend takes, the address last") {
  auto who = client();
  who.name = "mail.client.example";
  who.server = dns::Endpoint{*dns::IpAddress::parse("192.0.2.25"), 25};
  smtp::Capabilities offers;
  const auto lines = [&] { return proxy::xclient_lines(offers, who); };
  SECTION("without ADDR nothing") {
    offers.xclient = {"NAME", "HELO"};
    CHECK(lines().empty());
  }
  SECTION("all of Postfix's") {
    offers.xclient = {"NAME", "ADDR",         "PROTO",    "HELO",    "LOGIN",
                      "PORT", "REVERSE_NAME", "DESTADDR", "DESTPORT"};
    CHECK(lines() == Lines{"XCLIENT HELO=client.example PROTO=ESMTP PORT=4321 "
                           "DESTADDR=192.0.2.25 DESTPORT=25 NAME=mail.client.example "
                           "REVERSE_NAME=mail.client.example ADDR=203.0.113.5"});
  }
  SECTION("IPv6, a HELO that needs encoding, no name") {
    who = client("2001:db8::5");
    who.helo = "a+b=c";
    offers.xclient = {"NAME", "ADDR", "HELO", "DESTADDR"};
    CHECK(lines() == Lines{"XCLIENT HELO=a+2Bb+3Dc DESTADDR=[UNAVAILABLE] "
                           "NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::5"});
  }
  SECTION("a name that the DNS did not say") {
    who.name.clear();
    who.name_unsure = true;
    offers.xclient = {"NAME", "ADDR"};
    CHECK(lines() == Lines{"XCLIENT NAME=[TEMPUNAVAIL] ADDR=203.0.113.5"});
  }
  SECTION("two lines rather than one that is too long") {
    who.helo = std::string(255, '+');
    who.name = std::string(60, 'n') + ".example";
    offers.xclient = {"NAME", "ADDR", "HELO"};
    REQUIRE(lines().size() == 2);
    CHECK(lines()[0].starts_with("XCLIENT HELO="));
    CHECK(lines()[1].ends_with(" ADDR=203.0.113.5"));
  }
}

TEST_CASE("a header names both ends, in one family") {
  auto who = client();
  const auto read = [&] {
    return proxy::read_proxy_header(proxy::Introduction{true, who}.header());
  };
  CHECK(read().client->to_string() == "203.0.113.5:4321");
  who.server = dns::Endpoint{*dns::IpAddress::parse("2001:db8::25"), 25};
  CHECK(read().client->to_string() == "203.0.113.5:4321");
  who = client("2001:db8::5");
  CHECK(read().client->to_string() == "[2001:db8::5]:4321");
  const auto own = proxy::read_proxy_header(proxy::Introduction{true, {}}.header());
  CHECK(own.status == proxy::ProxyHeader::Status::Done);
  CHECK_FALSE(own.client);
  CHECK(proxy::Introduction{false, {}}.header().empty());
}

TEST_CASE("an accepted recipient is asked for again by name, and the mail goes there") {
  const auto how = either();
  Bench mx(how);
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  REQUIRE(mx.backend.connections.size() == 2);
  CHECK(mx.named(0).empty());
  CHECK(mx.named(1).find("203.0.113.5") != std::string::npos);
  CHECK(mx.backend.connections[0].commands.front() == "EHLO mx.example.net");
  const auto& said = mx.backend.connections[1].commands;
  if (how == ClientInfo::ProxyV2)
    CHECK(said.front() == "EHLO client.example");
  else
    CHECK(Lines(said.begin(), said.begin() + 3) ==
          Lines{"EHLO mx.example.net",
                "XCLIENT HELO=client.example PROTO=ESMTP PORT=4321 NAME=[UNAVAILABLE] "
                "ADDR=203.0.113.5",
                "EHLO client.example"});
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.messages.size() == 1);
  CHECK(mx.mail(1) ==
        Lines{"MAIL FROM:<a@client.example>", "RCPT TO:<x@example.com>", "DATA", ".", "QUIT"});
  mx.run();
  CHECK(mx.backend.open() == 1);  // the plain one, idle
  CHECK(mx.backends.snapshot()[0].idle == 1);
}

TEST_CASE("a refused recipient costs no connection of its own") {
  Bench mx(either());
  mx.backend.replies["RCPT"] = "550 5.1.1 User unknown\r\n";
  CHECK(mx.ask("x@example.com") == 550);
  CHECK(mx.ask("y@example.com") == 550);
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("one connection to a backend is enough") {
  Bench mx(either(), 1);
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  REQUIRE(mx.backend.messages.size() == 1);
  CHECK(mx.backend.messages[0].envelope == Lines{"MAIL FROM:<a@client.example>",
                                                 "RCPT TO:<x@example.com>",
                                                 "RCPT TO:<y@example.com>"});
  CHECK(mx.backends.snapshot()[0].replays == 1);
  for (size_t i = 0; i < mx.backend.connections.size(); ++i)
    if (mx.mail(i).size() > 3) CHECK_FALSE(mx.named(i).empty());
  mx.run();
  CHECK(mx.backends.snapshot()[0].ties == 0);
  CHECK(mx.ask("z@example.com") == 250);
}

TEST_CASE("others are served while a named question waits for the only connection") {
  Bench mx(either(), 1);
  auto mail = mx.begin();
  mail->ask("x@example.com");
  auto other = mx.begin("b@client.example", client("203.0.113.6"));
  mx.ask(*other, "y@example.com");
  CHECK(mail->code() == 250);
  CHECK(other->code() == 250);
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.deliver(*other) == 250);
}

TEST_CASE("what the backend says to the named client is final, and for nobody else") {
  Bench mx(either());
  auto mail = mx.begin();
  int heard = 0;
  SECTION("about its address") {
    heard = 554;
    mx.backend.named_replies["RCPT"] =
        "554 5.7.1 Client host [203.0.113.5] blocked using l.example\r\n";
  }
  SECTION("by SPF") {
    heard = 550;
    mx.backend.named_replies["RCPT"] = "550 5.7.23 SPF says no\r\n";
  }
  SECTION("as later") {
    heard = 451;
    mx.backend.named_replies["RCPT"] = "450 4.7.25 no name\r\n";
  }
  SECTION("about its sender") {
    heard = 550;
    mx.backend.named_replies["MAIL"] = "550 5.1.8 no such domain\r\n";
  }
  CHECK(mx.ask(*mail, "x@example.com") == heard);
  mail = nullptr;
  mx.run();
  CHECK(mx.backend.open() == 1);
  mx.backend.named_replies.clear();
  CHECK(mx.ask("x@example.com", client("203.0.113.6")) == 250);  // no memory of it
  CHECK(mx.journal.lines.empty());
}

TEST_CASE("our own address is what plain questions are judged for") {
  Bench mx(either());
  mx.backend.replies["RCPT"] = "554 5.7.1 Client host blocked using l.example\r\n";
  CHECK(mx.ask("x@example.com") == 451);
  CHECK(mx.warnings("blocked using") == 1);
}

TEST_CASE("a backend that does not take the client gets no mail, and is not down for it") {
  struct Row {
    const char* name;
    std::string offers, answer;  // to EHLO and to XCLIENT
    std::string alarm;
    std::optional<std::string> named_ehlo{};
  };
  const std::string xclient = "XCLIENT NAME ADDR PORT PROTO HELO";
  const auto row = GENERATE_COPY(values<Row>({
      {"not offered", "PIPELINING", "", "offers no XCLIENT"},
      {"no address taken", "XCLIENT NAME", "", "offers no XCLIENT"},
      {"refused", xclient, "550 5.7.0 insufficient rights\r\n", "insufficient rights"},
      {"421", xclient, "421 4.7.0 too many from 203.0.113.5\r\n", "too many from"},
      {"354", xclient, "354 go on\r\n", "go on"},
      {"closed", xclient, "-", "closed the connection"},
      {"garbage", xclient, "hello?\r\n", "does not speak SMTP"},
      {"two replies", xclient, "220 a\r\n220 b\r\n", "does not speak SMTP"},
      {"the EHLO behind it refused", xclient, "220 a\r\n", "bad HELO", "550 5.7.1 bad HELO\r\n"},
  }));
  CAPTURE(row.name);
  Bench mx(ClientInfo::Xclient);
  mx.backend.ehlo = "250-mail.internal\r\n250 " + row.offers + "\r\n";
  mx.backend.replies["XCLIENT"] = row.answer;
  mx.backend.named_ehlo = row.named_ehlo;
  CHECK(mx.ask("x@example.com") == 451);
  CHECK(mx.warnings(row.alarm) == 1);
  CHECK_FALSE(mx.backends.snapshot()[0].down);
  CHECK(mx.backends.snapshot()[0].learned_cap == 0);
  CHECK(mx.mail(1).empty());
  mx.backend.offer_xclient();
  mx.backend.named_ehlo.reset();
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("a greeting that is refused to a named client says nothing of the backend") {
  Bench mx(ClientInfo::ProxyV2);
  SECTION("banner") { mx.backend.named_banner = "554 5.7.1 blocked using l.example\r\n"; }
  SECTION("too many of this client") { mx.backend.named_banner = "421 4.7.0 too many\r\n"; }
  SECTION("EHLO") { mx.backend.named_ehlo = "550 5.7.1 bad HELO\r\n"; }
  SECTION("closed") { mx.backend.named_banner = "-"; }
  CHECK(mx.ask("x@example.com") == 451);
  CHECK(mx.journal.lines.size() == 1);
  CHECK_FALSE(mx.backends.snapshot()[0].down);
  CHECK(mx.backends.snapshot()[0].learned_cap == 0);
  mx.backend.named_banner.reset();
  mx.backend.named_ehlo.reset();
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("a silent backend does not hold a named question beyond its time") {
  Bench mx(either());
  mx.backend.named_replies["RCPT"] = "";
  SECTION("RCPT") {}
  SECTION("EHLO") { mx.backend.named_ehlo = ""; }
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 0);
  mx.advance(60s);
  CHECK(mail->code() == 451);
  CHECK_FALSE(mx.backends.snapshot()[0].down);
  mx.advance(3s);
  CHECK(mx.backends.snapshot()[0].ties == 0);
}

TEST_CASE("further recipients are asked for without the name first") {
  Bench mx(either());
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  mx.backend.replies["RCPT TO:<no"] = "550 5.1.1 User unknown\r\n";
  CHECK(mx.ask(*mail, "no@example.com") == 550);
  CHECK(mx.mail(1) == Lines{"MAIL FROM:<a@client.example>", "RCPT TO:<x@example.com>"});
  mx.backend.named_replies["RCPT TO:<private"] = "550 5.7.1 not from there\r\n";
  CHECK(mx.ask(*mail, "private@example.com") == 550);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.connections.size() == 2);
  CHECK(mx.backend.messages[0].envelope == Lines{"MAIL FROM:<a@client.example>",
                                                 "RCPT TO:<x@example.com>",
                                                 "RCPT TO:<y@example.com>"});
}

TEST_CASE("a named tie that is given up is replayed by name") {
  Bench mx(either());
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  if (GENERATE(false, true)) {
    mx.advance(10s);  // held too long
    CHECK(mx.backend.asked(1, "QUIT"));
  } else {
    mx.backend.close(1);
  }
  mx.run();
  CHECK(mx.backends.snapshot()[0].ties == 0);
  CHECK(mx.backend.open() == 1);
  SECTION("at DATA") {}
  SECTION("with another recipient") { CHECK(mx.ask(*mail, "y@example.com") == 250); }
  CHECK(mx.deliver(*mail) == 250);
  const auto last = mx.backend.connections.size() - 1;
  CHECK(mx.named(last).find("203.0.113.5") != std::string::npos);
  CHECK(mx.mail(last).back() == "QUIT");
}

TEST_CASE("a client that leaves takes its connection with it") {
  Bench mx(either());
  auto mail = mx.begin();
  SECTION("while it is opened") {
    mx.backend.named_banner = "";
    mx.backend.replies["XCLIENT"] = "";
  }
  SECTION("while it is asked") { mx.backend.named_replies["RCPT"] = ""; }
  SECTION("while it is held") {}
  mx.ask(*mail, "x@example.com");
  mail = nullptr;
  mx.run();
  for (int i = 0; i < 70; ++i) mx.advance(1s);
  for (size_t i = 0; i < mx.backend.connections.size(); ++i)
    if (!mx.named(i).empty()) CHECK(mx.backend.peer(i).stream == nullptr);
  mx.backend.named_replies.clear();
  mx.backend.named_banner.reset();
  mx.backend.replies["XCLIENT"] = "220 mail.internal\r\n";
  CHECK(mx.ask("x@example.com", client("203.0.113.6")) == 250);
}

TEST_CASE("a named client never gets the connection of another") {
  Bench mx(either(), 6);
  std::vector<std::unique_ptr<Mail>> mails;
  for (int i = 1; i <= 20; ++i) {
    const auto ip = "203.0.113." + std::to_string(i);
    mails.push_back(mx.begin("from" + std::to_string(i) + "@client.example", client(ip)));
    mails.back()->ask("x@example.com");
  }
  mx.run();
  for (const auto& mail : mails) CHECK(mail->code() == 250);
  for (auto& mail : mails) {
    CHECK(mx.deliver(*mail) == 250);
    mail = nullptr;
    mx.run();
  }
  CHECK(mx.backend.messages.size() == 20);
  for (size_t i = 0; i < mx.backend.connections.size(); ++i) {
    std::string from;
    for (const auto& command : mx.backend.connections[i].commands) {
      if (!command.starts_with("MAIL") || mx.named(i).empty()) continue;
      CHECK(from.empty());  // one transaction
      from = command.substr(command.find("<from") + 5);
      from = from.substr(0, from.find('@'));
      CHECK(mx.named(i).find("203.0.113." + from) != std::string::npos);
    }
  }
}

TEST_CASE("probes speak for nobody") {
  Bench mx(either());
  mx.sweep();
  mx.advance(1h);
  mx.advance(1s);
  for (size_t i = 0; i < mx.backend.connections.size(); ++i) CHECK(mx.named(i).empty());
  CHECK(mx.backend.connections.size() > 0);
}

TEST_CASE("what a backend offers to one client is not what it offers to all") {
  Bench mx(ClientInfo::Xclient);
  mx.backend.named_ehlo = "250-mail.internal\r\n250 SIZE 10\r\n";
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.workers[0]->offered().eightbitmime);
  CHECK(mx.workers[0]->offered().size_limit == 1000000);
}

}  // namespace ravelin::test
