#include "proxy/session/habit.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace ravelin::proxy {
namespace {

using Lines = std::vector<std::string>;

uint64_t print(const Lines& lines, bool pipelined = false, const std::string& tls = "") {
  Habit habit;
  for (const auto& line : lines) habit.command(line, smtp::parse_command(line).verb, pipelined);
  DialogInfo dialog;
  dialog.tls = tls;
  return habit.print(dialog);
}

const Lines kBot = {"EHLO pc.example", "MAIL FROM:<>", "RCPT TO:<a@x.example>", "QUIT"};

Lines with(size_t line, const std::string& text) {
  auto lines = kBot;
  lines[line] = text;
  return lines;
}

}  // namespace

TEST_CASE("names, numbers of recipients and of mails make no difference") {
  CHECK(print(with(2, "RCPT TO:<somebody.else@y.example>")) == print(kBot));
  CHECK(print(with(0, "EHLO another.pc.example")) == print(kBot));
  CHECK(print(with(1, "MAIL FROM:<a@b.example>")) == print(kBot));
  auto other = kBot;
  other.insert(other.begin() + 2, 5, "RCPT TO:<b@x.example>");
  CHECK(print(other) == print(kBot));
  const Lines twice = {kBot[0], kBot[1], kBot[2], "RSET", kBot[1], kBot[2], "QUIT"};
  CHECK(print(twice) == print(kBot));
}

TEST_CASE("what a program does without thinking makes a difference") {
  const auto rset_first = Lines{kBot[0], "RSET", kBot[1], kBot[2]};
  std::vector<uint64_t> prints = {
      print(kBot),
      print(with(1, "mail FROM:<>")),
      print(with(1, "Mail FROM:<>")),
      print(with(1, "MAIL FROM: <>")),
      print(with(1, "MAIL from:<>")),
      print(with(1, "MAIL FROM:<> ")),
      print(with(1, "MAIL FROM:<> SIZE=100")),
      print(with(1, "MAIL FROM:<> body=8BITMIME")),
      print(with(2, "RCPT to:<a@x.example>")),
      print(with(2, "RCPT TO: <a@x.example>")),
      print(with(2, "DATA")),
      print(with(1, "AUTH LOGIN")),
      print(with(0, "HELO pc.example")),
      print(with(0, "EHLO")),
      print(with(0, "EHLO [192.0.2.1]")),
      print(with(0, "EHLO 192.0.2.1")),
      print(with(0, "EHLO pc")),
      print(with(0, "EHLO PC.EXAMPLE")),
      print(with(0, "MAIL FROM:<>")),
      print(rset_first),
      print(kBot, /*pipelined=*/true),
      print(kBot, false, "TLSv1.3 X"),
      print(kBot, false, "TLSv1.2 Y"),
      print({}),
  };
  std::sort(prints.begin(), prints.end());
  CHECK(std::adjacent_find(prints.begin(), prints.end()) == prints.end());
  CHECK(prints.front() == 0);
}

TEST_CASE("how far a dialog came makes no other crowd of it, for whatever reason it ended") {
  const auto whole = print(kBot);
  for (size_t length = 1; length <= kBot.size(); ++length) {
    const Lines lines(kBot.begin(), kBot.begin() + static_cast<ptrdiff_t>(length));
    CAPTURE(length);
    CHECK(print_begins(print(lines), whole));
    auto quits = lines;
    quits.emplace_back("QUIT");
    CHECK(print_begins(print(quits), whole));
  }
  // What follows a recipient depends on what we said of it.
  for (const auto* const next : {"QUIT", "RSET", "DATA", "RCPT TO:<b@x.example>"})
    CHECK(print(with(3, next)) == whole);
  const Lines secured = {kBot[0], "STARTTLS", kBot[0], kBot[1], kBot[2]};
  CHECK(print_begins(print({kBot[0], "STARTTLS"}), print(secured, false, "TLSv1.3 X")));
  CHECK(print_begins(print({kBot[0], "STARTTLS", kBot[0]}, false, "TLSv1.3 X"),
                     print(secured, false, "TLSv1.3 X")));
  CHECK(!print_begins(print({kBot[0], kBot[1]}), print(secured, false, "TLSv1.3 X")));
  CHECK(!print_begins(print({"HELO pc.example"}), whole));
}

TEST_CASE("the same for ever: prints are stored and compared") {
  CHECK(print_text(print(kBot)) == "0802000000030004");
  CHECK(print_text(print(with(1, "mail from: <> size=9"))) ==
        "08020000"
        "0e230004");
}

TEST_CASE("habits in words") {
  CHECK(print_words(print(kBot)) == "EHLO with a full name, then MAIL and RCPT; upper-case verbs");
  CHECK(print_words(print({"helo pc", "mail from: <> SIZE=9", "rcpt to:<a@x.example>"}, true)) ==
        "HELO with one word, then MAIL and RCPT; lower-case verbs, pipelines, space behind the "
        "colon, lower-case from: or to:, says SIZE");
  CHECK(print_words(print({"EHLO [192.0.2.1]"}, false, "TLSv1.3 X")) ==
        "EHLO with an address literal, TLS; upper-case verbs");
  CHECK(print_words(print({"EHLO a.b", "AUTH LOGIN"})) ==
        "EHLO with a full name, then AUTH; upper-case verbs");
  CHECK(print_words(print({"FOO"})) == "UNKNOWN; upper-case verbs");
}

}  // namespace ravelin::proxy
