// What a client's SYN says about the TCP stack that sent it. Passive: only the headers that every
// connection begins with are looked at. The stack is that of whoever terminates TCP, so behind a
// proxy or a rewriting firewall it is theirs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ravelin::proxy {

// Enough for the headers of any SYN that classify() knows: 40 octets of IPv6, 60 of TCP, and room
// for extension headers. Larger ones are not taken.
inline constexpr size_t kSynRoom = 256;

// Kinds of TCP options.                                                    RFC 9293 §3.1, 7323,
// 2018
enum SynOption : uint8_t {
  kSynEnd = 0,
  kSynNop = 1,
  kSynMss = 2,
  kSynScale = 3,
  kSynSack = 4,
  kSynTime = 8,
};

struct Syn {
  bool v6 = false;
  uint8_t ttl = 0;             // as it came; the hop limit of IPv6
  uint8_t initial_ttl = 0;     // as it was probably sent: 32, 64, 128 or 255
  bool dont_fragment = false;  // IPv4 only
  bool ecn = false;            // asks for explicit congestion notification     RFC 3168 §6.1.1
  uint16_t window = 0;
  std::optional<uint16_t> mss{};
  std::optional<uint8_t> scale{};  // of the window: a shift
  bool malformed = false;          // an option of a wrong or missing length; none is read after it
  // Kinds in their order. The first kSynEnd ends them; |padding| octets stand behind it.
  std::array<uint8_t, 40> kinds{};
  uint8_t kind_count = 0;
  uint8_t padding = 0;

  std::span<const uint8_t> layout() const { return std::span(kinds).first(kind_count); }
  bool operator==(const Syn&) const = default;
};

// Reads the IP header (IPv4 with options, IPv6 with extension headers) and the TCP header behind
// it. nullopt if one of them is not all there, or if it is not the SYN of a connection that opens.
std::optional<Syn> parse_syn(std::span<const uint8_t> headers);

// FNV-1a over the options' kinds and the padding; the same for ever and everywhere. What varies
// between machines of one system (MSS, window, scale) is left out.
uint64_t layout_hash(const Syn& syn);

// "mss,sack,time,nop,scale"; other kinds by number, "end+2" with two octets of padding. ASCII, 400
// octets at most.
std::string layout_text(const Syn& syn);

// Windows stands for desktops and servers: both run the same stack with the same defaults, and a
// SYN alone does not tell them apart.
enum class Stack : uint8_t { Unknown, Windows, Linux, Bsd, Appliance };
inline constexpr std::string_view kStackNames[] = {"unknown", "Windows", "Linux", "BSD",
                                                   "appliance"};

Stack classify(const Syn& syn);

}  // namespace ravelin::proxy
