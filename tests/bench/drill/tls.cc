#include "tests/bench/drill/tls.h"

#include <openssl/bio.h>

#include <new>

namespace ravelin::drill {

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_) throw std::bad_alloc();
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
  // A full handshake each time: bots keep no tickets, and it is what costs a server most.
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
}

std::unique_ptr<SSL, SslFree> TlsContext::make(int fd) const {
  std::unique_ptr<SSL, SslFree> ssl(SSL_new(context_.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) throw std::bad_alloc();
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::string TlsContext::client_hello() const {
  const std::unique_ptr<SSL, SslFree> ssl(SSL_new(context_.get()));
  if (!ssl) throw std::bad_alloc();
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());
  std::string hello(4096, '\0');
  const int size = BIO_read(SSL_get_wbio(ssl.get()), hello.data(), static_cast<int>(hello.size()));
  hello.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return hello;
}

}  // namespace ravelin::drill
