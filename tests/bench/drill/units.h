// What people write on a command line, as values. Each function gives nothing for what it does not
// understand; the caller knows which option it was.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ravelin::drill {

using Seconds = std::chrono::duration<double>;

std::optional<uint64_t> parse_number(std::string_view text, uint64_t most);
// "500ms", "10s", "1.5m", "2h"; the unit is required.
std::optional<Seconds> parse_duration(std::string_view text);
// "25%" as 0.25.
std::optional<double> parse_share(std::string_view text);
// A positive figure such as "0.5".
std::optional<double> parse_rate(std::string_view text);
// "4KB", "1MB", "512B".
std::optional<uint64_t> parse_size(std::string_view text);
// "name=value".
std::optional<std::pair<std::string_view, std::string_view>> parse_pair(std::string_view text);

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&address); }
  bool loopback() const;
  bool v4() const { return address.ss_family == AF_INET; }
  std::string text() const;
};
// "127.0.0.1:2525" or "[::1]:2525". No names: what a name leads to is not seen on the command line.
std::optional<Endpoint> parse_endpoint(std::string_view text);
// An IPv4 address, in host order, with any port.
Endpoint v4_endpoint(uint32_t address);

}  // namespace ravelin::drill
