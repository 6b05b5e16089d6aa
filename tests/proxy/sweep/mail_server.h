// The mail server behind: real sockets, one thread with everything else, answers by rule, and keeps
// what it took.
#pragma once

#include <fcntl.h>

#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/socket_pair.h"

namespace ravelin::test {

class MailServer {
 public:
  // A message that it said 250 to.
  struct Message {
    std::vector<std::string> envelope;
    std::string text;
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
  void begin_anew() {
    connections_.clear();
    messages.clear();
    rules = kind();
  }
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
      at->input += got.bytes;
      while (at->open && line(*at)) {
      }
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
  };

  // Not all at once: who sends much shall have to wait.
  static Got take(const Fd& fd) {
    char buffer[4096];
    const auto count = recv(fd.get(), buffer, sizeof buffer, 0);
    if (count < 0) return {"", errno};
    if (count == 0) return {};
    return {{buffer, static_cast<size_t>(count)}, EAGAIN};
  }
  static void say(Connection& connection, std::string_view reply) {
    if (reply == "-") connection.open = false;
    if (reply != "-") send_all(connection.fd, reply);
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
    note(connection, line, reply.starts_with('2'));
    connection.in_text = reply.starts_with("354");
    say(connection, reply);
    return true;
  }
  void note(Connection& connection, const std::string& line, bool well) {
    if (connection.in_text && well) messages.push_back({connection.envelope, connection.text});
    connection.text.clear();
    const bool mail = line.starts_with("MAIL");
    if (mail || line.starts_with("RSET") || connection.in_text) connection.envelope.clear();
    if (well && (mail || line.starts_with("RCPT"))) connection.envelope.push_back(line);
  }
  std::string reply_to(const std::string& line) const {
    for (const auto& [command, reply] : rules)
      if (line.starts_with(command)) return reply;
    if (line.starts_with("EHLO"))
      return "250-mail.internal\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n";
    if (line == "DATA") return "354 go on\r\n";
    return line == "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
  }

  const Fd listener_;
  std::list<Connection> connections_;
};

}  // namespace ravelin::test
