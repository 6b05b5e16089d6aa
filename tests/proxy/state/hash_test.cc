#include "proxy/state/hash.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

using namespace ravelin::proxy;

// Vectors of the reference implementation: key 00 01 .. 0f, text 00 01 02 ...
TEST_CASE("the hash is SipHash-2-4 with 128 bits") {
  struct Row {
    size_t length;
    std::array<uint32_t, 4> want;
  };
  const auto row = GENERATE(values<Row>({
      {0, {0x047f81a3, 0xe6a825ba, 0x1472f66d, 0x930255c7}},
      {1, {0xd8c187da, 0x44af996b, 0x11597634, 0x45fc229b}},
      {8, {0xbaa9623b, 0x61f55862, 0x64e2830f, 0xb49714f3}},
      {15, {0x99e99354, 0x11a8b033, 0x0fec087e, 0xd9c3cf97}},
      {63, {0x77d15051, 0x4a83502f, 0x9a063e50, 0x7cbd3f97}},
  }));
  HashKey key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
  std::string text;
  for (size_t i = 0; i < row.length; ++i) text += static_cast<char>(i);
  CAPTURE(row.length);
  CHECK(Hasher(key).add_raw(text).finish().words == row.want);
}

TEST_CASE("pieces of a key cannot be shifted into each other") {
  const HashKey key{};
  CHECK(Hasher(key).add("ab").add("c").finish() != Hasher(key).add("a").add("bc").finish());
  CHECK(Hasher(key).add("ab").add("").finish() != Hasher(key).add("").add("ab").finish());
}

TEST_CASE("how the text comes in pieces does not matter, and a key has its length in front") {
  const auto key = random_hash_key();
  const std::string text = "from the first word to the second, and a third that ends";
  const auto whole = Hasher(key).add_raw(text).finish();
  for (size_t first = 0; first <= text.size(); ++first) {
    for (const size_t second : {size_t{0}, size_t{1}, size_t{5}, size_t{8}, size_t{13}}) {
      const std::string_view rest = std::string_view(text).substr(first);
      Hasher hasher(key);
      hasher.add_raw(text.substr(0, first)).add_raw(rest.substr(0, second));
      CHECK(hasher.add_raw(rest.substr(std::min(second, rest.size()))).finish() == whole);
    }
    const auto prefix = std::string{static_cast<char>(first), 0, 0, 0};
    const auto with_length =
        Hasher(key).add_raw("xy").add_raw(prefix).add_raw(text.substr(0, first));
    CHECK(Hasher(key).add_raw("xy").add(text.substr(0, first)).finish() ==
          Hasher(with_length).finish());
  }
}

TEST_CASE("random keys differ") { CHECK(random_hash_key() != random_hash_key()); }
