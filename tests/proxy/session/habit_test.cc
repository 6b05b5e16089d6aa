#include "proxy/session/habit.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace ravelin::proxy {
namespace {

uint64_t print(const std::vector<std::string>& lines, const std::string& helo = "pc.example",
               bool pipelined = false, const std::string& tls = "") {
  Habit habit;
  for (const auto& line : lines) habit.command(line, smtp::parse_command(line).verb, pipelined);
  DialogInfo dialog;
  dialog.helo = helo;
  dialog.esmtp = true;
  dialog.tls = tls;
  return habit.print(dialog);
}

const std::vector<std::string> kBot = {"EHLO pc.example", "MAIL FROM:<>", "RCPT TO:<a@x.example>",
                                       "QUIT"};

}  // namespace

TEST_CASE("names, numbers of recipients and of mails make no difference") {
  auto other = kBot;
  other[2] = "RCPT TO:<somebody.else@y.example>";
  CHECK(print(other) == print(kBot));
  other.insert(other.begin() + 2, 5, "RCPT TO:<b@x.example>");
  auto more = other;
  more.insert(more.begin() + 3, "RCPT TO:<c@x.example>");
  CHECK(print(more) == print(other));
  CHECK(print(kBot, "another.pc.example") == print(kBot));
}

TEST_CASE("what a program does without thinking makes a difference") {
  const auto with = [](size_t line, const std::string& text) {
    auto lines = kBot;
    lines[line] = text;
    return print(lines);
  };
  std::vector<uint64_t> prints = {
      print(kBot),
      with(1, "mail FROM:<>"),
      with(1, "Mail FROM:<>"),
      with(1, "MAIL FROM: <>"),
      with(1, "MAIL from:<>"),
      with(1, "MAIL FROM:<> "),
      with(1, "MAIL FROM:<> SIZE=100"),
      with(1, "MAIL FROM:<> body=8BITMIME"),
      with(0, "HELO pc.example"),
      with(3, "RSET"),
      print(kBot, "[192.0.2.1]"),
      print(kBot, "192.0.2.1"),
      print(kBot, "pc"),
      print(kBot, "PC.EXAMPLE"),
      print(kBot, "pc.example", /*pipelined=*/true),
      print(kBot, "pc.example", false, "TLSv1.3 X"),
      print({}),
  };
  std::sort(prints.begin(), prints.end());
  CHECK(std::adjacent_find(prints.begin(), prints.end()) == prints.end());
  CHECK(prints.front() == 0);
}

TEST_CASE("the same for ever: prints are stored and compared") {
  CHECK(print(kBot) == print(kBot));
  for (unsigned mark = 0; mark < Habit::kMarks; ++mark) CHECK(!Habit::mark_name(mark).empty());
}

}  // namespace ravelin::proxy
