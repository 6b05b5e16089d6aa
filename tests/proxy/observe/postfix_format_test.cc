// The exact text of every line: readers of logs match them by pattern.
#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "proxy/observe/log_text.h"
#include "samples.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using test::kStamp;
using test::sample_dialog;
using test::sample_reply;

struct Format {
  Format() { test::use_zone("UTC"); }
  test::ManualClock clock;
  std::shared_ptr<const LineFormat> format = make_postfix_format(test::sample_options(), clock);

  // The lines without stamps, which are checked.
  template <class Write>
  std::vector<std::string> lines(Write&& write) const {
    std::string out;
    write(out, *format);
    std::vector<std::string> found;
    const std::string_view stamp = kStamp;
    while (!out.empty()) {
      const auto end = out.find('\n');
      REQUIRE(end != out.npos);
      REQUIRE(out.substr(0, stamp.size()) == stamp);
      found.push_back(out.substr(stamp.size(), end - stamp.size()));
      out.erase(0, end + 1);
    }
    return found;
  }
  std::string refused(const DialogInfo& dialog, const Refusal& refusal) const {
    const auto all = lines([&](auto& out, auto& to) { to.refused(out, dialog, refusal); });
    REQUIRE(all.size() == 1);
    return all[0];
  }
};

const smtp::Address kSender{"a", "client.example"};
const smtp::Address kRecipient{"nobody", "example.com"};

TEST_CASE_METHOD(Format, "Postfix lines: connect and disconnect") {
  auto dialog = sample_dialog();
  CHECK(lines([&](auto& out, auto& to) { to.connected(out, dialog); }) ==
        std::vector<std::string>{"postfix/smtpd[17]: connect from unknown[203.0.113.5]"});
  dialog.name = "mail.client.example";
  dialog.client = *dns::Endpoint::parse("[2001:db8::1]:25");
  CHECK(lines([&](auto& out, auto& to) { to.connected(out, dialog); })[0] ==
        "postfix/smtpd[17]: connect from mail.client.example[2001:db8::1]");

  std::array<VerbCount, 18> counts{};
  CHECK(lines([&](auto& out, auto& to) { to.disconnected(out, dialog, counts); })[0] ==
        "postfix/smtpd[17]: disconnect from mail.client.example[2001:db8::1] commands=0/0");
  counts[static_cast<size_t>(smtp::Verb::Quit)] = {1, 1};
  counts[static_cast<size_t>(smtp::Verb::Rcpt)] = {0, 1};
  counts[static_cast<size_t>(smtp::Verb::Mail)] = {1, 1};
  counts[static_cast<size_t>(smtp::Verb::Ehlo)] = {1, 1};
  dialog = sample_dialog();
  CHECK(lines([&](auto& out, auto& to) { to.disconnected(out, dialog, counts); })[0] ==
        "postfix/smtpd[17]: disconnect from unknown[203.0.113.5] ehlo=1 mail=1 rcpt=0/1 quit=1 "
        "commands=3/4");
}

TEST_CASE_METHOD(Format, "Postfix lines: a refused recipient quotes the backend") {
  const auto reply = sample_reply(550, 1, 1, "User unknown (0653F2A91C07)");
  Refusal refusal{"RCPT",
                  reply,
                  "nobody@example.com",
                  "Recipient address rejected",
                  &kSender,
                  &kRecipient,
                  "host mail.internal[192.0.2.7] said: 550 5.1.1 unknown"};
  CHECK(refused(sample_dialog(), refusal) ==
        "postfix/smtpd[17]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 550 5.1.1 "
        "<nobody@example.com>: Recipient address rejected: host mail.internal[192.0.2.7] said: 550 "
        "5.1.1 unknown, id 0653F2A91C07; from=<a@client.example> to=<nobody@example.com> "
        "proto=ESMTP helo=<client.example>");
  refusal.backend_said = "";
  CHECK(refused(sample_dialog(), refusal) ==
        "postfix/smtpd[17]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 550 5.1.1 "
        "<nobody@example.com>: Recipient address rejected: User unknown, id 0653F2A91C07; "
        "from=<a@client.example> to=<nobody@example.com> proto=ESMTP helo=<client.example>");
  refusal.shadow = true;
  CHECK(refused(sample_dialog(), refusal).find("NOQUEUE: reject_warning: RCPT from unknown[") !=
        std::string::npos);
}

