// The backend's side of a memory stream: reads commands, answers by rule.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/event/proxy_header.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"

namespace ravelin::test {

// All connections of one MemoryConnector. Answers are lines with CRLF; "" means silence, "-" that
// the connection is closed.
class ScriptedBackend {
 public:
  ScriptedBackend(MemoryConnector& connector, ManualReactor& reactor)
      : connector_(connector), reactor_(reactor) {}

  std::string banner = "220 mail.internal ESMTP\r\n";
  std::string ehlo =
      "250-mail.internal Hello ravelin [192.0.2.25]\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
      "250-8BITMIME\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n";
  // Replies by the beginning of the command, the longest match first; the rest gets 250.
  std::map<std::string, std::string, std::less<>> replies{
      {"DATA", "354 go on\r\n"}, {"QUIT", "221 2.0.0 bye\r\n"}, {".", "250 2.0.0 queued as X\r\n"}};
  std::pair<std::string, std::string> once;  // one such reply, before |replies|
  // To connections that speak for a client, by XCLIENT or PROXY: before |replies|, and in place of
  // |banner| (after a header) and |ehlo|.
  std::map<std::string, std::string, std::less<>> named_replies;
  std::optional<std::string> named_banner, named_ehlo;
  bool proxy_headers = false;  // wants one in front, and hangs up without it
  // LHLO only, and a reply to the dot for each recipient that was accepted: by address, or "250".
  bool lmtp = false;
  std::map<std::string, std::string, std::less<>> verdicts;
  bool refuse_connections = false;
  bool hang_connections = false;
  bool ignore_ends = false;  // keep a connection whose other side is shut down
  size_t chunk = 0;          // of what we send
  // What a handshake comes to. Silence: nothing more is heard.
  enum class Handshake : uint8_t { Done, Fails, Silence };
  Handshake handshake = Handshake::Done;
  proxy::TlsFacts tls{.version = "TLSv1.3", .cipher = "x", .bits = 256, .verified = true};
  std::string ehlo_in_tls{};  // "": as |ehlo|

  struct Connection {
    std::vector<std::string> writes;  // as they came, one for each turn
    std::vector<std::string> commands;
    std::string text;                   // of the last message, as it came
    std::vector<std::string> envelope;  // MAIL and RCPTs that were accepted
    std::string unread;
    std::optional<proxy::ProxyHeader> header;  // if |proxy_headers|
    bool named = false;                        // it speaks for a client
    bool in_text = false;
    bool greeted = false;
    bool ended = false;
    bool secured = false;
    int fd = -1;  // the number among the connector's
  };
  std::vector<Connection> connections;
  // What was accepted, and for whom.
  struct Message {
    std::vector<std::string> envelope;
    std::string text;
  };
  std::vector<Message> messages;

  void offer_xclient() {
    ehlo =
        "250-mail.internal Hello\r\n250-PIPELINING\r\n250-DSN\r\n250-8BITMIME\r\n"
        "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN\r\n250 SIZE 1000000\r\n";
    replies["XCLIENT"] = "220 mail.internal ESMTP\r\n";
  }

  // Turns the loop until nobody has anything left to say.
  void run() {
    for (bool more = true; more;) {
      reactor_.run();
      more = false;
      while (connections.size() < connector_.opened.size()) {
        connections.emplace_back();
        more = true;
      }
      for (size_t i = 0; i < connections.size(); ++i) more |= turn(i);
    }
  }
  MemoryPeer& peer(size_t i) { return *connector_.opened[i].peer; }
  void send(size_t i, std::string_view bytes) { peer(i).stream->send(bytes, chunk); }
  void close(size_t i) {
    connections[i].ended = true;
    if (peer(i).stream != nullptr) peer(i).stream->end(proxy::StreamEnd::Eof);
  }
  // Was |command| the last thing that came?
  bool asked(size_t i, std::string_view command) const {
    return !connections[i].commands.empty() && connections[i].commands.back().starts_with(command);
  }
  size_t open() const {
    size_t count = 0;
    for (const auto& entry : connector_.opened) count += entry.peer->stream != nullptr ? 1 : 0;
    return count;
  }
  std::vector<std::string> all_commands() const {
    std::vector<std::string> all;
    for (const auto& connection : connections)
      all.insert(all.end(), connection.commands.begin(), connection.commands.end());
    return all;
  }

