// The backends' ends of all connections: what was said to them, read as plainly as they would, and
// what they say, by rule or by script.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/script.h"
#include "proxy/config/config.h"
#include "proxy/event/proxy_header.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"

namespace ravelin::fuzz {

struct WireMessage {
  std::string text;   // as it came, with its end
  bool safe = false;  // in TLS, from whom the certificate was checked
  std::string reply;  // what was said since its end, until the next one
  // How many replies were a 2xx, whatever else there was?
  size_t accepted() const {
    size_t count = 0;
    for (size_t at = 0; at < reply.size();) {
      const auto end = reply.find('\n', at);
      if (end == reply.npos) break;
      if (reply[at] == '2' && reply.substr(at, 4).find('-') == reply.npos) ++count;
      at = end + 1;
    }
    return count;
  }
};

class WireBackend {
 public:
  enum class Door : uint8_t { Open, Refuses, Hangs };

  WireBackend(test::MemoryConnector& connector, test::ManualReactor& reactor)
      : connector_(connector), reactor_(reactor) {}

  Door door = Door::Open;
  bool by_rule = true;  // replies by itself
  size_t chunk = 0;
  bool pipelining = true;
  bool proxy_headers = false;  // wants one in front
  bool xclient = false;        // offers it
  bool lmtp = false;
  bool starttls = false;  // offers it
  bool limits = false;    // offers LIMITS
  // What handshakes come to.
  enum class Handshake : uint8_t { Done, Fails, Silence };
  Handshake handshake = Handshake::Done;
  // What connections that are opened from now on have to keep to.
  proxy::BackendTls tls = proxy::BackendTls::Off;
  std::vector<WireMessage> messages;  // those that came to their end

  static constexpr size_t kMailMax = 4, kRcptMax = 2;

  // True if something happened.
  bool turn() {
    bool more = false;
    while (peers_.size() < connector_.opened.size()) {
      peers_.emplace_back();
      peers_.back().tls = tls;
    }
    for (size_t i = 0; i < peers_.size(); ++i) more |= turn(i);
    return more;
  }
  // To the connection that is |back| from the newest that is open.
  void say(size_t back, std::string_view words) {
    if (const auto i = find(back); i < peers_.size()) say_to(i, words);
  }
  void end(size_t back, proxy::StreamEnd how) {
    if (const auto i = find(back); i < peers_.size()) stream(i)->end(how);
  }
  void read(size_t back, bool reads) {
    const auto i = find(back);
    if (i >= peers_.size()) return;
    connector_.opened[i].peer->congested = !reads;
    if (reads) stream(i)->drained();
  }
  // Nothing is in anybody's way any more; who hangs has hung long enough.
  void relent() {
    door = Door::Refuses;
    handshake = Handshake::Fails;
    for (size_t i = 0; i < peers_.size(); ++i) {
      if (stream(i) == nullptr) continue;
      connector_.opened[i].peer->congested = false;
      if (peers_[i].greeted)
        stream(i)->drained();
      else
        stream(i)->end(proxy::StreamEnd::ConnectTimeout);
    }
  }
  size_t open() const {
    size_t count = 0;
    for (const auto& one : connector_.opened) count += one.peer->stream != nullptr ? 1 : 0;
    return count;
  }

 private:
  struct Peer {
    bool greeted = false;
    bool asked_data = false;  // the last command was DATA
    bool in_text = false;
    bool headed = false;  // a PROXY header has come
    bool named = false;   // it speaks for a client
    proxy::BackendTls tls{};
    bool asked_tls = false;  // the last command was STARTTLS
    bool secured = false;
    bool hello = false;   // since the banner, or since the handshake
    bool limits = false;  // were stated in the last EHLO reply
    size_t rcpts = 0;     // of this transaction
    size_t mails = 0;
    size_t recipients = 0;  // accepted by rule
    std::string unread;
    size_t message = SIZE_MAX;  // the last one that came whole
    std::string line;           // of ours, unfinished
  };

