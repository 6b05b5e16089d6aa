#include "smtp/command.h"

#include <catch2/catch.hpp>
#include <random>

namespace ravelin::smtp {
namespace {

struct Row {
  std::string_view line;
  Verb verb;
  std::string_view argument;
};

TEST_CASE("A command is a verb in any case and what follows one space") {
  const auto row = GENERATE(values<Row>({
      {"MAIL FROM:<a@b>", Verb::Mail, "FROM:<a@b>"},
      {"rCpT TO:<a@b>", Verb::Rcpt, "TO:<a@b>"},
      {"helo x", Verb::Helo, "x"},
      {"EHLO x  \t", Verb::Ehlo, "x"},
      {"DATA", Verb::Data, ""},
      {"DATA ", Verb::Data, ""},
      {"RSET now", Verb::Rset, "now"},
      {"NOOP a b", Verb::Noop, "a b"},
      {"QUIT", Verb::Quit, ""},
      {"VRFY x", Verb::Vrfy, "x"},
      {"HELP", Verb::Help, ""},
      {"STARTTLS", Verb::Starttls, ""},
      {"AUTH PLAIN AGEAYg==", Verb::Auth, "PLAIN AGEAYg=="},
      {"BDAT 10 LAST", Verb::Bdat, "10 LAST"},
      {"ETRN x", Verb::Etrn, "x"},
      {"EXPN x", Verb::Expn, "x"},
      {"XCLIENT ADDR=::1", Verb::Xclient, "ADDR=::1"},
      {"XFORWARD NAME=x", Verb::Xforward, "NAME=x"},
      {"", Verb::Unknown, ""},
      {" MAIL", Verb::Unknown, "MAIL"},
      {"DAT", Verb::Unknown, ""},
      {"DATAX", Verb::Unknown, ""},
      {"MAIL\tFROM:<a@b>", Verb::Unknown, ""},
      {"UNKNOWN x", Verb::Unknown, "x"},
      {"GET / HTTP/1.0", Verb::Unknown, "/ HTTP/1.0"},
  }));
  CAPTURE(row.line);
  const Command command = parse_command(row.line);
  CHECK(command.verb == row.verb);
  CHECK(command.argument == row.argument);
}

TEST_CASE("What begins like no command, and requests of other protocols, are garbage") {
  for (const auto line : {"\x16\x03\x01", "\x80", "1234", "{\"a\":1}", "GET / HTTP/1.1",
                          "PRI * HTTP/2.0", "POST /?MAIL HTTP/1.0"}) {
    CAPTURE(line);
    CHECK(is_garbage(line));
  }
  for (const auto line : {"", " ", "FOO", "MAIL", "X", "HTTP/1.1", "x HTTP/a.1", "NOOP HTTP/11"}) {
    CAPTURE(line);
    CHECK_FALSE(is_garbage(line));
  }
}

TEST_CASE("Verbs have their names") {
  CHECK(verb_name(Verb::Helo) == "HELO");
  CHECK(verb_name(Verb::Starttls) == "STARTTLS");
  CHECK(verb_name(Verb::Unknown) == "UNKNOWN");
}

TEST_CASE("HELO takes printable ASCII without spaces, and leaves the judging to others") {
  const SyntaxLimits limits;
  for (const std::string name : {"mx.example", "a_b", "[192.0.2.1]", "x", "(strange;name)"})
    CHECK(*parse_helo(name, limits) == name);
  CHECK(parse_helo(std::string(255, 'x'), limits));
  CHECK(*parse_helo("  mx.example", limits) == "mx.example");
  for (const std::string& name :
       {std::string(), std::string(256, 'x'), std::string("a b"), std::string("a\tb"),
        std::string("a\x1b[31m"), std::string("a\x7f"), std::string("\xc3\xa9")}) {
    CAPTURE(name);
    const auto helo = parse_helo(name, limits);
    REQUIRE_FALSE(helo);
    CHECK(helo.error().code == 501);
  }
}

// A valid line with up to three accidents: an octet changed, or a word put in.
std::string damaged(std::minstd_rand& random) {
  static constexpr std::string_view kLines[] = {
      "FROM:<a.b@c.example> SIZE=10 BODY=8BITMIME",
      "FROM:<\"a b\\\"\"@[IPv6:1::2]> SMTPUTF8",
      "FROM:<@r,@s:a@[1.2.3.4]> RET=FULL ENVID=x+2By",
      "TO:<\xc3\xa9@x> NOTIFY=SUCCESS,DELAY",
      "TO:<a@b> ORCPT=rfc822;a+2B@b",
      "TO:<postmaster> NOTIFY=NEVER ORCPT=utf-8;\xc3\xa9"};
  static constexpr std::string_view kWords[] = {"<", ">", "@",    "\"",   "\\", "[",
                                                "]", " ", "=",    "+",    ";",  ":",
                                                ",", ".", "\xc3", "\xa9", "1.2"};
  std::string line(kLines[random() % std::size(kLines)]);
  for (size_t accidents = random() % 4; accidents > 0; --accidents) {
    const size_t at = random() % line.size();
    if (random() % 2)
      line[at] = static_cast<char>(random());
    else
      line.insert(at, kWords[random() % std::size(kWords)]);
  }
  line.shrink_to_fit();  // for the sanitizer
  return line;
}

TEST_CASE("Nothing that a client can write takes the parsers out of bounds") {
  std::minstd_rand random(3);
  const Offered all{true, true, true, true, true};
  const SyntaxLimits limits;
  int taken = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string line = damaged(random);
    CAPTURE(line);
    const auto mail = parse_mail(line, all, limits);
    const auto rcpt = parse_rcpt(line, all, true, limits);
    // What was taken is taken again when it is written out, and means the same.
    if (mail) CHECK(*parse_mail(mail_line(*mail, all).substr(5), all, limits) == *mail);
    if (rcpt) CHECK(*parse_rcpt(rcpt_line(*rcpt, all).substr(5), all, true, limits) == *rcpt);
    taken += mail || rcpt;
  }
  CHECK(taken > 2000);  // or the accidents are too many to test anything
}

}  // namespace
}  // namespace ravelin::smtp