TEST_CASE_METHOD(Format, "Postfix lines: what the reply repeats is said once") {
  struct Row {
    int code;
    const char* subject;
    const char* reason;
    const char* text;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {451, "nobody@example.com", "Recipient address rejected",
       "<nobody@example.com>: Recipient address rejected: Greylisted, 240 s left (0653)",
       "451 4.7.1 <nobody@example.com>: Recipient address rejected: Greylisted, 240 s left (0653)"},
      {554, "nobody@example.com", "Relay access denied", "Relay access denied",
       "554 5.7.1 <nobody@example.com>: Relay access denied"},
      {554, "nobody@example.com", "Relay access denied", "Relay access denied (0653F2A91C07)",
       "554 5.7.1 <nobody@example.com>: Relay access denied, id 0653F2A91C07"},
      {450, "", "Client host rejected", "Client host rejected: no name (0653F2A91C07)",
       "450 4.7.1 Client host rejected: no name, id 0653F2A91C07"},
      {550, "nobody@example.com", "Recipient address rejected", "(0653F2A91C07)",
       "550 5.7.1 <nobody@example.com>: Recipient address rejected, id 0653F2A91C07"},
      {550, "nobody@example.com", "Recipient address rejected", "(0653)",
       "550 5.7.1 <nobody@example.com>: Recipient address rejected: (0653)"},
      {554, "", "Service unavailable",
       "Service unavailable; Client host [203.0.113.5] blocked using zen.example; why",
       "554 5.7.1 Service unavailable; Client host [203.0.113.5] blocked using zen.example; why"},
      {554, "nobody@example.com", "", "No", "554 5.7.1 <nobody@example.com>: No"},
  }));
  const auto reply = sample_reply(row.code, 7, 1, row.text);
  const Refusal refusal{"RCPT", reply, row.subject, row.reason, &kSender, &kRecipient, {}};
  CHECK(refused(sample_dialog(), refusal) ==
        "postfix/smtpd[17]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: " +
            std::string(row.want) +
            "; from=<a@client.example> to=<nobody@example.com> proto=ESMTP helo=<client.example>");
}

TEST_CASE_METHOD(Format, "Postfix lines: a reply of several lines is one line") {
  auto reply = sample_reply(451, 7, 1, "Greylisted");
  reply.lines.emplace_back("see\nhttps://example.net");
  const auto line = refused(sample_dialog(), {"RCPT", reply, "x", "No", nullptr, nullptr, {}});
  CHECK(line.find(" 451 4.7.1 <x>: No: Greylisted see\\x0Ahttps://example.net; proto=ESMTP ") !=
        std::string::npos);
}

TEST_CASE_METHOD(Format, "Postfix lines: a refusal's tail has only what was said") {
  auto dialog = sample_dialog();
  dialog.helo = "";
  dialog.esmtp = false;
  const auto reply = sample_reply(554, -1, -1, "Go away");
  CHECK(refused(dialog, {"CONNECT",
                         reply,
                         "unknown[203.0.113.5]",
                         "Client host rejected",
                         nullptr,
                         nullptr,
                         {}}) ==
        "postfix/smtpd[17]: NOQUEUE: reject: CONNECT from unknown[203.0.113.5]: 554 "
        "<unknown[203.0.113.5]>: Client host rejected: Go away; proto=SMTP");

  const smtp::Address null;
  Refusal content{"DATA", reply, "DATA", "Data command rejected", &null, &kRecipient, {}};
  content.transaction = 0xABC;
  CHECK(refused(sample_dialog(), content) ==
        "postfix/smtpd[17]: 000000000ABC: reject: DATA from unknown[203.0.113.5]: 554 <DATA>: Data "
        "command rejected: Go away; from=<> to=<nobody@example.com> proto=ESMTP "
        "helo=<client.example>");
}

