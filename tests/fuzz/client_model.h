// What a client may expect to hear, worked out afterwards from all that it said and all that it
// heard; the plainest reading, which shares no code with the session.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/script.h"
#include "support/plain_text.h"

namespace ravelin::fuzz {

struct HeardReply {
  int code = 0;
  std::string lines{};  // of all of it, each with its CRLF
  bool positive() const { return code >= 200 && code < 400; }
};

// Each reply is whole, clean and printable.
inline std::vector<HeardReply> split_replies(std::string_view wire) {
  must(is_clean(wire), "replies are clean");
  std::vector<HeardReply> replies;
  std::string lines;
  while (!wire.empty()) {
    const auto end = wire.find("\r\n");
    must(end != wire.npos && end >= 3 && end <= 510, "a reply is lines of their proper length");
    const auto line = wire.substr(0, end);
    int code = 0;
    for (const char c : line.substr(0, 3)) {
      must(c >= '0' && c <= '9', "a reply has a code");
      code = code * 10 + (c - '0');
    }
    for (const char c : line) must(c >= ' ' && c <= '~', "a reply is printable");
    lines.append(line).append("\r\n");
    if (line.size() < 4 || line[3] != '-') replies.push_back({code, std::exchange(lines, {})});
    wire.remove_prefix(end + 2);
  }
  return replies;
}

struct ClientFacts {
  bool normalise = false;
  bool closed = false;       // by the program; if it is not, that waits for nobody else
  bool front = false;        // it may say XCLIENT
  bool tls = false;          // STARTTLS is offered
  bool must_secure = false;  // and nothing goes without
};

class ClientModel {
 public:
  // |in_tls|: what was said behind a handshake; null if there was none.
  ClientModel(std::string_view said, const std::string* in_tls, std::vector<HeardReply> heard,
              const ClientFacts& facts)
      : rest_(said),
        in_tls_(in_tls),
        heard_(std::move(heard)),
        facts_(facts),
        closed_(facts.closed),
        front_(facts.front) {
    walk();
    if (unanswered_) must(closed_, "each command has its reply");
    if (next_ < heard_.size()) goodbye();
    must(next_ == heard_.size(), "each reply has its command");
  }
  // The texts of the messages that were taken, in order.
  const std::vector<std::string>& taken() const { return taken_; }

