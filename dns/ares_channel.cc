#include "dns/ares_channel.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>

#include <array>
#include <cassert>
#include <cstring>
#include <memory>
#include <utility>

namespace ravelin::dns {
namespace {

// How often c-ares looks for questions to repeat or give up, while there are any. Not
// ares_timeout(): it walks all questions in flight, and would do so after each packet.
constexpr std::chrono::milliseconds kTick{50};

// What every path to a resolver carries without fragments (DNS flag day 2020).
constexpr int kEdnsSize = 1232;

bool library_ready() {
  static const bool ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
  return ready;
}

Status status_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return Status::Ok;
    case ARES_ENODATA:
      return Status::NoData;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
      return Status::NoName;
    default:
      return Status::TempFail;
  }
}

std::vector<IpAddress> addresses_of(const ares_addrinfo* found) {
  std::vector<IpAddress> addresses;
  for (auto* node = found->nodes; node != nullptr; node = node->ai_next)
    if (const auto address = IpAddress::from(node->ai_addr)) addresses.push_back(*address);
  return addresses;
}

IpAddress address_of(const ares_addr_port_node& node) {
  std::array<uint8_t, 16> six{};
  std::array<uint8_t, 4> four{};
  if (node.family == AF_INET6) {
    std::memcpy(six.data(), &node.addr, six.size());
    return IpAddress::v6(six);
  }
  std::memcpy(four.data(), &node.addr, four.size());
  return IpAddress::v4(four);
}

}  // namespace

// Lives from the question to its one callback.
struct AresChannel::Call {
  AresChannel& channel;
  OnMessage on_message;
  OnAddresses on_addresses;
};

std::optional<Endpoint> parse_server(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) return Endpoint{*address, 53};
  const auto server = Endpoint::parse(text);
  if (!server || server->port == 0) return {};
  return server;
}

AresChannel::AresChannel(Reactor& reactor, const AresSettings& settings, Transport transport,
                         Reactor::Callback after)
    : reactor_(reactor), after_(std::move(after)) {
  ares_options options{};
  options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  if (transport == Transport::Udp) options.flags |= ARES_FLAG_IGNTC;
  if (transport == Transport::Tcp) options.flags |= ARES_FLAG_USEVC;
  options.timeout = static_cast<int>(settings.try_timeout.count());
  options.tries = settings.tries;
  options.ednspsz = kEdnsSize;
  options.sock_state_cb = on_socket;
  options.sock_state_cb_data = this;
  std::string lookups = "fb";  // hosts file, then DNS
  options.lookups = lookups.data();
  std::string resolv_conf = settings.resolv_conf;
  options.resolvconf_path = resolv_conf.data();
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                   ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS | ARES_OPT_NOROTATE |
                   ARES_OPT_RESOLVCONF;
  if (!library_ready() || ares_init_options(&channel_, &options, mask) != ARES_SUCCESS)
    channel_ = nullptr;
  if (!settings.servers.empty()) use_servers(settings.servers);
}

AresChannel::~AresChannel() {
  closing_ = true;
  if (channel_ != nullptr) ares_destroy(channel_);
  assert(in_flight_ == 0);
}

// A failure leaves no channel: asking other servers than the ones configured would be worse.
void AresChannel::use_servers(const std::vector<Endpoint>& servers) {
  if (channel_ == nullptr) return;
  std::vector<ares_addr_port_node> nodes(servers.size());
  for (size_t i = 0; i < servers.size(); ++i) {
    nodes[i].next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
    nodes[i].family = servers[i].address.is_v4() ? AF_INET : AF_INET6;
    std::memcpy(&nodes[i].addr, servers[i].address.bytes(), servers[i].address.size());
    nodes[i].udp_port = servers[i].port;
    nodes[i].tcp_port = servers[i].port;
  }
  if (ares_set_servers_ports(channel_, nodes.data()) == ARES_SUCCESS) return;
  ares_destroy(std::exchange(channel_, nullptr));
}

