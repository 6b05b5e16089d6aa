#include "proxy/profile/syn.h"

#include <fmt/format.h>

#include <array>

#include "proxy/state/fnv.h"

namespace ravelin::proxy {
namespace {

using Octets = std::span<const uint8_t>;

constexpr uint8_t kTcp = 6;
constexpr size_t kMostExtensions = 8;

uint16_t number(Octets two) { return static_cast<uint16_t>(two[0] << 8 | two[1]); }

uint8_t initial(uint8_t ttl) {
  for (const auto usual : std::to_array<uint8_t>({32, 64, 128}))
    if (ttl <= usual) return usual;
  return 255;
}

// What follows the IPv4 header, if it is TCP from its first octet on.              RFC 791 §3.1
std::optional<Octets> behind_v4(Octets packet, Syn& syn) {
  if (packet.size() < 20) return {};
  const size_t size = static_cast<size_t>(packet[0] & 15) * 4;
  const auto fragment = number(packet.subspan(6));
  if (size < 20 || size > packet.size() || packet[9] != kTcp || (fragment & 0x1fff) != 0) return {};
  syn.ttl = packet[8];
  syn.dont_fragment = (fragment & 0x4000) != 0;
  return packet.subspan(size);
}

// The length of an extension header that may stand before TCP; 0 for all others. RFC 8200 §4, 4302
size_t extension_size(uint8_t kind, Octets at) {
  if (at.size() < 8) return 0;
  switch (kind) {
    case 0:   // hop by hop
    case 43:  // routing
    case 60:  // destination options
      return (static_cast<size_t>(at[1]) + 1) * 8;
    case 44:  // fragment: only the first has the TCP header
      return (number(at.subspan(2)) & 0xfff8) == 0 ? 8 : 0;
    case 51:  // authentication
      return (static_cast<size_t>(at[1]) + 2) * 4;
    default:
      return 0;
  }
}

std::optional<Octets> behind_v6(Octets packet, Syn& syn) {
  if (packet.size() < 40) return {};
  syn.v6 = true;
  syn.ttl = packet[7];
  auto kind = packet[6];
  packet = packet.subspan(40);
  for (size_t i = 0; i < kMostExtensions && kind != kTcp; ++i) {
    const auto size = extension_size(kind, packet);
    if (size == 0 || size > packet.size()) return {};
    kind = packet[0];
    packet = packet.subspan(size);
  }
  if (kind != kTcp) return {};
  return packet;
}

// An option whose length is not the one of its kind is there (|kinds| has it), but says nothing.
void read_option(uint8_t kind, Octets value, Syn& syn) {
  if (kind == kSynMss && value.size() == 2) syn.mss = number(value);
  if (kind == kSynScale && value.size() == 1) syn.scale = value[0];
}

void read_options(Octets options, Syn& syn) {
  while (!options.empty()) {
    const auto kind = options[0];
    syn.kinds[syn.kind_count++] = kind;
    if (kind == kSynEnd) {
      syn.padding = static_cast<uint8_t>(options.size() - 1);
      return;
    }
    size_t size = 1;
    if (kind != kSynNop) {
      size = options.size() > 1 ? options[1] : 0;
      syn.malformed = size < 2 || size > options.size();
      if (syn.malformed) return;
      read_option(kind, options.subspan(2, size - 2), syn);
    }
    options = options.subspan(size);
  }
}

// --- the table
// -------------------------------------------------------------------------------------

// Which order of options and which TTL the systems use as they are installed. Facts about
// stacks that their makers document or whose source is public; written down here from those, row by
// row.
struct Row {
  Stack stack;
  uint8_t initial_ttl;
  std::string_view layout;
};

constexpr Row kTable[] = {
    // Windows Vista, Server 2008 and later: DefaultTTL is 128, timestamps are off unless the admin
    // turns them on (Tcp1323Opts, `netsh int tcp set global timestamps`), scaling is on.
    {Stack::Windows, 128, "mss,nop,scale,nop,nop,sack"},
    {Stack::Windows, 128, "mss,nop,scale,sack,time"},
    // Windows 2000, XP and Server 2003: scaling and timestamps only with Tcp1323Opts.
    {Stack::Windows, 128, "mss,nop,nop,sack"},
    {Stack::Windows, 128, "mss,nop,scale,nop,nop,time,nop,nop,sack"},
    // Linux: net.ipv4.ip_default_ttl is 64; tcp_output.c packs SACK and timestamps into one word.
    // The second asks for Multipath TCP (RFC 8684), the others have net.ipv4.tcp_timestamps,
    // tcp_window_scaling or tcp_sack turned off.
    {Stack::Linux, 64, "mss,sack,time,nop,scale"},
    {Stack::Linux, 64, "mss,sack,time,nop,scale,30"},
    {Stack::Linux, 64, "mss,nop,nop,sack,nop,scale"},
    {Stack::Linux, 64, "mss,sack,time"},
    {Stack::Linux, 64, "mss,nop,nop,time,nop,scale"},
    // FreeBSD: net.inet.ip.ttl is 64; tcp_addoptions() puts them in this order, without padding
    // between SACK and timestamps since it aligns the whole.
    {Stack::Bsd, 64, "mss,nop,scale,sack,time"},
    {Stack::Bsd, 64, "mss,nop,scale,sack,end"},
    {Stack::Bsd, 64, "mss,sack,end"},
    // macOS and iOS: as 4.4BSD aligned them, SACK last, filled with end-of-list.
    {Stack::Bsd, 64, "mss,nop,scale,nop,nop,time,sack,end"},
    // OpenBSD and NetBSD: each option aligned by itself.
    {Stack::Bsd, 64, "mss,nop,nop,sack,nop,scale,nop,nop,time"},
    {Stack::Bsd, 64, "mss,nop,scale,sack,nop,nop,nop,nop,time"},
    {Stack::Bsd, 64, "mss,nop,scale,nop,nop,time,sack,nop,nop"},
    // Small stacks (lwIP and its kind, routers, printers, cameras): RFC 9293's one option, or none.
    // Windows and the BSDs never send so little as they are installed.
    {Stack::Appliance, 64, "mss"},
    {Stack::Appliance, 64, ""},
    {Stack::Appliance, 255, "mss"},
    {Stack::Appliance, 255, ""},
    {Stack::Appliance, 255, "mss,nop,nop,sack"},
};

std::string name_of(uint8_t kind) {
  switch (kind) {
    case kSynEnd:
      return "end";
    case kSynNop:
      return "nop";
    case kSynMss:
      return "mss";
    case kSynScale:
      return "scale";
    case kSynSack:
      return "sack";
    case kSynTime:
      return "time";
    default:
      return std::to_string(kind);
  }
}

std::string kinds_text(const Syn& syn) {
  std::string text;
  for (const auto kind : syn.layout()) {
    if (!text.empty()) text += ',';
    text += name_of(kind);
  }
  return text;
}

}  // namespace

std::optional<Syn> parse_syn(Octets headers) {
  if (headers.empty()) return {};
  Syn syn;
  const auto version = headers[0] >> 4;
  const auto tcp = version == 4   ? behind_v4(headers, syn)
                   : version == 6 ? behind_v6(headers, syn)
                                  : std::nullopt;
  if (!tcp || tcp->size() < 20) return {};  // RFC 9293 §3.1
  const size_t size = static_cast<size_t>((*tcp)[12] >> 4) * 4;
  const auto flags = (*tcp)[13];
  const bool opens = (flags & 0x17) == 0x02;  // SYN without FIN, RST, ACK
  if (size < 20 || size > tcp->size() || !opens) return {};
  syn.initial_ttl = initial(syn.ttl);
  syn.window = number(tcp->subspan(14));
  syn.ecn = (flags & 0xc0) == 0xc0;
  read_options(tcp->subspan(20, size - 20), syn);
  return syn;
}

uint64_t layout_hash(const Syn& syn) {
  Fnv hash;
  hash.octet(syn.kind_count);
  for (const auto kind : syn.layout()) hash.octet(kind);
  return hash.octet(syn.padding).octet(syn.malformed ? 1 : 0).value();
}

std::string layout_text(const Syn& syn) {
  auto text = kinds_text(syn);
  if (syn.padding > 0) text += fmt::format("+{}", syn.padding);
  if (syn.malformed) text += "(malformed)";
  return text;
}

Stack classify(const Syn& syn) {
  if (syn.malformed) return Stack::Unknown;
  const auto layout = kinds_text(syn);
  for (const auto& row : kTable)
    if (row.initial_ttl == syn.initial_ttl && row.layout == layout) return row.stack;
  return Stack::Unknown;
}

}  // namespace ravelin::proxy
