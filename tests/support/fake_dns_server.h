// A DNS server on 127.0.0.1, driven by the test's own loop: it answers as the test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dns/ip.h"
#include "dns/message.h"
#include "dns/reactor.h"
#include "tests/support/dns_wire.h"

namespace ravelin::test {

class FakeDnsServer {
 public:
  struct Query {
    std::string name;  // canonical
    dns::RrType type;
    int id;
    bool tcp;
    sockaddr_storage from;  // UDP only
  };
  // Datagrams to send, as they are, in this order; none: silence. Over TCP each gets its length.
  using Handler = std::function<std::vector<std::string>(const Query&)>;

  enum class Tcp : uint8_t { Refused, Served };

  FakeDnsServer(dns::Reactor& reactor, Tcp tcp = Tcp::Served) : reactor_(reactor) {
    std::signal(SIGPIPE, SIG_IGN);
    open_sockets(tcp);
    udp_watch_ = reactor_.watch(udp_, true, false, [this](auto) { on_datagram(); });
    if (tcp == Tcp::Refused) return;
    REQUIRE(listen(listener_, 16) == 0);
    listener_watch_ = reactor_.watch(listener_, true, false, [this](auto) { on_connection(); });
  }
  ~FakeDnsServer() {
    peers_.clear();
    listener_watch_.reset();
    udp_watch_.reset();
    if (listener_ >= 0) close(listener_);
    close(udp_);
  }
  FakeDnsServer(const FakeDnsServer&) = delete;
  FakeDnsServer& operator=(const FakeDnsServer&) = delete;

  dns::Endpoint endpoint() const { return {dns::IpAddress::v4({127, 0, 0, 1}), port_}; }

  // What is asked for and not set gets NXDOMAIN without SOA.
  void set(const std::string& name, dns::RrType type, Handler handler) {
    handlers_[{name, type}] = std::move(handler);
  }
  // |message| with the id of each query.
  void set(WireMessage message) {
    const auto type = static_cast<dns::RrType>(message.question_type);
    set(message.question_name, type, [message](const Query& query) mutable {
      message.id = query.id;
      return std::vector{message.bytes()};
    });
  }
  void silence(const std::string& name, dns::RrType type) {
    set(name, type, [](const Query&) { return std::vector<std::string>(); });
  }

  // A datagram to whoever asked |query|, any time.
  void send(const Query& query, const std::string& reply) {
    sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&query.from),
           sizeof(sockaddr_in));
  }

  std::vector<Query> seen;
  size_t times_seen(const std::string& name, dns::RrType type) const {
    size_t count = 0;
    for (const auto& query : seen) count += query.name == name && query.type == type ? 1 : 0;
    return count;
  }

 private:
  struct Peer {
    int fd;
    std::string input;
    dns::Handle watch;
    explicit Peer(int socket) : fd(socket) {}
    ~Peer() {
      watch.reset();
      close(fd);
    }
  };

  // One port for both transports: what the kernel gives for UDP may be taken for TCP.
  void open_sockets(Tcp tcp) {
    for (int tries = 0; tries < 100; ++tries) {
      udp_ = bound(SOCK_DGRAM, 0);
      REQUIRE(udp_ >= 0);
      sockaddr_in local{};
      socklen_t size = sizeof local;
      getsockname(udp_, reinterpret_cast<sockaddr*>(&local), &size);
      port_ = ntohs(local.sin_port);
      if (tcp == Tcp::Refused) return;
      listener_ = bound(SOCK_STREAM, port_);
      if (listener_ >= 0) return;
      close(udp_);
    }
    FAIL("no port for both UDP and TCP");
  }

  static int bound(int type, uint16_t port) {
    const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_storage local{};
    const auto size = dns::IpAddress::v4({127, 0, 0, 1}).to_sockaddr(port, local);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, reinterpret_cast<sockaddr*>(&local), size) == 0) return fd;
    close(fd);
    return -1;
  }

  std::vector<std::string> answer(std::string_view wire, bool tcp, const sockaddr_storage& from) {
    const auto message = dns::parse_message(as_bytes(wire));
    if (!message) return {};
    std::string name;
    for (size_t at = 0; message->name[at] != '\0'; at += 1 + static_cast<size_t>(message->name[at]))
      name += (at == 0 ? "" : ".") +
              message->name.substr(at + 1, static_cast<size_t>(message->name[at]));
    const int id = as_bytes(wire)[0] << 8 | as_bytes(wire)[1];
    seen.push_back({name, message->type, id, tcp, from});
    const auto handler = handlers_.find({name, message->type});
    if (handler != handlers_.end()) return handler->second(seen.back());
    auto no = WireMessage::answer_to(name, message->type).rcode(3);
    no.id = id;
    return {no.bytes()};
  }

  void on_datagram() {
    char buffer[4096];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const auto got =
        recvfrom(udp_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) return;
    const auto replies = answer({buffer, static_cast<size_t>(got)}, false, from);
    for (const auto& reply : replies) send(seen.back(), reply);
  }
  void on_connection() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    auto& peer = peers_[fd];
    peer = std::make_unique<Peer>(fd);
    peer->watch = reactor_.watch(fd, true, false, [this, fd](auto) { on_bytes(fd); });
  }
  void on_bytes(int fd) {
    auto& peer = *peers_.at(fd);
    char buffer[4096];
    const auto got = read(fd, buffer, sizeof buffer);
    if (got <= 0) {
      peers_.erase(fd);
      return;
    }
    peer.input.append(buffer, static_cast<size_t>(got));
    while (peer.input.size() >= 2) {
      const auto head = as_bytes(peer.input);
      const size_t length = static_cast<size_t>(head[0]) << 8 | head[1];
      if (peer.input.size() < 2 + length) return;
      for (const auto& reply : answer(std::string_view(peer.input).substr(2, length), true, {})) {
        const auto framed = be16(static_cast<int>(reply.size())) + reply;
        REQUIRE(write(fd, framed.data(), framed.size()) == static_cast<ssize_t>(framed.size()));
      }
      peer.input.erase(0, 2 + length);
    }
  }

  dns::Reactor& reactor_;
  int udp_ = -1;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::map<std::pair<std::string, dns::RrType>, Handler> handlers_;
  std::map<int, std::unique_ptr<Peer>> peers_;
  dns::Handle udp_watch_, listener_watch_;
};

}  // namespace ravelin::test
