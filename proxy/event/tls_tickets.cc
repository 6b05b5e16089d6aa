#include "proxy/event/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstring>

namespace ravelin::proxy {
namespace {

bool fill(TicketKeys::Impl::Key& key) {
  const auto random = [](auto& bytes) {
    return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
  };
  return random(key.name) && random(key.cipher) && random(key.mac);
}

bool use_mac(EVP_MAC_CTX* mac, TicketKeys::Impl::Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// Looked up once: a look-up takes a lock that all threads share.
const EVP_CIPHER* cipher_method() {
  static EVP_CIPHER* const method = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return method;
}

}  // namespace

std::optional<TicketKeys::Impl::Key> TicketKeys::Impl::sealing(Time now) {
  return keys_.with([&](Pair& keys) -> std::optional<Key> {
    if (!keys.current || now - keys.current->born >= period_) {
      Key fresh;
      fresh.born = now;
      if (!fill(fresh)) return {};
      keys.previous = std::exchange(keys.current, fresh);
    }
    return keys.current;
  });
}

std::optional<TicketKeys::Impl::Key> TicketKeys::Impl::opening(const unsigned char* name,
                                                               Time now) const {
  return keys_.with([&](const Pair& keys) -> std::optional<Key> {
    for (const auto* key : {&keys.current, &keys.previous}) {
      if (!*key || std::memcmp((*key)->name.data(), name, (*key)->name.size()) != 0) continue;
      if (now - (*key)->born < 2 * period_) return *key;
    }
    return {};
  });
}

// 0: a ticket that we cannot open, so a full handshake follows; 2: opened, but with a key that
// seals no more, so the client gets a new one.
int TicketKeys::Impl::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  auto& keys = static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->impl();
  const auto now = std::chrono::steady_clock::now();
  auto key = seal != 0 ? keys.sealing(now) : keys.opening(name, now);
  if (!key) return seal != 0 ? -1 : 0;
  if (seal != 0) {
    std::memcpy(name, key->name.data(), key->name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_method())) != 1) return -1;
  }
  const auto init = seal != 0 ? EVP_EncryptInit_ex : EVP_DecryptInit_ex;
  if (init(cipher, cipher_method(), nullptr, key->cipher.data(), iv) != 1) return -1;
  if (!use_mac(mac, *key)) return -1;
  return seal != 0 || now - key->born < keys.period_ ? 1 : 2;
}

TicketKeys::TicketKeys(std::chrono::nanoseconds period) : impl_(std::make_unique<Impl>(period)) {}
TicketKeys::~TicketKeys() = default;

}  // namespace ravelin::proxy