  test::MemoryStream* stream(size_t i) const { return connector_.opened[i].peer->stream; }
  size_t find(size_t back) const {
    for (size_t i = peers_.size(); i-- > 0;) {
      if (stream(i) != nullptr && peers_[i].greeted && back-- == 0) return i;
    }
    return peers_.size();
  }
  bool turn(size_t i) {
    if (stream(i) == nullptr) return false;
    if (!peers_[i].greeted) return greet(i);
    auto& peer = *connector_.opened[i].peer;
    if (peer.congested) return false;
    const bool more = !peer.received.empty();
    peers_[i].unread += peer.take();
    if (more && proxy_headers && !peers_[i].headed) take_header(peers_[i]);
    while (peers_[i].in_text ? take_text(i) : take_command(i)) {
    }
    return (peer.securing && shake_hands(i)) || more;
  }
  bool greet(size_t i) {
    if (door == Door::Hangs) return false;
    peers_[i].greeted = true;
    if (door == Door::Refuses) {
      stream(i)->end(proxy::StreamEnd::ConnectRefused);
      return true;
    }
    stream(i)->connected();
    reactor_.run();
    if (by_rule) say_to(i, "220 mail.internal ESMTP\r\n");
    return true;
  }
  bool shake_hands(size_t i) {
    if (handshake == Handshake::Silence || stream(i) == nullptr) return false;
    auto& peer = peers_[i];
    must(peer.asked_tls && peer.unread.empty(), "nothing is said between STARTTLS and TLS");
    connector_.opened[i].peer->securing = false;
    if (handshake == Handshake::Fails) {
      stream(i)->end(proxy::StreamEnd::TlsFailed);
      return true;
    }
    peer.secured = true;
    peer.hello = peer.limits = peer.asked_tls = false;
    stream(i)->secured({.version = "TLSv1.3", .cipher = "x", .bits = 256, .verified = true});
    return true;
  }
  // Nothing goes in the clear that must not, and no more than was said to be taken.
  void check_way(Peer& peer, std::string_view command) {
    const bool mail = command.starts_with("MAIL "), rcpt = command.starts_with("RCPT ");
    if (command.starts_with("EHLO ") || command.starts_with("LHLO ") ||
        command.starts_with("HELO ")) {
      peer.hello = true;
      unlimited_ |= !by_rule || !limits;
    }
    must(peer.hello || command == "QUIT\r\n", "a greeting comes first");
    peer.asked_tls = command == "STARTTLS\r\n";
    must(!peer.asked_tls || !peer.secured, "there is one handshake");
    must(!peer.asked_tls || peer.tls != proxy::BackendTls::Off, "who wants no TLS asks for none");
    must(!mail || peer.secured || peer.tls <= proxy::BackendTls::May, "mail is in TLS if it must");
    must(command.find(" REQUIRETLS") == command.npos || !mail || is_safe(peer),
         "REQUIRETLS goes where the certificate was checked");
    if (mail) peer.rcpts = 0;
    if (rcpt) ++peer.rcpts;
    if (mail && !proxy_headers && !xclient) ++peer.mails;
    if (!peer.limits) return;
    must(peer.mails <= kMailMax, "a connection has no more MAILs than it may");
    // Recipients that were taken where there was no limit are said again, whatever is said to it.
    must(unlimited_ || peer.rcpts <= kRcptMax, "a transaction has no more RCPTs than it may");
  }
  static bool is_safe(const Peer& peer) {
    return peer.secured && peer.tls == proxy::BackendTls::Verify;
  }
  static void take_header(Peer& peer) {
    const auto header = proxy::read_proxy_header(peer.unread);
    must(header.status == proxy::ProxyHeader::Status::Done, "a header comes first, and whole");
    peer.headed = true;
    peer.named = header.client.has_value();
    peer.unread.erase(0, header.size);
  }
  // Who speaks for a client brings one mail, and no other connection brings any text.
  void check_named(Peer& peer, std::string_view command) const {
    if (!proxy_headers && !xclient) return;
    if (command.starts_with("XCLIENT ")) {
      must(!peer.named && peer.mails == 0, "a client is named once, and before its mail");
      peer.named = command.find(" ADDR=") != command.npos;
    }
    if (command.starts_with("MAIL ")) ++peer.mails;
    must(!peer.named || peer.mails <= 1, "a client's connection is nobody else's");
    must(peer.named || command != "DATA\r\n", "mail goes where the client is named");
  }
  bool take_command(size_t i) {
    auto& peer = peers_[i];
    const auto end = peer.unread.find('\n');
    if (end == peer.unread.npos) return false;
    const auto command = peer.unread.substr(0, end + 1);
    peer.unread.erase(0, end + 1);
    must(command.ends_with("\r\n") && is_one_line(command.substr(0, end - 1)),
         "a command is clean");
    must(command.size() <= 4096, "a command has its length");
    check_named(peer, command);
    check_way(peer, command);
    peer.asked_data = command == "DATA\r\n";
    if (!by_rule) return true;
    const auto reply = reply_to(peer, command);
    if (command.starts_with("MAIL") || command.starts_with("RSET")) peer.recipients = 0;
    if (command.starts_with("RCPT") && reply.starts_with("2")) ++peer.recipients;
    say_to(i, reply);
    return true;
  }
  bool take_text(size_t i) {
    auto& peer = peers_[i];
    const bool empty = peer.unread.starts_with(".\r\n");
    const auto end = peer.unread.find("\r\n.\r\n");
    if (!empty && end == peer.unread.npos) return false;
    const auto size = empty ? 3 : end + 5;
    must(is_clean(peer.unread.substr(0, size)), "a text is clean");
    peer.in_text = peer.asked_data = false;
    peer.message = messages.size();
    messages.push_back({peer.unread.substr(0, size), is_safe(peer), {}});
    peer.unread.erase(0, size);
    for (size_t n = lmtp ? peer.recipients : 1; by_rule && n > 0; --n)
      say_to(i, "250 2.0.0 queued\r\n");
    return true;
  }
  std::string reply_to(Peer& peer, std::string_view command) const {
    if (command.starts_with("XCLIENT")) return "220 mail.internal ESMTP\r\n";
    must(!command.starts_with(lmtp ? "EHLO" : "LHLO") && !(lmtp && command.starts_with("HELO")),
         "the greeting is of its protocol");
    if (command.starts_with("EHLO") || command.starts_with("LHLO")) return offers(peer);
    if (command == "STARTTLS\r\n") return starttls ? "220 go\r\n" : "454 4.7.0 not now\r\n";
    if (command.starts_with("RCPT TO:<no")) return "550 5.1.1 User unknown\r\n";
    if (command.starts_with("RCPT TO:<later")) return "451 4.3.0 later\r\n";
    if (command.starts_with("RCPT TO:<many")) return "452 4.5.3 too many\r\n";
    if (command.starts_with("RCPT TO:<bye")) return "421 4.3.2 bye\r\n";
    if (command.starts_with("RCPT TO:<silent")) return "";
    if (command == "DATA\r\n") return "354 go on\r\n";
    return "250 2.0.0 ok\r\n";
  }
  std::string offers(Peer& peer) const {
    std::string lines = "250-mail\r\n";
    if (pipelining) lines += "250-PIPELINING\r\n250-8BITMIME\r\n";
    if (starttls && !peer.secured) lines += "250-STARTTLS\r\n";
    if (starttls) lines += "250-REQUIRETLS\r\n";
    peer.limits = limits;
    if (limits) lines += "250-LIMITS MAILMAX=4 RCPTMAX=2\r\n";
    if (xclient) return lines + "250 XCLIENT HELO ADDR\r\n";
    return lines + (pipelining ? "250 XFORWARD NAME ADDR\r\n" : "250 HELP\r\n");
  }
  void say_to(size_t i, std::string_view words) {
    if (words.empty() || stream(i) == nullptr) return;
    hear(peers_[i], words);
    stream(i)->send(words, chunk);
  }
  // What we say has its meaning, too.
  void hear(Peer& peer, std::string_view words) {
    if (peer.message < messages.size()) messages[peer.message].reply += words;
    for (const char c : words) {
      peer.line += c;
      if (c != '\n') continue;
      if (peer.asked_data && peer.line.starts_with("354")) peer.in_text = true;
      peer.line.clear();
    }
  }

  test::MemoryConnector& connector_;
  test::ManualReactor& reactor_;
  std::vector<Peer> peers_;
  bool unlimited_ = false;  // some connection stated no limits
};

}  // namespace ravelin::fuzz
