// One end of TLS without a socket: octets in, octets out.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace ravelin::test {

class TlsEnd {
 public:
  enum class Side : uint8_t { Client, Server };

  TlsEnd(SSL_CTX* context, Side side) : ssl_(SSL_new(context)) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    side == Side::Client ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
    SSL_do_handshake(ssl_.get());
  }
  bool secure() const { return SSL_is_init_finished(ssl_.get()); }

  void say(std::string_view bytes) {
    SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  // What the other side says in |bytes|.
  std::string hear(std::string_view bytes) {
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    if (!secure()) SSL_do_handshake(ssl_.get());
    return drain([this](char* to, int size) { return SSL_read(ssl_.get(), to, size); });
  }
  // What there is to be sent.
  std::string output() {
    return drain(
        [this](char* to, int size) { return BIO_read(SSL_get_wbio(ssl_.get()), to, size); });
  }

 private:
  template <class Read>
  static std::string drain(const Read& read) {
    std::string all;
    char buffer[4096];
    for (int size = 0; (size = read(buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(size));
    return all;
  }
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace ravelin::test
