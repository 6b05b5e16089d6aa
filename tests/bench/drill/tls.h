// What the drill needs of OpenSSL: a client that believes any certificate, for it tests a server on
// its own machine, and half a handshake.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace ravelin::drill {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

class TlsContext {
 public:
  TlsContext();
  std::unique_ptr<SSL, SslFree> make(int fd) const;
  // The octets of a first flight.
  std::string client_hello() const;

 private:
  std::unique_ptr<SSL_CTX, SslFree> context_;
};

}  // namespace ravelin::drill
