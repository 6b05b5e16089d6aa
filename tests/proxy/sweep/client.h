// A mail client on a real socket, in the clear or under TLS, that never waits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/socket_pair.h"
#include "tls_end.h"

namespace ravelin::test {

class Client {
 public:
  // |from| is the address that it comes from.
  Client(const std::string& from, const dns::Endpoint& to) {
    sockaddr_storage local, remote;
    const auto ours = dns::IpAddress::parse(from)->to_sockaddr(0, local);
    const auto theirs = to.address.to_sockaddr(to.port, remote);
    fd_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&local), ours);
    connect(fd_.get(), reinterpret_cast<sockaddr*>(&remote), theirs);
  }

  std::vector<int> codes;  // of all replies so far
  bool open() const { return static_cast<bool>(fd_); }
  bool secure() const { return tls_ && tls_->secure(); }
  void say(std::string_view bytes) {
    if (tls_)
      tls_->say(bytes);
    else
      output_ += bytes;
  }
  bool has_said_all() const { return output_.empty(); }
  void start_tls(SSL_CTX* context) { tls_.emplace(context, TlsEnd::Side::Client); }
  void leave() { fd_.reset(); }
  void reset() { reset_connection(fd_); }

  // Whether something happened.
  bool turn() {
    if (!open()) return false;
    const auto got = read_all(fd_);
    bool busy = !got.bytes.empty();
    read_replies(tls_ ? tls_->hear(got.bytes) : got.bytes);
    if (tls_) output_ += tls_->output();
    if (!output_.empty()) {
      const auto sent = send(fd_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent > 0) output_.erase(0, static_cast<size_t>(sent));
      busy |= sent > 0;
    }
    if (got.error == EAGAIN) return busy;
    fd_.reset();
    return true;
  }

 private:
  void read_replies(std::string_view bytes) {
    input_ += bytes;
    for (auto end = input_.find("\r\n"); end != std::string::npos; end = input_.find("\r\n")) {
      if (end >= 3 && (end == 3 || input_[3] == ' '))
        codes.push_back(std::stoi(input_.substr(0, 3)));
      input_.erase(0, end + 2);
    }
  }

  Fd fd_;
  std::string input_, output_;
  std::optional<TlsEnd> tls_;
};

}  // namespace ravelin::test