bool AresChannel::loopback_only() const {
  ares_addr_port_node* nodes = nullptr;
  if (channel_ == nullptr || ares_get_servers_ports(channel_, &nodes) != ARES_SUCCESS) return true;
  bool all = true;
  for (const auto* node = nodes; node != nullptr; node = node->next)
    all = all && address_of(*node).is_loopback();
  ares_free_data(nodes);
  return all;
}

void AresChannel::query(const std::string& name, uint16_t type, OnMessage done) {
  if (channel_ == nullptr) return done(Status::TempFail, {});
  if (!tick_) start_tick();
  auto call = std::make_unique<Call>(Call{*this, std::move(done), {}});
  ++in_flight_;
  ares_query(channel_, name.c_str(), ns_c_in, type, on_message, call.release());
}

void AresChannel::addresses(const std::string& name, bool v4, OnAddresses done) {
  if (channel_ == nullptr) return done(Status::TempFail, {});
  if (!tick_) start_tick();
  ares_addrinfo_hints hints{};
  hints.ai_family = v4 ? AF_INET : AF_INET6;
  // Not sorted: that would connect a socket to each address to see how it would be reached.
  hints.ai_flags = ARES_AI_NOSORT;
  auto call = std::make_unique<Call>(Call{*this, {}, std::move(done)});
  ++in_flight_;
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_addresses, call.release());
}

void AresChannel::on_message(void* raw, int status, int, unsigned char* bytes, int size) {
  const std::unique_ptr<Call> call(static_cast<Call*>(raw));
  --call->channel.in_flight_;
  if (call->channel.closing_) return;
  // With a message at hand its own words count, not the status that c-ares made of them.
  if (bytes != nullptr && size > 0)
    return call->on_message(Status::TempFail, {bytes, static_cast<size_t>(size)});
  call->on_message(status_of(status) == Status::NoName ? Status::NoName : Status::TempFail, {});
}

// C code is on the stack: no exception may leave.
void AresChannel::on_addresses(void* raw, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<Call> call(static_cast<Call*>(raw));
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owner(found,
                                                                           ares_freeaddrinfo);
  --call->channel.in_flight_;
  if (call->channel.closing_) return;
  try {
    auto addresses = found != nullptr ? addresses_of(found) : std::vector<IpAddress>();
    auto result = status_of(status);
    if (result == Status::Ok && addresses.empty()) result = Status::NoData;
    call->on_addresses(result, std::move(addresses));
  } catch (const std::bad_alloc&) {
    call->on_addresses(Status::TempFail, {});
  }
}

// Called before the socket is closed with neither flag, so a watch never outlives its socket.
void AresChannel::on_socket(void* raw, int fd, int readable, int writable) {
  auto& channel = *static_cast<AresChannel*>(raw);
  try {
    channel.watch(fd, readable != 0, writable != 0);
  } catch (const std::bad_alloc&) {
    // Nobody will hear what comes on this socket: its questions time out.
  }
}

void AresChannel::watch(int fd, bool read, bool write) {
  watches_.erase(fd);
  if (!read && !write) return;
  watches_[fd] = reactor_.watch(fd, read, write, [this, fd](Reactor::Ready ready) {
    process(ready.readable ? fd : ARES_SOCKET_BAD, ready.writable ? fd : ARES_SOCKET_BAD);
  });
}

// By value: c-ares may close the socket in here, and with it goes the closure that called.
void AresChannel::process(int read_fd, int write_fd) {
  ares_process_fd(channel_, read_fd, write_fd);
  after_();
}

void AresChannel::start_tick() {
  tick_ = reactor_.timer(kTick, [this] { on_tick(); });
}

void AresChannel::on_tick() {
  tick_.reset();
  if (in_flight_ == 0) return;
  start_tick();
  process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace ravelin::dns