 private:
  void walk() {
    const auto* const greeting = reply();
    if (greeting == nullptr) return;
    if (greeting->code != 220) return last();
    while (!over_ && command()) {
    }
  }
  // False: nothing more can be read.
  bool command() {
    const auto end = rest_.find('\n');
    const auto line = rest_.substr(0, end == rest_.npos ? end : end + 1);
    if (broken(line)) return answer_broken();
    if (end == rest_.npos) return false;
    rest_.remove_prefix(line.size());
    const auto* const heard = reply();
    if (heard == nullptr) return unanswered(true);
    const auto verb = verb_of(line);
    if (verb == "STARTTLS") return starttls(*heard);
    if (heard->code == 220) greeted_again(verb, line);
    if (heard->code == 250) follow(verb, line, *heard);
    if (heard->code == 421 || verb == "BDAT") return last(), false;
    if (verb == "QUIT" && heard->positive()) return last(), false;
    if (heard->code != 354) return true;
    must(verb == "DATA", "354 goes to DATA");
    return text();
  }
  // By XCLIENT: from a front, and once its address was said not any more.
  void greeted_again(std::string_view verb, std::string_view line) {
    must(verb == "XCLIENT" && front_, "nobody else is greeted twice");
    std::string upper(line);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    front_ = upper.find(" ADDR=") == upper.npos;
    greeted_ = false;
  }
  // What is said in TLS begins anew; what comes between the 220 and the handshake is nobody's, and
  // without a handshake nothing more is said.                                       RFC 3207 §4.2
  bool starttls(const HeardReply& heard) {
    if (heard.code == 421 || heard.code == 554) return last(), false;  // crowded
    if (heard.code != 220) return true;
    must(facts_.tls && !tls_, "STARTTLS is for once, and if offered");
    if (in_tls_ == nullptr) {
      must(next_ == heard_.size(), "nothing is said between the clear and TLS");
      over_ = true;
      return false;
    }
    rest_ = *in_tls_;
    tls_ = true;
    greeted_ = false;
    return true;
  }
  void follow(std::string_view verb, std::string_view line, const HeardReply& heard) {
    if (verb == "EHLO" || verb == "HELO") {
      greeted_ = true;
      check_offer(heard.lines);
    }
    if (verb != "MAIL") return;
    must(greeted_, "who has not greeted sends nothing");
    must(tls_ || !facts_.must_secure, "where TLS is a must nothing goes without");
    std::string rest(line.substr(line.rfind('>') + 1));
    for (char& c : rest) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    must(tls_ || rest.find("REQUIRETLS") == rest.npos, "REQUIRETLS is for TLS");
  }
  void check_offer(const std::string& lines) const {
    const auto offers = [&](const char* what) { return lines.find(what) != lines.npos; };
    must(offers("STARTTLS\r\n") == (facts_.tls && !tls_ && offers("250-")),
         "STARTTLS is offered in the clear");
    must(tls_ || !offers("REQUIRETLS\r\n"), "REQUIRETLS is offered in TLS");
    must(!offers("LIMITS\r\n") && !offers("RCPTMAX=0"), "a limit has a number");
  }
  bool text() {
    const auto plain = test::expect_text(rest_, facts_.normalise);
    const auto* const heard = plain.status == smtp::DataReader::Status::More ? nullptr : reply();
    if (heard == nullptr) return unanswered(plain.status == smtp::DataReader::Status::End);
    if (plain.status == smtp::DataReader::Status::Fault) {
      must(heard->code >= 400, "a broken text is refused");
      return last(), false;
    }
    rest_.remove_prefix(plain.consumed);
    if (heard->positive()) taken_.push_back(plain.text);
    if (next_ == heard_.size() && closed_) over_ = true;  // refused half-way, perhaps
    return !over_;
  }
  bool answer_broken() {
    const auto* const heard = reply();
    if (heard == nullptr) return unanswered(true);
    must(heard->code == 500 || heard->code == 421, "a broken line is refused");
    last();
    return false;
  }
  bool unanswered(bool asked) {
    unanswered_ = asked;
    return false;
  }
  // A line end that is none, a NUL, or no end where there should have been one.
  static bool broken(std::string_view line) {
    const auto cr = line.find('\r');
    const bool ends = line.ends_with("\r\n");
    if (line.find('\0') != line.npos || line.size() > 2048) return true;
    if (!line.empty() && line.back() == '\n' && !ends) return true;
    if (ends) return cr != line.size() - 2;
    return (cr != line.npos && cr + 1 != line.size()) || line.size() >= 2048;
  }
  static std::string verb_of(std::string_view line) {
    auto verb = std::string(line.substr(0, line.find_first_of(" \t\r")));
    for (char& c : verb) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return verb;
  }
  const HeardReply* reply() { return next_ < heard_.size() ? &heard_[next_++] : nullptr; }
  void last() {
    over_ = true;
    must(closed_, "the last words end the connection");
    must(next_ == heard_.size(), "nothing is said behind the last words");
  }
  // Said in nobody's turn: it waited too long, is going down, or lost the backend in mid-text.
  void goodbye() {
    must(heard_[next_].code >= 400, "nothing good is said unasked");
    ++next_;
    last();
  }

  std::string_view rest_;
  const std::string* const in_tls_;
  const std::vector<HeardReply> heard_;
  const ClientFacts facts_;
  const bool closed_;
  bool front_;
  size_t next_ = 0;
  bool over_ = false;
  bool unanswered_ = false;
  bool tls_ = false;
  bool greeted_ = false;
  std::vector<std::string> taken_;
};

}  // namespace ravelin::fuzz