TEST_CASE_METHOD(Format, "Postfix lines: nothing a client says forges a line") {
  auto dialog = sample_dialog();
  dialog.helo = "x> : too many errors after RCPT from unknown[192.0.2.1]";
  const smtp::Address to{"\"b\n>: c\"", "example.com"};
  const auto reply = sample_reply(550, 1, 1, "no");
  CHECK(refused(dialog, {"RCPT", reply, "b\n>: c", "r", nullptr, &to,
                         "host m[192.0.2.7] said: 550 from unknown[192.0.2.1]"}) ==
        "postfix/smtpd[17]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 550 5.1.1 "
        "<b\\x0A\\x3E:\\x20c>: r: host m[192.0.2.7] said: 550 from unknown\\x5B192.0.2.1]; "
        "to=<\"b\\x0A\\x3E:\\x20c\"@example.com> proto=ESMTP "
        "helo=<x\\x3E\\x20:\\x20too\\x20many\\x20errors\\x20after\\x20RCPT\\x20from\\x20unknown["
        "192.0.2.1]>");
}

// The id of a message stands in front of its line already.
TEST_CASE_METHOD(Format, "Postfix lines: an id is said once") {
  const auto reply = sample_reply(554, 6, 0, "No (000000000ABC)");
  Refusal refusal{"DATA", reply, "DATA", "Data command rejected", nullptr, nullptr, {}};
  refusal.transaction = 0xABC;
  CHECK(refused(sample_dialog(), refusal) ==
        "postfix/smtpd[17]: 000000000ABC: reject: DATA from unknown[203.0.113.5]: 554 "
        "5.6.0 <DATA>: Data command rejected: No; proto=ESMTP helo=<client.example>");
}

TEST_CASE_METHOD(Format, "Postfix lines: accepted mail") {
  const std::vector<smtp::Address> recipients{{"alice", "example.com"}, {"postmaster", ""}};
  Delivered mail{0x0653F2A91C08,
                 kSender,
                 recipients,
                 4321,
                 " <id@client.example>\r\n",
                 "mail.internal[192.0.2.7]:25",
                 "250 2.6.0 Ok: queued as 4F"};
  mail.before = 1200ms;
  mail.setup = 55ms;
  mail.transfer = 3ms;
  const auto write = [&](auto& out, auto& to) { to.delivered(out, sample_dialog(), mail); };
  CHECK(lines(write) ==
        std::vector<std::string>{
            "postfix/smtpd[17]: 0653F2A91C08: client=unknown[203.0.113.5]",
            "postfix/cleanup[17]: 0653F2A91C08: message-id=<id@client.example>",
            "postfix/qmgr[17]: 0653F2A91C08: from=<a@client.example>, size=4321, nrcpt=2 (queue "
            "active)",
            "postfix/smtp[17]: 0653F2A91C08: to=<alice@example.com>, "
            "relay=mail.internal[192.0.2.7]:25, delay=1.3, delays=1.2/0/0.06/0, dsn=2.6.0, "
            "status=sent (250 2.6.0 Ok: queued as 4F)",
            "postfix/smtp[17]: 0653F2A91C08: to=<postmaster>, relay=mail.internal[192.0.2.7]:25, "
            "delay=1.3, delays=1.2/0/0.06/0, dsn=2.6.0, status=sent (250 2.6.0 Ok: queued as 4F)",
            "postfix/qmgr[17]: 0653F2A91C08: removed"});
  mail.client_gone = true;
  CHECK(lines(write).back() ==
        "postfix/smtpd[17]: 0653F2A91C08: delivered, but unknown[203.0.113.5] had gone before our "
        "reply: it may send the message again");
}

