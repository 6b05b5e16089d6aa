// One c-ares channel on a Reactor: its sockets, its timeouts, its callbacks. No file outside
// dns/ares_* includes c-ares.
//
// What a session of c-ares 1.18 must be spared, each found by running it:
//   - cancelling or destroying from inside one of its callbacks is a double free. So callbacks here
//     only store; who waits is told at the end of the turn.
//   - ares_gethostbyaddr and friends turn SERVFAIL and timeouts into "not found". So messages are
//     handed out raw, and ARES_FLAG_NOCHECKRESP keeps a SERVFAIL what it is.
//   - it switches a truncated answer to TCP by itself, and a server that refuses TCP then fails all
//     that is in flight to it. So a UDP channel ignores TC, and the asker repeats its question on
//     a channel for TCP.
//   - one FORMERR turns EDNS off for the channel. Harmless here: more answers come over TCP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dns/resolver.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace ravelin::dns {

struct AresSettings {
  std::vector<Endpoint> servers;                 // empty: those of |resolv_conf|
  std::string resolv_conf = "/etc/resolv.conf";  // unreadable: every answer is TempFail
  std::chrono::milliseconds try_timeout{2000};   // of the first try; doubled for the next
  int tries = 2;                                 // per server
  size_t max_in_flight = 2000;                   // questions of one Trust
};

// "127.0.0.1:5353", "[::1]:53", or an address alone, which means port 53.
std::optional<Endpoint> parse_server(std::string_view text);

class AresChannel {
 public:
  enum class Transport : uint8_t {
    Udp,     // a truncated answer is handed out as such
    Tcp,     // from the start
    Either,  // UDP first; c-ares repeats over TCP what was truncated
  };

  // Both are called from inside c-ares, possibly before the call that asked has returned: they may
  // store, and nothing else. They must not throw. Exactly one call per question, none once the
  // channel is being destroyed.
  //
  // |message| is empty if there is none; then |failure| says why: NoName if such a name cannot
  // exist, else TempFail.
  using OnMessage = std::function<void(Status failure, std::span<const uint8_t> message)>;
  // |addresses| is empty unless |status| is Ok.
  using OnAddresses = std::function<void(Status status, std::vector<IpAddress> addresses)>;

  // |after| is called each time that c-ares has run by itself, outside of it: what was stored can
  // be picked up. |reactor| must outlive the channel. Reads resolv.conf now.
  AresChannel(Reactor& reactor, const AresSettings& settings, Transport transport,
              Reactor::Callback after);
  ~AresChannel();  // never from inside OnMessage, OnAddresses or |after|
  AresChannel(const AresChannel&) = delete;
  AresChannel& operator=(const AresChannel&) = delete;

  // |name| must be a query name; asked as it stands, without search list.
  void query(const std::string& name, uint16_t type, OnMessage done);
  // /etc/hosts, then DNS with the search list of resolv.conf, as getaddrinfo would.
  void addresses(const std::string& name, bool v4, OnAddresses done);

  bool loopback_only() const;  // also if there are no servers at all
  size_t in_flight() const { return in_flight_; }

 private:
  struct Call;
  static void on_message(void* call, int status, int timeouts, unsigned char* bytes, int size);
  static void on_addresses(void* call, int status, int timeouts, ares_addrinfo* found);
  static void on_socket(void* channel, int fd, int readable, int writable);

  void use_servers(const std::vector<Endpoint>& servers);
  void watch(int fd, bool read, bool write);
  void process(int read_fd, int write_fd);
  void start_tick();
  void on_tick();

  Reactor& reactor_;
  const Reactor::Callback after_;
  ares_channeldata* channel_ = nullptr;  // null: could not be made
  size_t in_flight_ = 0;
  bool closing_ = false;
  std::map<int, Handle> watches_;
  Handle tick_;
};

}  // namespace ravelin::dns
