#include "tests/bench/drill/units.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace ravelin::drill {
namespace {

// What is left of |text| behind a decimal figure of at least one digit.
std::optional<std::pair<double, std::string_view>> split_figure(std::string_view text) {
  double figure = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, figure, std::chars_format::fixed);
  if (read.ec != std::errc() || figure < 0 || figure > 1e9) return std::nullopt;
  return std::pair(figure, std::string_view(read.ptr, static_cast<size_t>(end - read.ptr)));
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text, uint64_t most) {
  uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number > most)
    return std::nullopt;
  return number;
}

std::optional<Seconds> parse_duration(std::string_view text) {
  const auto parts = split_figure(text);
  if (!parts) return std::nullopt;
  const auto [figure, unit] = *parts;
  if (unit == "ms") return Seconds(figure / 1000);
  if (unit == "s") return Seconds(figure);
  if (unit == "m") return Seconds(figure * 60);
  if (unit == "h") return Seconds(figure * 3600);
  return std::nullopt;
}

std::optional<double> parse_share(std::string_view text) {
  const auto parts = split_figure(text);
  if (!parts || parts->second != "%" || parts->first > 100) return std::nullopt;
  return parts->first / 100;
}

std::optional<double> parse_rate(std::string_view text) {
  const auto parts = split_figure(text);
  if (!parts || !parts->second.empty() || parts->first <= 0) return std::nullopt;
  return parts->first;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  const auto parts = split_figure(text);
  if (!parts) return std::nullopt;
  const auto [figure, unit] = *parts;
  const double factor = unit == "B" ? 1 : unit == "KB" ? 1e3 : unit == "MB" ? 1e6 : 0;
  if (factor == 0 || figure * factor > 1e9) return std::nullopt;
  return static_cast<uint64_t>(figure * factor);
}

std::optional<std::pair<std::string_view, std::string_view>> parse_pair(std::string_view text) {
  const auto at = text.find('=');
  if (at == text.npos || at == 0 || at + 1 == text.size()) return std::nullopt;
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

bool Endpoint::loopback() const {
  if (v4()) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
  }
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

std::string Endpoint::text() const {
  char name[INET6_ADDRSTRLEN] = "";
  if (v4()) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &in.sin_addr, name, sizeof name);
    return std::string(name) + ":" + std::to_string(ntohs(in.sin_port));
  }
  const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &in.sin6_addr, name, sizeof name);
  return "[" + std::string(name) + "]:" + std::to_string(ntohs(in.sin6_port));
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto port = parse_number(text.substr(colon + 1), 65535);
  if (!port || *port == 0) return std::nullopt;
  std::string host(text.substr(0, colon));
  Endpoint endpoint;
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(static_cast<uint16_t>(*port));
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &in.sin6_addr) != 1)
      return std::nullopt;
    std::memcpy(&endpoint.address, &in, sizeof in);
    endpoint.size = sizeof in;
    return endpoint;
  }
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return std::nullopt;
  endpoint = v4_endpoint(ntohl(address.s_addr));
  reinterpret_cast<sockaddr_in&>(endpoint.address).sin_port = htons(static_cast<uint16_t>(*port));
  return endpoint;
}

Endpoint v4_endpoint(uint32_t address) {
  Endpoint endpoint;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(address);
  std::memcpy(&endpoint.address, &in, sizeof in);
  endpoint.size = sizeof in;
  return endpoint;
}

}  // namespace ravelin::drill