 private:
  bool turn(size_t i) {
    auto& connection = connections[i];
    if (connection.ended) return false;
    if (!connection.greeted) return peer(i).stream != nullptr && greet(i);
    if (peer(i).securing && peer(i).stream != nullptr) return shake_hands(i);
    const auto came = peer(i).take();
    if (came.empty()) {
      if (!peer(i).cut || ignore_ends) return false;
      close(i);
      return true;
    }
    connection.writes.push_back(came);
    connection.unread += came;
    if (proxy_headers && !connection.header && !header(i)) return true;
    while (line(i)) {
    }
    return true;
  }
  bool shake_hands(size_t i) {
    if (handshake == Handshake::Silence) return false;
    peer(i).securing = false;
    connections[i].secured = handshake == Handshake::Done;
    if (handshake == Handshake::Done)
      peer(i).stream->secured(tls);
    else
      peer(i).stream->end(proxy::StreamEnd::TlsFailed);
    connections[i].ended = handshake == Handshake::Fails;
    return true;
  }
  bool greet(size_t i) {
    connections[i].greeted = true;
    auto* const stream = peer(i).stream;
    if (hang_connections) return false;
    if (refuse_connections) {
      connections[i].ended = true;
      stream->end(proxy::StreamEnd::ConnectRefused);
      return true;
    }
    stream->connected();
    reactor_.run();
    if (!proxy_headers) say(i, banner);
    return true;
  }
  bool header(size_t i) {
    auto& connection = connections[i];
    const auto found = proxy::read_proxy_header(connection.unread);
    if (found.status == proxy::ProxyHeader::Status::Bad) close(i);
    if (found.status != proxy::ProxyHeader::Status::Done) return false;
    connection.header = found;
    connection.named = found.client.has_value();
    connection.unread.erase(0, found.size);
    say(i, connection.named ? named_banner.value_or(banner) : banner);
    return true;
  }
  bool line(size_t i) {
    auto& connection = connections[i];
    const auto end = connection.unread.find("\r\n");
    if (end == std::string::npos || connection.ended) return false;
    const auto text = connection.unread.substr(0, end);
    connection.unread.erase(0, end + 2);
    if (connection.in_text && text != ".") {
      connection.text += text + "\r\n";
      return true;
    }
    connection.commands.push_back(text);
    if (connection.in_text && lmtp) {
      end_text(i);
      return true;
    }
    const bool again = connection.secured && !ehlo_in_tls.empty() &&
                       (text.starts_with("EHLO") || text.starts_with("LHLO"));
    const auto answer = again ? ehlo_in_tls : reply_to(text, connection.named);
    if (text.starts_with("XCLIENT") && text.find(" ADDR=") != std::string::npos)
      connection.named |= answer.starts_with("220");
    note(connection, text, answer.starts_with('2'));
    connection.in_text = answer.starts_with("354");
    if (connection.in_text) connection.text.clear();
    say(i, answer);
    return true;
  }
  void note(Connection& connection, const std::string& command, bool accepted) {
    if (connection.in_text && accepted) messages.push_back({connection.envelope, connection.text});
    if (command.starts_with("MAIL") || command.starts_with("RSET")) connection.envelope.clear();
    if (accepted && (command.starts_with("MAIL") || command.starts_with("RCPT")))
      connection.envelope.push_back(command);
  }
  void end_text(size_t i) {
    auto& connection = connections[i];
    connection.in_text = false;
    Message message{{connection.envelope.front()}, connection.text};
    std::string answers;
    for (const auto& line : connection.envelope) {
      if (!line.starts_with("RCPT")) continue;
      const auto from = line.find('<') + 1;
      const auto name = line.substr(from, line.find('>') - from);
      const auto verdict = verdicts.find(name);
      const auto answer =
          verdict == verdicts.end() ? "250 2.0.0 <" + name + "> saved\r\n" : verdict->second;
      if (answer.starts_with('2')) message.envelope.push_back(line);
      if (answer == "-") {
        send(i, answers);
        if (message.envelope.size() > 1) messages.push_back(message);
        return close(i);
      }
      answers += answer;
    }
    if (message.envelope.size() > 1) messages.push_back(message);
    connection.envelope.clear();
    say(i, answers);
  }
  using Replies = std::map<std::string, std::string, std::less<>>;
  static const std::string* find(const Replies& replies, std::string_view command) {
    const std::string* best = nullptr;
    size_t longest = 0;
    for (const auto& [prefix, reply] : replies)
      if (command.starts_with(prefix) && prefix.size() >= longest) {
        best = &reply;
        longest = prefix.size();
      }
    return best;
  }
  std::string reply_to(std::string_view command, bool named) {
    static const std::string kOk = "250 2.0.0 ok\r\n";
    if (!once.first.empty() && command.starts_with(once.first))
      return std::exchange(once, {}).second;
    if (lmtp && (command.starts_with("EHLO") || command.starts_with("HELO")))
      return "500 5.5.2 this is LMTP\r\n";
    if (!lmtp && command.starts_with("LHLO")) return "502 5.5.1 what\r\n";
    if (command.starts_with(lmtp ? "LHLO" : "EHLO"))
      return named ? named_ehlo.value_or(ehlo) : ehlo;
    if (named)
      if (const auto* const reply = find(named_replies, command)) return *reply;
    const auto* const reply = find(replies, command);
    return reply != nullptr ? *reply : kOk;
  }
  void say(size_t i, const std::string& answer) {
    if (answer == "-") return close(i);
    if (!answer.empty() && peer(i).stream != nullptr) send(i, answer);
  }

  MemoryConnector& connector_;
  ManualReactor& reactor_;
};

}  // namespace ravelin::test
