#include "proxy/event/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace ravelin::proxy {
namespace {

using Status = ProxyHeader::Status;
using namespace std::string_view_literals;

constexpr auto kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kFixed = 16;  // signature, command, family, length
constexpr size_t kMaxV2 = 2048;
constexpr size_t kMaxV1 = 107;

constexpr uint8_t kLocal = 0x20, kProxy = 0x21;  // version 2 and the command
constexpr uint8_t kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21;

uint16_t number_at(std::string_view data, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(data[at]) << 8 |
                               static_cast<uint8_t>(data[at + 1]));
}

template <size_t kSize>
std::array<uint8_t, kSize> bytes_at(std::string_view data, size_t at) {
  std::array<uint8_t, kSize> bytes{};
  std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at), kSize, bytes.begin());
  return bytes;
}

// Source address, destination address, source port, destination port; then TLVs.
std::optional<dns::Endpoint> source(std::string_view block, uint8_t family) {
  if (family == kTcp4 && block.size() >= 12)
    return dns::Endpoint{dns::IpAddress::v4(bytes_at<4>(block, 0)), number_at(block, 8)};
  if (family == kTcp6 && block.size() >= 36)
    return dns::Endpoint{dns::IpAddress::v6(bytes_at<16>(block, 0)), number_at(block, 32)};
  return {};
}

ProxyHeader read_v2(std::string_view data) {
  if (data.size() < kFixed) return {Status::Incomplete};
  const auto command = static_cast<uint8_t>(data[12]);
  const auto family = static_cast<uint8_t>(data[13]);
  const size_t size = kFixed + number_at(data, 14);
  if (size > kMaxV2 || (command != kLocal && command != kProxy)) return {};
  if (data.size() < size) return {Status::Incomplete};
  ProxyHeader header{Status::Done, size};
  if (command == kLocal || family == kUnspecified) return header;
  header.client = source(data.substr(kFixed, size - kFixed), family);
  if (!header.client) header.status = Status::Bad;  // datagrams, UNIX sockets, too short
  return header;
}

std::optional<uint16_t> read_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || padded) return {};
  return port;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at <= line.size();) {
    const auto end = std::min(line.find(' ', at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// "PROXY TCP4 192.0.2.1 192.0.2.25 4025 25"; "PROXY UNKNOWN" and anything.
ProxyHeader read_v1(std::string_view data) {
  const auto end = data.substr(0, kMaxV1).find("\r\n");
  if (end == data.npos) return {data.size() < kMaxV1 ? Status::Incomplete : Status::Bad};
  const auto words = words_of(data.substr(0, end));
  ProxyHeader header{Status::Done, end + 2};
  if (words.size() >= 2 && words[1] == "UNKNOWN") return header;
  const bool v4 = words.size() == 6 && words[1] == "TCP4";
  const bool v6 = words.size() == 6 && words[1] == "TCP6";
  if (!v4 && !v6) return {};
  const auto has_family = [v6](std::string_view address) {
    return (address.find(':') != address.npos) == v6;
  };
  if (!has_family(words[2]) || !has_family(words[3])) return {};
  const auto from = dns::IpAddress::parse(words[2]), to = dns::IpAddress::parse(words[3]);
  const auto port = read_port(words[4]), to_port = read_port(words[5]);
  if (!from || !to || !port || !to_port) return {};
  header.client = dns::Endpoint{*from, *port};
  return header;
}

// Could |data| still become something that begins with |head|?
bool begins(std::string_view data, std::string_view head) {
  const auto size = std::min(data.size(), head.size());
  return data.substr(0, size) == head.substr(0, size);
}

void append_number(std::string& out, uint16_t number) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number & 0xff);
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view data) {
  if (begins(data, kSignature))
    return data.size() < kSignature.size() ? ProxyHeader{Status::Incomplete} : read_v2(data);
  constexpr auto kHead = "PROXY "sv;
  if (!begins(data, kHead)) return {};
  return data.size() < kHead.size() ? ProxyHeader{Status::Incomplete} : read_v1(data);
}

std::string proxy_v2_local_header() {
  std::string header(kSignature);
  header += static_cast<char>(kLocal);
  header += static_cast<char>(kUnspecified);
  append_number(header, 0);
  return header;
}

std::string proxy_v2_header(const dns::Endpoint& client, const dns::Endpoint& server) {
  std::string header(kSignature);
  header += static_cast<char>(kProxy);
  const bool same = client.address.is_v4() == server.address.is_v4();
  if (!same) {  // there is no family for both
    header += static_cast<char>(kUnspecified);
    append_number(header, 0);
    return header;
  }
  const auto size = client.address.size();
  header += static_cast<char>(client.address.is_v4() ? kTcp4 : kTcp6);
  append_number(header, static_cast<uint16_t>(2 * size + 4));
  for (const auto* address : {&client.address, &server.address})
    header.append(reinterpret_cast<const char*>(address->bytes()), size);
  append_number(header, client.port);
  append_number(header, server.port);
  return header;
}

}  // namespace ravelin::proxy