TEST_CASE_METHOD(Format, "Postfix lines: each recipient has the status that the backend gave it") {
  using Kind = RecipientFate::Kind;
  const std::vector<smtp::Address> recipients{
      {"a", "b.example"}, {"c", "b.example"}, {"d", "b.example"}};
  const std::vector<RecipientFate> fates{
      {Kind::Sent, "2.0.0", "250 2.6.0 <a@b.example> saved"},
      {Kind::Bounced, "5.2.2",
       "host mail.internal[192.0.2.7] said: 552 5.2.2 full (in reply to end of DATA "
       "command)"},
      {Kind::Deferred, "4.4.2", "host mail.internal closed the connection"}};
  Delivered mail{0x0653F2A91C08, kSender, recipients, 1, "", "mail.internal[192.0.2.7]:24", "no"};
  mail.fates = fates;
  const auto got = lines([&](auto& out, auto& to) { to.delivered(out, sample_dialog(), mail); });
  const std::string relay = "relay=mail.internal[192.0.2.7]:24, delay=0, delays=0/0/0/0, ";
  REQUIRE(got.size() == 7);
  CHECK(got[3] == "postfix/smtp[17]: 0653F2A91C08: to=<a@b.example>, " + relay +
                      "dsn=2.6.0, status=sent (250 2.6.0 <a@b.example> saved)");
  CHECK((got[4] == "postfix/smtp[17]: 0653F2A91C08: to=<c@b.example>, " + relay +
                       "dsn=5.2.2, status=bounced (host mail.internal[192.0.2.7] said: 552 5.2.2 "
                       "full (in reply to "
                       "end of DATA command))"));
  CHECK(got[5] == "postfix/smtp[17]: 0653F2A91C08: to=<d@b.example>, " + relay +
                      "dsn=4.4.2, status=deferred (host mail.internal closed the connection)");
}

TEST_CASE_METHOD(Format, "Postfix lines: ends, early talkers, no place") {
  const auto dialog = sample_dialog();
  CHECK(lines([&](auto& out, auto& to) { to.ended(out, dialog, "lost connection", "RCPT"); })[0] ==
        "postfix/smtpd[17]: lost connection after RCPT from unknown[203.0.113.5]");
  CHECK(lines([&](auto& out, auto& to) {
          to.pregreet(out, dialog, 14, 80ms, "EHLO x[192.0.2.1]\r\n");
        })[0] ==
        "postfix/smtpd[17]: PREGREET 14 after 0.08 from [203.0.113.5]:40123: EHLO "
        "x\\x5B192.0.2.1]\\x0D\\x0A");
  CHECK(lines([&](auto& out, auto& to) {
          to.no_place(out, dialog.client, "sessions_per_client");
        })[0] ==
        "postfix/smtpd[0]: NOQUEUE: reject: CONNECT from unknown[203.0.113.5]: 421 4.7.0 "
        "Too many connections: limit sessions_per_client; proto=SMTP");
}

TEST_CASE_METHOD(Format, "Postfix lines: TLS") {
  const auto dialog = sample_dialog();
  Secured tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, false, ""};
  const auto write = [&](auto& out, auto& to) { to.secured(out, dialog, tls); };
  CHECK(lines(write)[0] ==
        "postfix/smtpd[17]: Anonymous TLS connection established from unknown[203.0.113.5]: "
        "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)");
  tls.server_name = "mx.example.net";
  tls.resumed = true;
  CHECK(lines(write)[0].ends_with("(256/256 bits) to SNI mx.example.net resumed"));
  CHECK(lines([&](auto& out, auto& to) { to.not_secured(out, dialog, "bad record"); })[0] ==
        "postfix/smtpd[17]: SSL_accept error from unknown[203.0.113.5]: bad record");
}

