// The inside of TicketKeys. Included in this folder only, by .cc files.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <optional>

#include "proxy/event/guarded.h"
#include "proxy/event/tls.h"

namespace ravelin::proxy {

class TicketKeys::Impl {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Time born{};
  };

  explicit Impl(std::chrono::nanoseconds period) : period_(period) {}

  // The key to seal with at |now|; nothing without randomness.
  std::optional<Key> sealing(Time now);
  // The key called |name| if it may still open.
  std::optional<Key> opening(const unsigned char* name, Time now) const;

  // As SSL_CTX_set_tlsext_ticket_key_evp_cb() wants it; the context's app data is a TicketKeys.
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int seal);

 private:
  struct Pair {
    std::optional<Key> current;
    std::optional<Key> previous;
  };

  const std::chrono::nanoseconds period_;
  Guarded<Pair> keys_;
};

}  // namespace ravelin::proxy
