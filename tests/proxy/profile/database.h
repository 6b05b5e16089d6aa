// Writes small databases in MaxMind's format.             maxmind.github.io/MaxMind-DB, version 2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dns/ip.h"

namespace ravelin::test {

// A value of the data section, encoded.
namespace mmdb {

inline std::string head(unsigned type, size_t size) {
  std::string octets(1, static_cast<char>((type > 7 ? 0 : type << 5) | (size < 29 ? size : 29)));
  if (type > 7) octets += static_cast<char>(type - 7);
  if (size >= 29) octets += static_cast<char>(size - 29);  // up to 284
  return octets;
}
inline std::string text(const std::string& value) { return head(2, value.size()) + value; }
inline std::string number(unsigned type, uint64_t value) {
  std::string octets;
  for (; value > 0; value >>= 8) octets.insert(octets.begin(), static_cast<char>(value & 255));
  return head(type, octets.size()) + octets;
}
inline std::string uint16(uint64_t value) { return number(5, value); }
inline std::string uint32(uint64_t value) { return number(6, value); }
inline std::string uint64(uint64_t value) { return number(9, value); }
inline std::string list() { return head(11, 0); }
inline std::string map(const std::vector<std::pair<std::string, std::string>>& entries) {
  auto octets = head(7, entries.size());
  for (const auto& [key, value] : entries) octets += text(key) + value;
  return octets;
}

inline std::string country(const std::string& code) {
  return map({{"country", map({{"iso_code", text(code)}})}});
}
inline std::string network(uint32_t asn, const std::string& organisation) {
  return map({{"autonomous_system_number", uint32(asn)},
              {"autonomous_system_organization", text(organisation)}});
}

}  // namespace mmdb

// An IPv6 tree, with IPv4 at ::/96, and records of 24 bits.
class DatabaseWriter {
 public:
  // |value| for all of |network|; networks do not overlap.
  void add(const char* network, const std::string& value) {
    const auto cidr = *dns::Cidr::parse(network);
    std::array<uint8_t, 16> bits{};
    std::copy_n(cidr.base.bytes(), cidr.base.size(),
                bits.end() - static_cast<long>(cidr.base.size()));
    if (!cidr.base.is_v4()) std::copy_n(cidr.base.bytes(), 16, bits.begin());
    const int length = cidr.prefix + (cidr.base.is_v4() ? 96 : 0);
    size_t node = 0;
    for (int i = 0; i < length - 1; ++i) {
      const auto next = nodes_[node][bit(bits, i)];
      if (next >= 0) {
        node = static_cast<size_t>(next);
        continue;
      }
      nodes_[node][bit(bits, i)] = static_cast<long>(nodes_.size());
      node = nodes_.size();
      nodes_.push_back({-1, -1});
    }
    nodes_[node][bit(bits, length - 1)] = -2 - static_cast<long>(data_.size());
    data_ += value;
  }

  std::string bytes() const {
    std::string file;
    const auto count = static_cast<long>(nodes_.size());
    for (const auto& node : nodes_)
      for (const auto record : node)
        append(file, record >= 0 ? record : record == -1 ? count : count + 16 - 2 - record);
    file += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    return file + mmdb::map({{"binary_format_major_version", mmdb::uint16(2)},
                             {"binary_format_minor_version", mmdb::uint16(0)},
                             {"build_epoch", mmdb::uint64(1'700'000'000)},
                             {"database_type", mmdb::text("Test")},
                             {"description", mmdb::map({})},
                             {"ip_version", mmdb::uint16(6)},
                             {"languages", mmdb::list()},
                             {"node_count", mmdb::uint32(static_cast<uint64_t>(count))},
                             {"record_size", mmdb::uint16(24)}});
  }

 private:
  static size_t bit(const std::array<uint8_t, 16>& bits, int i) {
    return bits[static_cast<size_t>(i / 8)] >> (7 - i % 8) & 1;
  }
  static void append(std::string& file, long record) {
    for (const int shift : {16, 8, 0}) file += static_cast<char>(record >> shift);
  }

  // Of each node two records: >= 0 a node, -1 nothing, -2 - offset data.
  std::vector<std::array<long, 2>> nodes_ = {{-1, -1}};
  std::string data_;
};

}  // namespace ravelin::test
