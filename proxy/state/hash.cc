#include "proxy/state/hash.h"

#include <bit>
#include <cstring>
#include <random>

namespace ravelin::proxy {
namespace {

uint64_t word_at(const void* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return std::endian::native == std::endian::little ? value : __builtin_bswap64(value);
}

void sip_round(std::array<uint64_t, 4>& v) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = std::rotl(v[1], 13) ^ v[0];
  v[3] = std::rotl(v[3], 16) ^ v[2];
  v[0] = std::rotl(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = std::rotl(v[1], 17) ^ v[2];
  v[3] = std::rotl(v[3], 21) ^ v[0];
  v[2] = std::rotl(v[2], 32);
}

// The initial state: "somepseudorandomlygeneratedbytes", and 0xee for the 128-bit variant.
std::array<uint64_t, 4> initial_state(const HashKey& key) {
  const auto k0 = word_at(key.data());
  const auto k1 = word_at(key.data() + 8);
  return {0x736f6d6570736575 ^ k0, 0x646f72616e646f6d ^ k1 ^ 0xee, 0x6c7967656e657261 ^ k0,
          0x7465646279746573 ^ k1};
}

}  // namespace

HashKey random_hash_key() {
  std::random_device source;
  HashKey key;
  for (auto& byte : key) byte = static_cast<uint8_t>(source());
  return key;
}

Hasher::Hasher(const HashKey& key) : v_(initial_state(key)) {}

Hasher& Hasher::add(std::string_view piece) {
  take(piece.size() & 0xffff'ffff, 4);
  return add_raw(piece);
}

Hasher& Hasher::add_raw(std::string_view text) {
  for (; text.size() >= 8; text.remove_prefix(8)) take(word_at(text.data()), 8);
  uint64_t rest = 0;
  for (size_t i = 0; i < text.size(); ++i)
    rest |= static_cast<uint64_t>(static_cast<uint8_t>(text[i])) << (8 * i);
  take(rest, text.size());
  return *this;
}

void Hasher::take(uint64_t bytes, size_t count) {
  const auto begun = length_ % 8;
  pending_ |= bytes << (8 * begun);
  length_ += count;
  if (begun + count < 8) return;
  absorb(pending_);
  pending_ = begun == 0 ? 0 : bytes >> (8 * (8 - begun));
}

void Hasher::absorb(uint64_t word) {
  v_[3] ^= word;
  sip_round(v_);
  sip_round(v_);
  v_[0] ^= word;
}

uint64_t Hasher::squeeze() {
  for (int i = 0; i < 4; ++i) sip_round(v_);
  return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
}

Hash128 Hasher::finish() {
  absorb(pending_ | length_ << 56);
  v_[2] ^= 0xee;
  const auto low = squeeze();
  v_[1] ^= 0xdd;
  const auto high = squeeze();
  Hash128 hash{{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)}};
  if ((hash.words[0] | hash.words[1] | hash.words[2]) == 0) hash.words[2] = 1;
  return hash;
}

}  // namespace ravelin::proxy
