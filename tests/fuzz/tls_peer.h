// The other end of a connection in TLS: OpenSSL alone, between two buffers in memory. An input does
// the same in every run: random numbers, certificate and key are always those.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/script.h"

namespace ravelin::fuzz {

inline constexpr const char* kServerName = "mx.example.com";
// For that name, its own issuer, good until 2100.
inline constexpr const char* kCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBWzCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQKDAR0ZXN0MCAX\n"
    "DTAwMDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjAPMQ0wCwYDVQQKDAR0ZXN0\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIbabtVbp4g8RhHJdl3XkdZUI7HKn\n"
    "OVlloFx7hjtx8TLDe6pZyXfreq5bUSWK0lp45s2O3eZq5QFkS1hYX8je/KNNMEsw\n"
    "DwYDVR0TAQH/BAUwAwEB/zAZBgNVHREEEjAQgg5teC5leGFtcGxlLmNvbTAdBgNV\n"
    "HQ4EFgQUBwDolz5DsS7k7n0S1W2Q3rZBlfYwCgYIKoZIzj0EAwIDRwAwRAIgK5Kc\n"
    "ktBk3n7oAeCZtEfnKcFUxcET6/3FYJ6L7eOfeq8CIBotVwmJjKsBdt9FZFtjkYjp\n"
    "IX9KouL/teZyppiztUJQ\n"
    "-----END CERTIFICATE-----\n";
inline constexpr const char* kKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeXLqKAZ3O4Obh+jS\n"
    "7v/5n3B2WuYTQheA64YJOjM0dKGhRANCAAQhtpu1VuniDxGEcl2XdeR1lQjscqc5\n"
    "WWWgXHuGO3HxMsN7qlnJd+t6rltRJYrSWnjmzY7d5mrlAWRLWFhfyN78\n"
    "-----END PRIVATE KEY-----\n";

// splitmix64: every run of an input shakes hands with the same octets.
class Repeated {
 public:
  static void begin() {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // a provider would be 200 lines
    static const RAND_METHOD method{nullptr, fill, nullptr, nullptr, fill, [] { return 1; }};
    must(RAND_set_rand_method(&method) == 1, "random numbers are ours");
#pragma GCC diagnostic pop
    state_ = 1;
  }

 private:
  static int fill(unsigned char* out, int size) {
    for (int at = 0; at < size; ++at) {
      uint64_t z = (state_ += 0x9e3779b97f4a7c15);
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
      z = (z ^ z >> 27) * 0x94d049bb133111eb;
      out[at] = static_cast<unsigned char>(z >> 31);
    }
    return 1;
  }
  static inline uint64_t state_ = 1;
};

class TlsPeer {
 public:
  enum class Side : uint8_t { Server, Client };

  TlsPeer(Side side, int version) : ssl_(SSL_new(context(side))) {
    SSL_set_max_proto_version(ssl_.get(), version);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_.get(), in_, out_);
    if (side == Side::Client) SSL_set_tlsext_host_name(ssl_.get(), kServerName);
    side == Side::Server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  }

  bool secured() const { return secured_; }
  bool broken() const { return broken_; }
  bool closed() const { return closed_; }  // the other side's close_notify has come
  std::string got;                         // what was said to it
  std::string said;                        // what has left it, encrypted

  void say(std::string_view words) { unsaid_ += words; }
  void change_key(bool both) {
    if (!talks()) return;
    (void)SSL_key_update(ssl_.get(),
                         both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    (void)SSL_do_handshake(ssl_.get());
  }
  void renegotiate() {
    if (!talks()) return;
    (void)SSL_renegotiate(ssl_.get());
    (void)SSL_do_handshake(ssl_.get());
  }
  void close() {
    if (secured_) (void)SSL_shutdown(ssl_.get());
    broken_ = true;
  }

  // What came from the other side; what is to go there.
  std::string turn(std::string_view came) {
    BIO_write(in_, came.data(), static_cast<int>(came.size()));
    ERR_clear_error();
    if (!secured_ && !broken_) secured_ = judge(SSL_do_handshake(ssl_.get())) > 0;
    if (talks() && !unsaid_.empty()) speak();
    listen();
    char* bytes = nullptr;
    const auto size = static_cast<size_t>(BIO_get_mem_data(out_, &bytes));
    const std::string wire(bytes, size);
    (void)BIO_reset(out_);
    return wire;
  }

 private:
  template <auto Free>
  struct FreeWith {
    template <class T>
    void operator()(T* object) const {
      Free(object);
    }
  };
  using Context = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;

  static SSL_CTX* context(Side side) {
    static const Context server = make_server(), client(SSL_CTX_new(TLS_client_method()));
    return side == Side::Server ? server.get() : client.get();
  }
  static Context make_server() {
    Context made(SSL_CTX_new(TLS_server_method()));
    BIO* const pem = BIO_new_mem_buf(kCertificate, -1);
    BIO* const key_pem = BIO_new_mem_buf(kKey, -1);
    X509* const certificate = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr);
    EVP_PKEY* const key = PEM_read_bio_PrivateKey(key_pem, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(made.get(), certificate);
    must(SSL_CTX_use_PrivateKey(made.get(), key) == 1, "the peer has a certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(pem);
    BIO_free(key_pem);
    return made;
  }

  bool talks() const { return secured_ && !broken_ && SSL_is_init_finished(ssl_.get()) == 1; }
  int judge(int result) {
    if (result > 0) return result;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN) closed_ = true;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) broken_ = true;
    return result;
  }
  void speak() {
    if (judge(SSL_write(ssl_.get(), unsaid_.data(), static_cast<int>(unsaid_.size()))) <= 0) return;
    said += unsaid_;
    unsaid_.clear();
  }
  void listen() {
    char buffer[4096];
    while (secured_ && !broken_) {
      const int count = judge(SSL_read(ssl_.get(), buffer, sizeof buffer));
      if (count <= 0) return;
      got.append(buffer, static_cast<size_t>(count));
    }
  }

  const std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  bool secured_ = false, broken_ = false, closed_ = false;
  std::string unsaid_;
};

}  // namespace ravelin::fuzz
