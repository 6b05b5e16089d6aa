// Mixtures of what ends lines and data in whole dialogs, from the client's socket to the backend's:
// whatever is in them, the backend sees the one message that was sent, or none, and a refused one
// ends its connection before any dot.                               RFC 5321 §2.3.8, §4.1.1.4
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "proxy/smuggling/front.h"
#include "proxy/smuggling/lax_reading.h"
#include "proxy/smuggling/mixtures.h"
#include "smtp/data_support.h"

namespace ravelin::test {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kEnvelope =
    "EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<bob@mx.example>\r\nDATA\r\n";

// Does the client itself, by the letter of the RFC, begin another transaction with |commands|? A
// line that is broken ends the dialog; one that is no command is refused and changes nothing.
bool sends_more(std::string_view commands) {
  for (auto end = commands.find("\r\n"); end != commands.npos; end = commands.find("\r\n")) {
    const auto line = commands.substr(0, end);
    if (line.find_first_of("\r\n\0"sv) != line.npos) return false;
    if (line == kEvilMail) return true;
    commands.remove_prefix(end + 2);
  }
  return false;
}

// The code of each reply, the last line of it.
std::string codes(std::string_view heard) {
  std::string out;
  for (auto end = heard.find("\r\n"); end != heard.npos; end = heard.find("\r\n")) {
    if (heard.size() > 3 && heard[3] != '-') out.append(heard.substr(0, 3)).append(" ");
    heard.remove_prefix(end + 2);
  }
  return out;
}

// |text| without our Received: field.
std::string without_trace(const std::string& text) {
  auto at = text.find("\r\n");
  while (at != text.npos && at + 2 < text.size() && (text[at + 2] == ' ' || text[at + 2] == '\t'))
    at = text.find("\r\n", at + 2);
  return text.starts_with("Received:") && at != text.npos ? text.substr(at + 2) : text;
}

struct Seen {
  std::vector<std::string> senders;  // of MAIL commands
  std::vector<std::string> messages;
  bool open_text = false;  // a connection is open in the middle of a message
};

// "" or what is wrong with what came to the backend, whatever the client sent.
std::string look_at(const KeepingBackend& backend, Seen& seen) {
  for (const auto& [number, connection] : backend.connections) {
    if (auto danger = danger_in(connection.bytes); !danger.empty()) return danger;
    auto reading = LaxReader({}, connection.bytes).read();
    for (const auto& command : reading.commands) {
      if (command.starts_with("MAIL "))
        seen.senders.push_back(command.substr(0, command.find('>')));
    }
    for (auto& message : reading.messages) seen.messages.push_back(without_trace(message));
    seen.open_text |= reading.in_text && !connection.lost;
  }
  return {};
}

// "" or what went wrong on the way of one text.
std::string pass(Front& front, const std::string& wire, size_t chunk, bool normalise) {
  const auto want = expect_text(wire, normalise);
  const auto heard = codes(front.dialog(kEnvelope, wire, chunk));
  Seen seen;
  if (auto wrong = look_at(front.backend, seen); !wrong.empty()) return wrong;
  if (!front.ended()) return "the dialog goes on";
  if (seen.senders.empty() || seen.senders[0] != "MAIL FROM:<a@client.example") return "the sender";
  if (seen.open_text) return "a message stays open at the backend";
  if (want.status == smtp::DataReader::Status::Fault) {
    if (heard != "220 250 250 250 354 554 ") return "replies: " + heard;
    if (!seen.messages.empty()) return "a message that was refused is delivered";
    return seen.senders.size() == 1 ? "" : "a second MAIL";
  }
  if (!heard.starts_with("220 250 250 250 354 250 ")) return "replies: " + heard;
  const size_t mails = sends_more(std::string_view(wire).substr(want.consumed)) ? 2 : 1;
  if (seen.senders.size() != mails) return std::to_string(seen.senders.size()) + " MAIL commands";
  if (seen.messages.size() != mails) return std::to_string(seen.messages.size()) + " messages";
  if (front.journal().count("delivered") != mails) return "another number in the log";
  return seen.messages[0] == want.text ? "" : "the text: " + visible(seen.messages[0]);
}

void try_dialogs(size_t longest, size_t chunk) {
  const bool normalise = GENERATE(false, true);
  const std::string before = GENERATE("Subject: x\r\n\r\nbody", "Subject: x\r\n\r\nbody\r\n");
  CAPTURE(normalise, chunk);
  Front front(normalise);
  try_all(longest, before,
          [&](const std::string& wire) { return pass(front, wire, chunk, normalise); });
}

TEST_CASE("No mixture in a dialog smuggles a message, whole") { try_dialogs(4, 0); }
TEST_CASE("No mixture in a dialog smuggles a message, byte by byte") { try_dialogs(4, 1); }

TEST_CASE("A refused text loses its backend at once, while the client goes on") {
  const auto fault = GENERATE(values<std::string_view>({"\n.\n", "\r.\r", "\0"sv, "\r\n.\rx"}));
  Front front(false);
  const auto peer = front.connect();
  front.send(*peer, kEnvelope, 0);
  front.send(*peer, "body", 0);
  REQUIRE(front.backend.connections.size() == 1);
  CHECK_FALSE(front.backend.connections.begin()->second.lost);
  front.send(*peer, fault, 0);
  CHECK(front.backend.connections.begin()->second.lost);
  CHECK_FALSE(front.ended());
}

// As long as in relay_test.cc. These are minutes instead of seconds, so on demand:
// smuggling_tests "[long]"
TEST_CASE("No long mixture in a dialog smuggles a message, whole", "[.][long]") {
  try_dialogs(6, 0);
}
TEST_CASE("No long mixture in a dialog smuggles a message, byte by byte", "[.][long]") {
  try_dialogs(6, 1);
}

}  // namespace
}  // namespace ravelin::test