TEST_CASE_METHOD(Format, "Postfix lines: a decision") {
  const auto reply = sample_reply(550, 1, 1, "no");
  Decision decision{0x0653F2A91C08,        &kSender,  "x y@example.com", "unknown", "first",
                    "rdns:note,helo:pass", "unknown", "reject",          reply,     3'140us};
  const auto write = [&](auto& out, auto& to) { to.decided(out, sample_dialog(), decision); };
  CHECK(lines(write)[0] ==
        "ravelin/decision[17]: id=0653F2A91C08 rcpt=<x\\x20y@example.com> from=<a@client.example> "
        "client=203.0.113.5 standing=unknown greylist=first checks=rdns:note,helo:pass "
        "verify=unknown verdict=reject code=550 took=3.1ms");
  decision.transaction = 0;
  decision.sender = nullptr;
  decision.checks = "";
  CHECK(lines(write)[0].find("id=0653F2A91C07 rcpt=<x\\x20y@example.com> client=") !=
        std::string::npos);
  CHECK(lines(write)[0].find(" checks=- ") != std::string::npos);
}

TEST_CASE_METHOD(Format, "Postfix lines: messages of the daemon") {
  const auto line = [&](Severity severity, const char* text) {
    return lines([&](auto& out, auto& to) { to.message(out, severity, text); })[0];
  };
  CHECK(line(Severity::Info, "reloaded") == "postfix/master[99]: reloaded");
  CHECK(line(Severity::Warning, "a\nb") == "postfix/master[99]: warning: a\\x0Ab");
  CHECK(line(Severity::Fatal, "no") == "postfix/master[99]: fatal: no");
  CHECK(line(Severity::Warning,
             "backend m[192.0.2.7]:25: host m[192.0.2.7] said: 550 x[192.0.2.1]: "
             "SASL LOGIN authentication failed") ==
        "postfix/master[99]: warning: backend m[192.0.2.7]:25: host m[192.0.2.7] said: 550 "
        "x\\x5B192.0.2.1]: SASL LOGIN authentication failed");
}

TEST_CASE("Postfix lines: the program's first word and the stamp can be others") {
  test::use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  test::ManualClock clock;
  clock.advance(1234567us);  // a second whose text no other zone has left behind
  auto options = test::sample_options();
  options.syslog_name = "front";
  options.rfc3339 = true;
  std::string out;
  make_postfix_format(options, clock)->message(out, Severity::Info, "up");
  CHECK(out == "2026-05-28T22:26:41.234567+02:00 mx.example.net front/master[99]: up\n");
  clock.advance(24h * 170);  // winter, and a day of one digit
  clock.advance(-24h * 12);
  out.clear();
  make_postfix_format(test::sample_options(), clock)->message(out, Severity::Info, "up");
  CHECK(out == "Nov  2 21:26:41 mx.example.net postfix/master[99]: up\n");
}

TEST_CASE_METHOD(Format, "Postfix lines: what the journal and syslogd want in front") {
  auto options = test::sample_options();
  options.rfc3339 = true;
  const auto all = [&] {
    const auto made = make_postfix_format(options, clock);
    std::string out;
    made->connected(out, sample_dialog());
    made->message(out, Severity::Info, "up");
    made->message(out, Severity::Warning, "mind");
    made->message(out, Severity::Fatal, "no");
    return out;
  };
  options.head = LineHead::Level;
  const std::string stamp = "2026-05-28T20:26:40.000000+00:00 mx.example.net ";
  CHECK(all() == "<6>" + stamp + "postfix/smtpd[17]: connect from unknown[203.0.113.5]\n<6>" +
                     stamp + "postfix/master[99]: up\n<4>" + stamp +
                     "postfix/master[99]: warning: mind\n<3>" + stamp +
                     "postfix/master[99]: fatal: no\n");
  // syslogd knows no other stamp, and adds the host itself.
  options.head = LineHead::Syslog;
  CHECK(all() ==
        "<22>May 28 20:26:40 postfix/smtpd[17]: connect from unknown[203.0.113.5]\n"
        "<22>May 28 20:26:40 postfix/master[99]: up\n"
        "<20>May 28 20:26:40 postfix/master[99]: warning: mind\n"
        "<19>May 28 20:26:40 postfix/master[99]: fatal: no\n");
  options.facility = 16;
  CHECK(all().substr(0, 5) == "<134>");
}

TEST_CASE_METHOD(Format, "Postfix lines: each line of an event has what stands in front") {
  auto options = test::sample_options();
  options.head = LineHead::Syslog;
  const std::vector<smtp::Address> recipients(2);
  std::string out;
  make_postfix_format(options, clock)
      ->delivered(out, sample_dialog(), {1, kSender, recipients, 9, "i@d", "r", "250 ok"});
  size_t lines = 0;
  for (size_t at = 0; at < out.size(); at = out.find('\n', at) + 1, ++lines)
    CHECK(out.compare(at, 28, "<22>May 28 20:26:40 postfix/") == 0);
  CHECK(lines == 6);
}

TEST_CASE("[log] says how lines look for syslogd") {
  test::use_zone("UTC");
  test::ManualClock clock;
  LogSettings settings{};
  const auto line = [&] {
    std::string out;
    make_syslog_format(settings, clock)->connected(out, sample_dialog());
    return out;
  };
  settings.format = LogFormat::Json;  // is the file's
  settings.syslog_name = "front";
  settings.syslog_facility = SyslogFacility::Mail;
  CHECK(line() == "<22>May 28 20:26:40 front/smtpd[17]: connect from unknown[203.0.113.5]\n");
  const auto facility_of = [&](SyslogFacility facility) {
    settings.syslog_facility = facility;
    return line().substr(0, line().find('>') + 1);
  };
  CHECK(facility_of(SyslogFacility::Daemon) == "<30>");
  CHECK(facility_of(SyslogFacility::User) == "<14>");
  CHECK(facility_of(SyslogFacility::Local0) == "<134>");
  CHECK(facility_of(SyslogFacility::Local7) == "<190>");
}

TEST_CASE("Delays are written as Postfix writes them") {
  struct Row {
    std::chrono::nanoseconds delay;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {0ms, "0"},
      {4ms, "0"},
      {5ms, "0.01"},
      {50ms, "0.05"},
      {100ms, "0.1"},
      {120ms, "0.12"},
      {999ms, "1"},
      {1049ms, "1"},
      {1260ms, "1.3"},
      {9940ms, "9.9"},
      {9960ms, "10"},
      {12'345ms, "12"},
      {340s, "340"},
      {-5ms, "0"},
  }));
  std::string out;
  append_delay(out, row.delay);
  CHECK(out == row.want);
}

TEST_CASE("The enhanced code of a delivery is the backend's, if it is one") {
  CHECK(delivered_status("250 2.6.0 queued") == "2.6.0");
  CHECK(delivered_status("250 2.0.123") == "2.0.123");
  CHECK(delivered_status("250 Ok") == "2.0.0");
  CHECK(delivered_status("250 2.1") == "2.0.0");
  CHECK(delivered_status("250 2.1234.1 x") == "2.0.0");
  CHECK(delivered_status("250 5.1.1 x") == "2.0.0");
  CHECK(delivered_status("") == "2.0.0");
}

TEST_CASE("Message ids lose white space and brackets") {
  CHECK(bare_message_id(" <a@b>\r\n") == "a@b");
  CHECK(bare_message_id("a@b") == "a@b");
  CHECK(bare_message_id("<a@b") == "<a@b");
  CHECK(bare_message_id(" \t") == "");
}

}  // namespace
}  // namespace ravelin::proxy
