// What a balancer says in front of a connection. Read octet by octet as whole; compared with the
// plainest reading of the grammar; what we write ourselves is read back; and a dialog behind the
// header gets what follows it, in however many pieces it came.
#include "proxy/event/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/script.h"
#include "proxy/introductions.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"

namespace ravelin::fuzz {
namespace {

using proxy::ProxyHeader;
using Status = ProxyHeader::Status;
using namespace std::string_view_literals;

constexpr auto kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kLongest = 2048;  // that is taken

bool same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.status == b.status && a.size == b.size && a.client == b.client;
}

// From memory of just its size: a read behind its end is seen.
ProxyHeader read(std::string_view data) {
  const std::vector<char> exact(data.begin(), data.end());
  return proxy::read_proxy_header({exact.data(), exact.size()});
}

// --- the grammar --------------------------------------------------------------------------------

struct Plain {
  Status status = Status::Bad;
  size_t size = 0;
  std::string client{};  // "" if none is named
};

std::optional<std::string> address(int family, const std::string& text) {
  unsigned char bytes[16];
  char shown[INET6_ADDRSTRLEN];
  if (text.find('\0') != text.npos || inet_pton(family, text.c_str(), bytes) != 1) return {};
  return inet_ntop(family, bytes, shown, sizeof shown);
}

bool is_port(const std::string& text) {
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return '0' <= c && c <= '9'; });
  return digits && !text.empty() && text.size() <= 5 && (text == "0" || text[0] != '0') &&
         std::stoi(text) <= 65535;
}

// As Endpoint shows it: an IPv4 address in an IPv6 one is the former.
std::string shown(const std::string& host, const std::string& port) {
  const auto plain =
      host.starts_with("::ffff:") && host.find('.') != host.npos ? host.substr(7) : host;
  return (plain.find(':') == plain.npos ? plain : "[" + plain + "]") + ":" + port;
}

// "PROXY" SP ("TCP4" / "TCP6") SP address SP address SP port SP port CRLF, or "PROXY UNKNOWN"
// [SP anything] CRLF; 107 octets at most.                                             §2.1
Plain plain_v1(std::string_view data) {
  const auto end = data.substr(0, 107).find("\r\n");
  if (end == data.npos) return {data.size() < 107 ? Status::Incomplete : Status::Bad};
  std::vector<std::string> words(1);
  for (const char c : data.substr(0, end)) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  if (words[1] == "UNKNOWN") return {Status::Done, end + 2};
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return {};
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  const auto from = address(family, words[2]);
  if (!from || !address(family, words[3]) || !is_port(words[4]) || !is_port(words[5])) return {};
  return {Status::Done, end + 2, shown(*from, words[4])};
}

// Signature, version and command, family and transport, length, addresses.                  §2.2
Plain plain_v2(std::string_view data) {
  if (data.size() < 16) return {Status::Incomplete};
  const auto octet = [&](size_t at) { return static_cast<unsigned char>(data[at]); };
  const size_t length = octet(14) * 256U + octet(15);
  const int command = octet(12), family = octet(13);
  if ((command != 0x20 && command != 0x21) || 16 + length > kLongest) return {};
  if (data.size() < 16 + length) return {Status::Incomplete};
  if (command == 0x20 || family == 0) return {Status::Done, 16 + length};
  const size_t size = family == 0x11 ? 4 : family == 0x21 ? 16 : 0;
  if (size == 0 || length < 2 * size + 4) return {};
  char text[INET6_ADDRSTRLEN];
  inet_ntop(size == 4 ? AF_INET : AF_INET6, data.data() + 16, text, sizeof text);
  const auto port = octet(16 + 2 * size) * 256 + octet(17 + 2 * size);
  return {Status::Done, 16 + length, shown(text, std::to_string(port))};
}

Plain plain(std::string_view data) {
  if (data.starts_with(kSignature)) return plain_v2(data);
  if (data.starts_with("PROXY ")) return plain_v1(data);
  return {kSignature.starts_with(data) || "PROXY "sv.starts_with(data) ? Status::Incomplete
                                                                       : Status::Bad};
}

// --- what must hold -----------------------------------------------------------------------------

void check_grammar(std::string_view data, const ProxyHeader& found) {
  const auto want = plain(data);
  must(found.status == want.status, "what is taken is what the grammar says");
  if (found.status != Status::Done) return;
  must(found.size == want.size && found.size <= kLongest, "a header has its stated length");
  must((found.client ? found.client->to_string() : "") == want.client,
       "the client is who is named");
}

