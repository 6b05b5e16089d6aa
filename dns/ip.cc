#include "dns/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace ravelin::dns {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// A decimal number without sign or leading zero, at most |max|.
std::optional<int> parse_number(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  if (text[0] == '-' || (text[0] == '0' && text.size() > 1) || value > max) return {};
  return value;
}

// inet_ntop() goes through printf(), and each line of log has an address.
std::string v4_text(const uint8_t* bytes) {
  std::array<char, INET_ADDRSTRLEN> text;
  char* end = text.data();
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), bytes[i]).ptr;
  }
  return {text.data(), end};
}

}  // namespace

IpAddress IpAddress::v4(const std::array<uint8_t, 4>& bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(const std::array<uint8_t, 16>& bytes) {
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress address;
  address.bytes_ = bytes;
  address.v4_ = false;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer || text.find('\0') != text.npos) return {};
  *std::copy(text.begin(), text.end(), buffer) = '\0';
  std::array<uint8_t, 4> four;
  if (inet_pton(AF_INET, buffer, four.data()) == 1) return v4(four);
  std::array<uint8_t, 16> sixteen;
  if (inet_pton(AF_INET6, buffer, sixteen.data()) == 1) return v6(sixteen);
  return {};
}

std::optional<IpAddress> IpAddress::from(const sockaddr* address) {
  const auto endpoint = Endpoint::from(address);
  if (!endpoint) return {};
  return endpoint->address;
}

bool IpAddress::is_loopback() const {
  if (v4_) return bytes_[0] == 127;
  return *this == v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

IpAddress IpAddress::network(int prefix) const {
  IpAddress result = *this;
  for (size_t i = 0; i < size(); ++i) {
    const int kept = std::clamp(prefix - static_cast<int>(i) * 8, 0, 8);
    result.bytes_[i] = static_cast<uint8_t>(bytes_[i] & (0xff00 >> kept));
  }
  return result;
}

std::string IpAddress::to_string() const {
  if (v4_) return v4_text(bytes_.data());
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
}

std::string IpAddress::literal() const { return (v4_ ? "[" : "[IPv6:") + to_string() + "]"; }

std::string IpAddress::reverse_name() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string name;
  for (size_t i = size(); i-- > 0;) {
    if (v4_) {
      name += std::to_string(bytes_[i]) + '.';
    } else {
      for (const int nibble : {bytes_[i] & 15, bytes_[i] >> 4}) {
        name += kHex[nibble];
        name += '.';
      }
    }
  }
  return name + (v4_ ? "in-addr.arpa" : "ip6.arpa");
}

socklen_t IpAddress::to_sockaddr(uint16_t port, sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof out);
  if (v4_) {
    auto* in = reinterpret_cast<sockaddr_in*>(&out);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    std::memcpy(&in->sin_addr, bytes_.data(), 4);
    return sizeof *in;
  }
  auto* in = reinterpret_cast<sockaddr_in6*>(&out);
  in->sin6_family = AF_INET6;
  in->sin6_port = htons(port);
  std::memcpy(&in->sin6_addr, bytes_.data(), 16);
  return sizeof *in;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return {};
  const auto port = parse_number(text.substr(colon + 1), 65535);
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!port || !address || bracketed == (host.find(':') == host.npos)) return {};
  return Endpoint{*address, static_cast<uint16_t>(*port)};
}

std::optional<Endpoint> Endpoint::from(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof in);
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &in.sin_addr, 4);
    return Endpoint{IpAddress::v4(bytes), ntohs(in.sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, address, sizeof in);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, 16);
    return Endpoint{IpAddress::v6(bytes), ntohs(in.sin6_port)};
  }
  return {};
}

std::string Endpoint::to_string() const {
  const auto host = address.to_string();
  return (address.is_v4() ? host : '[' + host + ']') + ':' + std::to_string(port);
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return {};
  if (slash == text.npos) return Cidr{*base, base->bits()};
  const auto prefix = parse_number(text.substr(slash + 1), base->bits());
  if (!prefix || base->network(*prefix) != *base) return {};
  return Cidr{*base, *prefix};
}

std::string Cidr::to_string() const { return base.to_string() + '/' + std::to_string(prefix); }

size_t IpHash::operator()(const IpAddress& address) const {
  static const uint64_t seed = [] {
    uint64_t value = 0;
    while (getrandom(&value, sizeof value, 0) != sizeof value) {
    }
    return value | 1;
  }();
  uint64_t halves[2] = {0, 0};
  std::memcpy(halves, address.bytes(), address.size());
  const auto mix = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  return static_cast<size_t>(mix(mix(halves[0] ^ seed, 0x9e3779b97f4a7c15) ^ halves[1], seed));
}

}  // namespace ravelin::dns
