// A mail client on a real socket, in the clear or under TLS, that never waits.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/socket_pair.h"

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
  bool secure() const { return ssl_ && SSL_is_init_finished(ssl_.get()); }
  void say(std::string_view bytes) {
    if (ssl_)
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    else
      output_ += bytes;
  }
  bool has_said_all() const { return output_.empty(); }
  void start_tls(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    SSL_do_handshake(ssl_.get());
  }
  void leave() { fd_.reset(); }
  void reset() { reset_connection(fd_); }

  // Whether something happened.
  bool turn() {
    if (!open()) return false;
    const auto got = read_all(fd_);
    bool busy = !got.bytes.empty();
    read(got.bytes);
    if (ssl_) take_from_tls();
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
  void read(const std::string& bytes) {
    if (!ssl_) return read_replies(bytes);
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    if (!secure()) SSL_do_handshake(ssl_.get());
    char buffer[4096];
    for (int size = 0; (size = SSL_read(ssl_.get(), buffer, sizeof buffer)) > 0;)
      read_replies({buffer, static_cast<size_t>(size)});
  }
  void take_from_tls() {
    char buffer[4096];
    for (int size = 0; (size = BIO_read(SSL_get_wbio(ssl_.get()), buffer, sizeof buffer)) > 0;)
      output_.append(buffer, static_cast<size_t>(size));
  }
  void read_replies(std::string_view bytes) {
    input_ += bytes;
    for (auto end = input_.find("\r\n"); end != std::string::npos; end = input_.find("\r\n")) {
      if (end >= 3 && (end == 3 || input_[3] == ' '))
        codes.push_back(std::stoi(input_.substr(0, 3)));
      input_.erase(0, end + 2);
    }
  }

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  Fd fd_;
  std::string input_, output_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace ravelin::test
