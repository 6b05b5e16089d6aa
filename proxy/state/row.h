// Rows as bytes: fixed-width numbers, least significant octet first.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxy/state/hash.h"

namespace ravelin::proxy {

class RowWriter {
 public:
  template <class Int>
  RowWriter& put(Int value) {
    assert(size_ + sizeof value <= bytes_.size());
    for (size_t i = 0; i < sizeof value; ++i)
      bytes_[size_++] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
    return *this;
  }
  RowWriter& put(const Hash128& hash) {
    for (const auto word : hash.words) put(word);
    return *this;
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 160> bytes_;
  size_t size_ = 0;
};

// Reads what RowWriter wrote. Too short a row gives zeros and complete() says no.
class RowReader {
 public:
  explicit RowReader(std::string_view bytes) : bytes_(bytes) {}

  template <class Int>
  void get(Int& value) {
    uint64_t bits = 0;
    short_ = short_ || bytes_.size() < sizeof value;
    if (short_) bytes_ = {};
    for (size_t i = 0; i < sizeof value && !short_; ++i)
      bits |= static_cast<uint64_t>(static_cast<uint8_t>(bytes_[i])) << (8 * i);
    if (!short_) bytes_.remove_prefix(sizeof value);
    value = static_cast<Int>(bits);
  }
  void get(Hash128& hash) {
    for (auto& word : hash.words) get(word);
  }
  bool complete() const { return !short_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool short_ = false;
};

}  // namespace ravelin::proxy
