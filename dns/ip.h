// IP addresses and networks as values.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ravelin::dns {

// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (::ffff:0:0/96, RFC 4291 §2.5.5.2) is the
// IPv4 address that it carries, so that one host has one key. No scope ids.
class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0

  static IpAddress v4(const std::array<uint8_t, 4>& bytes);
  static IpAddress v6(const std::array<uint8_t, 16>& bytes);
  // Takes exactly what inet_pton takes: no brackets, no port, no leading zeros, no white space.
  static std::optional<IpAddress> parse(std::string_view text);
  // nullopt for any family but AF_INET and AF_INET6.
  static std::optional<IpAddress> from(const sockaddr* address);

  bool is_v4() const { return v4_; }
  bool is_loopback() const;
  bool is_unspecified() const { return network(0) == *this; }  // 0.0.0.0, ::
  int bits() const { return v4_ ? 32 : 128; }
  const uint8_t* bytes() const { return bytes_.data(); }  // 4 or 16 of them
  size_t size() const { return v4_ ? 4 : 16; }

  // The first |prefix| bits, the rest zero. 0 <= prefix <= bits().
  IpAddress network(int prefix) const;
  // What standing and per-client limits are kept for: an IPv4 address, or an IPv6 /64.
  IpAddress client_key() const { return v4_ ? *this : network(64); }
  // What limits per network count: an IPv4 /24, or an IPv6 /64.
  IpAddress network_key() const { return network(v4_ ? 24 : 64); }
  // What one site may have: an IPv4 /24, or an IPv6 /48.                   RFC 6177 §2
  IpAddress site_key() const { return network(v4_ ? 24 : 48); }

  std::string to_string() const;     // "192.0.2.1", "2001:db8::1"
  std::string literal() const;       // "[192.0.2.1]", "[IPv6:2001:db8::1]"     RFC 5321 §4.1.3
  std::string reverse_name() const;  // "1.2.0.192.in-addr.arpa"               RFC 1035 §3.5, 3596

  socklen_t to_sockaddr(uint16_t port, sockaddr_storage& out) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
  bool v4_ = true;
};

// An address and a port, "192.0.2.1:25" or "[2001:db8::1]:25".
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  static std::optional<Endpoint> parse(std::string_view text);
  static std::optional<Endpoint> from(const sockaddr* address);
  std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

// A network: "192.0.2.0/24", "2001:db8::/32", or a single address. Host bits must be zero, because
// "192.0.2.7/24" is as often a slip for /32 as for .0/24.
struct Cidr {
  IpAddress base;
  int prefix = 0;

  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const {
    return address.is_v4() == base.is_v4() && address.network(prefix) == base;
  }
  std::string to_string() const;
};

struct IpHash {
  size_t operator()(const IpAddress& address) const;  // seeded per process: not to be foreseen
};

}  // namespace ravelin::dns
