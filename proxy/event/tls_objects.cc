#include "proxy/event/tls_objects.h"

#include <openssl/err.h>

namespace ravelin::proxy {
namespace {

// The default would ask on the terminal.
int no_password(char*, int, int, void*) { return -1; }

int version_number(TlsVersion version) {
  return version == TlsVersion::Tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

// Forward secrecy throughout. CBC with SHA-2 stays for mail servers of ten years ago: what they
// fall back to is no encryption at all.
constexpr const char* kCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+SHA384:ECDHE+SHA256:!aNULL:!PSK:!CAMELLIA:!ARIA:!AESCCM";
// No finite-field groups: a handshake with the largest costs a hundred of these.
constexpr const char* kGroups = "X25519:P-256:P-384";

}  // namespace

BioPtr reader_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

X509Ptr next_certificate(BIO& pem) {
  return X509Ptr(PEM_read_bio_X509(&pem, nullptr, no_password, nullptr));
}

KeyPtr read_key(BIO& pem) {
  return KeyPtr(PEM_read_bio_PrivateKey(&pem, nullptr, no_password, nullptr));
}

std::string openssl_reason() {
  const auto code = ERR_peek_last_error();
  const char* const reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "no reason given";
}

void set_common(SSL_CTX& context, TlsVersion least) {
  SSL_CTX_set_min_proto_version(&context, version_number(least));
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_PRIORITIZE_CHACHA |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Without RELEASE_BUFFERS an idle connection holds 48 kB, with it 14.
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_cipher_list(&context, kCiphers);
  SSL_CTX_set1_groups_list(&context, kGroups);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
}

}  // namespace ravelin::proxy