// Every beginning of a header is none yet, and what follows it changes nothing.
void check_pieces(std::string_view data, const ProxyHeader& whole) {
  bool over = false;
  for (size_t size = 0; size < data.size(); size += size < 300 ? 1 : 89) {
    const auto found = read(data.substr(0, size));
    if (whole.status == Status::Done && size >= whole.size)
      must(same(found, whole), "what follows a header is not looked at");
    else if (whole.status == Status::Bad && found.status == Status::Bad)
      over = true;
    else
      must(found.status == Status::Incomplete && !over, "half a header is waited for");
  }
}

struct Dialog final : proxy::StreamEvents {
  std::unique_ptr<proxy::Stream> stream;
  std::string got;
  size_t on_data(std::string_view data) override {
    got += data;
    return data.size();
  }
  void on_end(proxy::StreamEnd) override {}
};

// |room|: is there a place for who is introduced?
void introduce(std::string_view data, size_t chunk, const ProxyHeader& whole, bool room) {
  test::ManualClock clock;
  test::ManualReactor reactor{clock};
  test::RecordingJournal journal;
  const auto peer = std::make_shared<test::MemoryPeer>();
  const dns::Endpoint balancer{dns::IpAddress::v4({127, 0, 0, 9}), 1000};
  Dialog dialog;
  std::vector<dns::Endpoint> clients;
  proxy::Introductions introductions(reactor, journal,
                                     [&](auto& stream, const dns::Endpoint& client, uint32_t) {
                                       clients.push_back(client);
                                       if (!room) return;
                                       dialog.stream = std::move(stream);
                                       dialog.stream->set_events(&dialog);
                                     });
  introductions.add(std::make_unique<test::MemoryStream>(reactor, peer), balancer, 0, {});
  peer->stream->send(data, chunk);
  reactor.run();
  must(clients.size() == (whole.status == Status::Done ? 1 : 0), "a header introduces once");
  if (whole.status == Status::Done) {
    must(clients[0] == whole.client.value_or(balancer), "the client is who was named");
    must(dialog.got == (room ? data.substr(whole.size) : ""),
         "what follows is the dialog's, all of it");
  }
  const bool over = whole.status == Status::Bad || (whole.status == Status::Done && !room);
  must(peer->destroyed == over, "without a header there is no dialog");
  must(introductions.size() == (whole.status == Status::Incomplete ? 1 : 0),
       "nobody is left behind");
  dialog.stream.reset();
  introductions.clear();
  reactor.run();
  must(peer->destroyed, "the connection is closed");
}

void read_text(std::string_view data, size_t chunk) {
  const auto whole = read(data);
  check_grammar(data, whole);
  check_pieces(data, whole);
  for (const bool room : {true, false}) introduce(data, chunk, whole, room);
}

dns::IpAddress take_address(Script& script, bool v4) {
  const auto bytes = [&script](auto room) {
    for (auto& byte : room) byte = script.octet();
    return room;
  };
  return v4 ? dns::IpAddress::v4(bytes(std::array<uint8_t, 4>{}))
            : dns::IpAddress::v6(bytes(std::array<uint8_t, 16>{}));
}

void write_and_read(Script& script, uint8_t kind) {
  dns::Endpoint client, server;
  client.address = take_address(script, (kind & 2) != 0);
  server.address = take_address(script, (kind & 4) != 0);
  client.port = static_cast<uint16_t>(script.number());
  server.port = static_cast<uint16_t>(script.number());
  const auto header = proxy::proxy_v2_header(client, server);
  const auto found = read(header + std::string(script.rest()));
  must(found.status == Status::Done && found.size == header.size(), "what is written is read");
  const bool named = client.address.is_v4() == server.address.is_v4();
  must(found.client == (named ? std::optional(client) : std::nullopt), "and means the same");
  read_text(header + std::string(script.rest()), kind >> 4);
}

}  // namespace

// Of the first octet: 1 write a header and read it, of 2 client and 4 server by IPv4; its upper
// half is how many octets come at a time (0: all).
void run(std::string_view input) {
  Script script(input);
  const auto kind = script.octet();
  if ((kind & 1) != 0)
    write_and_read(script, kind);
  else
    read_text(script.rest(), kind >> 4);
}

}  // namespace ravelin::fuzz
