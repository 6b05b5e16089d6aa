// The mail server behind: real sockets, one thread with everything else, speaks SMTP, also in TLS,
// or LMTP, answers by rule, and keeps what it took.
#pragma once

#include <netinet/tcp.h>

#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/socket_pair.h"
#include "tls_end.h"

namespace ravelin::test {

// Whom the route leads to.
enum class Behind : uint8_t { Smtp, SecureSmtp, Lmtp };

class MailServer {
 public:
  // A message that it said 250 to.
  struct Message {
    std::vector<std::string> envelope;
    std::string text;
    bool secure = false;
  };
  std::vector<Message> messages;
  // By the beginning of the command; the rest gets 250. "-": the connection is closed.
  using Rules = std::map<std::string, std::string, std::less<>>;
  Rules rules = kind();
  static Rules kind() { return {{"RCPT TO:<no", "550 5.1.1 no\r\n"}}; }

  MailServer() : listener_(*proxy::open_listener(*dns::Endpoint::parse("127.0.0.1:0"), false)) {
    const int small = 4096;  // so that a large text waits for us
    setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  std::string address() const { return proxy::local_endpoint(listener_.get()).to_string(); }
  void begin_anew(Behind behind) {
    behind_ = behind;
    connections_.clear();
    messages.clear();
    rules = kind();
  }
  SSL_CTX* tls = nullptr;
  size_t open() const { return connections_.size(); }

  // Whether something happened.
  bool turn() {
    bool busy = false;
    for (;;) {
      Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) break;
      connections_.push_back({std::move(fd)});
      say(connections_.back(), "220 mail.internal ESMTP\r\n");
      busy = true;
    }
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto got = take(at->fd);
      busy |= !got.bytes.empty() || got.error != EAGAIN;
      at->input += at->tls ? at->tls->hear(got.bytes) : got.bytes;
      while (at->open && line(*at)) {
      }
      if (at->tls) busy |= send_from_tls(*at);
      at = got.error == EAGAIN && at->open ? std::next(at) : connections_.erase(at);
    }
    return busy;
  }

 private:
  struct Connection {
    Fd fd;
    std::string input{};
    std::vector<std::string> envelope{};
    std::string text{};
    bool in_text = false;
    bool open = true;
    std::optional<TlsEnd> tls{};
  };

  // Not all at once: who sends much shall have to wait.
  static Got take(const Fd& fd) {
    char buffer[4096];
    const auto count = recv(fd.get(), buffer, sizeof buffer, 0);
    const int on = 1;  // no ACK that comes later, by the kernel's clock
    setsockopt(fd.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    if (count < 0) return {"", errno};
    if (count == 0) return {};
    return {{buffer, static_cast<size_t>(count)}, EAGAIN};
  }
  static void say(Connection& connection, std::string_view reply) {
    if (reply == "-") connection.open = false;
    if (reply == "-") return;
    if (connection.tls)
      connection.tls->say(reply);
    else
      send_all(connection.fd, reply);
  }
  static bool send_from_tls(Connection& connection) {
    const auto output = connection.tls->output();
    return !output.empty() && send_all(connection.fd, output);
  }
  bool line(Connection& connection) {
    const auto end = connection.input.find("\r\n");
    if (end == std::string::npos) return false;
    const auto line = connection.input.substr(0, end);
    connection.input.erase(0, end + 2);
    if (connection.in_text && line != ".") {
      connection.text += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
      return true;
    }
    const auto reply = reply_to(line);
    const bool verdicts = connection.in_text && behind_ == Behind::Lmtp;
    const auto recipients = verdicts ? connection.envelope.size() - 1 : 1;
    note(connection, line, reply.starts_with('2'));
    connection.in_text = reply.starts_with("354");
    for (size_t i = 0; i < recipients; ++i) say(connection, reply);
    if (line == "STARTTLS") connection.tls.emplace(tls, TlsEnd::Side::Server);
    return true;
  }
  void note(Connection& connection, const std::string& line, bool well) {
    if (connection.in_text && well)
      messages.push_back({connection.envelope, connection.text, connection.tls.has_value()});
    connection.text.clear();
    const bool mail = line.starts_with("MAIL");
    if (mail || line.starts_with("RSET") || connection.in_text) connection.envelope.clear();
    if (well && (mail || line.starts_with("RCPT"))) connection.envelope.push_back(line);
  }
  std::string reply_to(const std::string& line) const {
    for (const auto& [command, reply] : rules)
      if (line.starts_with(command)) return reply;
    if (line.starts_with(behind_ == Behind::Lmtp ? "LHLO" : "EHLO")) {
      const std::string more = behind_ == Behind::SecureSmtp ? "250-STARTTLS\r\n" : "";
      return "250-mail.internal\r\n250-PIPELINING\r\n" + more + "250 SIZE 1000000\r\n";
    }
    if (line.starts_with("EHLO") || line.starts_with("HELO")) return "500 5.5.1 LMTP\r\n";
    if (line == "STARTTLS") return "220 2.0.0 go\r\n";
    if (line == "DATA") return "354 go on\r\n";
    return line == "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
  }

  const Fd listener_;
  Behind behind_ = Behind::Smtp;
  std::list<Connection> connections_;
};

}  // namespace ravelin::test
