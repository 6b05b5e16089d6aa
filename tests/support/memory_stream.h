// A stream without a socket: the test is the peer.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/event/stream.h"
#include "support/memory_failure.h"

namespace ravelin::test {

// What the test sees of a stream; it lives on when the stream is destroyed.
struct MemoryPeer {
  std::string received;   // what the program wrote and the test has not taken
  bool finished = false;  // finish() was called
  bool lingers = false;   // set by the test: the peer does not close then
  bool destroyed = false;
  std::optional<dns::IpAddress> local{};  // the program's address
  std::string syn{};                      // of the test's end: what saved_syn() gives
  bool half_closed = false;               // set by the test, in custody
  bool congested = false;                 // set by the test: the peer reads nothing
  bool securing = false;                  // start_tls() was called
  std::string expected_name{};            // of us, if we are the server
  class MemoryStream* stream = nullptr;   // null once destroyed
  int number = -1;                        // among its connector's; only with one it can be detached
  bool cut = false;                       // cut() was called: the peer sees our end
  std::map<int, int>* fds = nullptr;      // of the connector

  std::string take() { return std::exchange(received, {}); }
};

class MemoryStream final : public proxy::Stream {
 public:
  MemoryStream(proxy::Reactor& reactor, std::shared_ptr<MemoryPeer> peer)
      : reactor_(reactor), peer_(std::move(peer)) {
    peer_->stream = this;
    peer_->destroyed = false;  // adopted, perhaps
  }
  ~MemoryStream() override {
    if (peer_->stream != this) return;  // another stream has adopted the connection
    peer_->stream = nullptr;
    peer_->destroyed = true;
  }
  // A real descriptor, so that it is seen if nobody closes it.
  proxy::Detached detach() override {
    const Outside test;
    if (!coming_.empty() || !input_.empty() || peer_->finished || peer_->cut) return {};
    if (peer_->number < 0) return {};
    const int fd = ::eventfd(0, EFD_CLOEXEC);
    (*peer_->fds)[fd] = peer_->number;
    return {fd};
  }

  std::optional<dns::IpAddress> local_address() const override { return peer_->local; }
  size_t saved_syn(std::span<uint8_t> room) override {
    const auto syn = std::exchange(peer_->syn, {});
    if (syn.size() > room.size()) return 0;
    std::copy(syn.begin(), syn.end(), room.begin());
    return syn.size();
  }
  void set_events(proxy::StreamEvents* events) override { events_ = events; }
  void write(std::string_view bytes) override {
    if (!peer_->finished && !peer_->cut) peer_->received += bytes;
  }
  bool blocked() const override { return peer_->congested && !peer_->received.empty(); }
  bool congested() const override { return peer_->congested; }
  bool half_closed() const override { return peer_->half_closed; }
  void pause(proxy::Pause reason) override { paused_ |= static_cast<unsigned>(reason); }
  void resume(proxy::Pause reason) override {
    const auto before = std::exchange(paused_, paused_ & ~static_cast<unsigned>(reason));
    if (before != 0 && paused_ == 0) wake();
  }
  void set_read_size(size_t bytes) override { read_size_ = bytes; }
  void finish() override {
    const Outside test;
    peer_->finished = true;
    if (!peer_->lingers) closing_ = reactor_.defer([this] { over(proxy::StreamEnd::Closed); });
  }
  // The peer that sees it is to call end().
  void cut(std::chrono::milliseconds limit) override {
    const Outside test;
    peer_->cut = true;
    closing_ = reactor_.timer(limit, [this] { over(proxy::StreamEnd::Closed); });
  }

  void start_tls(const proxy::TlsServer&, std::string_view) override { start_tls(); }
  void start_tls() { peer_->securing = true; }
  void start_tls(const proxy::TlsClient&, const std::string& host) override {
    peer_->securing = true;
    peer_->expected_name = host;
  }

  bool paused() const { return paused_ != 0; }
  bool paused_for(proxy::Pause reason) const {
    return (paused_ & static_cast<unsigned>(reason)) != 0;
  }
  size_t untaken() const { return input_.size(); }

  // As the peer: bytes on their way to the program, delivered in the next turn in pieces of |chunk|
  // (0: whole, up to the read size).
  void send(std::string_view bytes, size_t chunk = 0) {
    coming_ += bytes;
    chunk_ = chunk;
    wake();
  }
  void end(proxy::StreamEnd how) {
    const Outside test;
    ending_ = reactor_.defer([this, how] { over(how); });
  }
  // The handshake is done; it fails if something was on its way in the clear.
  void secured(proxy::TlsFacts facts) {
    peer_->securing = false;
    if (!coming_.empty()) return end(proxy::StreamEnd::TlsFailed);
    securing_ = reactor_.defer([this, facts = std::move(facts)] { events_->on_secured(facts); });
  }
  void connected() {
    connecting_ = reactor_.defer([this] { tell([this] { events_->on_connected(); }); });
  }
  void drained() {
    peer_->congested = false;
    draining_ = reactor_.defer([this] { tell([this] { events_->on_drained(); }); });
  }

 private:
  void wake() {
    const Outside test;
    delivery_ = reactor_.defer([this] {
      const Outside around;
      deliver();
    });
  }
  // Once, as the stream on a socket does.
  void over(proxy::StreamEnd how) {
    if (!std::exchange(over_, true)) events_->on_end(how);
  }
  // As the stream on a socket: who runs out of memory in a call hears of the end.
  template <class Call>
  bool tell(const Call& call) {
    const auto peer = peer_;
    const bool done = survives(call);
    if (peer->stream != this) return false;
    if (!done) end(proxy::StreamEnd::Reset);
    return done;
  }
  void deliver() {
    if (paused_ != 0 || peer_->finished || peer_->cut || peer_->securing) return;
    auto size = chunk_ == 0 ? read_size_ : chunk_;
    if (size > coming_.size()) size = coming_.size();
    input_ += coming_.substr(0, size);
    coming_.erase(0, size);
    if (input_.empty()) return;
    size_t taken = 0;
    if (!tell([&] { taken = events_->on_data(input_); })) return;
    input_.erase(0, taken);
    if (!coming_.empty() || (taken > 0 && !input_.empty())) wake();
  }

  proxy::Reactor& reactor_;
  std::shared_ptr<MemoryPeer> peer_;
  proxy::StreamEvents* events_ = nullptr;
  bool over_ = false;
  unsigned paused_ = 0;
  size_t read_size_ = 4096;
  size_t chunk_ = 0;
  std::string coming_;
  std::string input_;
  dns::Handle delivery_, closing_, ending_, connecting_, draining_, securing_;
};

// Hands out memory streams; the test finds each connection in |opened| and plays the server.
class MemoryConnector final : public proxy::Connector {
 public:
  explicit MemoryConnector(proxy::Reactor& reactor) : reactor_(reactor) {}

  std::unique_ptr<proxy::Stream> connect(const dns::Endpoint& to, std::chrono::milliseconds,
                                         proxy::StreamEvents& events) override {
    auto peer = std::make_shared<MemoryPeer>();
    if (detachable) peer->number = static_cast<int>(opened.size());
    peer->fds = &fds_;
    auto stream = std::make_unique<MemoryStream>(reactor_, peer);
    stream->set_events(&events);
    opened.push_back({to, peer});
    return stream;
  }

  // |parcel| is as MemoryStream::detach() gave it.
  std::unique_ptr<proxy::Stream> adopt(proxy::Detached parcel,
                                       proxy::StreamEvents& events) override {
    ::close(parcel.fd);
    const auto number = static_cast<size_t>(fds_.at(parcel.fd));
    auto stream = std::make_unique<MemoryStream>(reactor_, opened[number].peer);
    stream->set_events(&events);
    return stream;
  }

  struct Opened {
    dns::Endpoint to;
    std::shared_ptr<MemoryPeer> peer;
  };
  std::vector<Opened> opened;
  bool detachable = true;  // can its streams be handed over?

 private:
  proxy::Reactor& reactor_;
  std::map<int, int> fds_;  // of detached connections: their numbers
};

}  // namespace ravelin::test
