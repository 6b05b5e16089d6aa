// The whole way of a message in one process: real sessions in front of the real relay, with memory
// streams on both ends and a backend that keeps every octet.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/backend/backends.h"
#include "proxy/backend/worker.h"
#include "proxy/config/loader.h"
#include "proxy/overload/budget.h"
#include "proxy/session/session.h"
#include "support/fake_resolver.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"

namespace ravelin::test {

// Answers as RFC 5321 has it: a line ends with CRLF, the text with CRLF "." CRLF.
class KeepingBackend {
 public:
  struct Connection {
    std::string bytes;  // all that came since forget()
    size_t answered = 0;
    bool greeted = false;
    bool in_text = false;
    bool lost = false;  // by the other side
  };
  std::map<size_t, Connection> connections;  // by their number

  explicit KeepingBackend(MemoryConnector& connector) : connector_(connector) {}

  // Something was said or done.
  bool turn() {
    while (seen_ < connector_.opened.size()) connections[seen_++];
    bool more = false;
    for (auto& [number, connection] : connections)
      more |= turn(*connector_.opened[number].peer, connection);
    return more;
  }
  // Between two dialogs: what remains open is idle.
  void forget() {
    std::erase_if(connections, [](const auto& entry) { return entry.second.lost; });
    for (auto& [number, connection] : connections) {
      connection.bytes.clear();
      connection.answered = 0;
    }
  }

 private:
  static bool turn(MemoryPeer& peer, Connection& connection) {
    const auto came = peer.take();
    connection.bytes += came;
    const bool gone = std::exchange(connection.lost, peer.destroyed || peer.cut);  // no dot follows
    if (connection.lost) {
      if (!gone && peer.stream != nullptr) peer.stream->end(proxy::StreamEnd::Eof);
      return !gone;
    }
    if (!connection.greeted) {
      connection.greeted = true;
      peer.stream->connected();
      peer.stream->send("220 mail.internal ESMTP\r\n");
      return true;
    }
    std::string replies;
    for (auto end = connection.bytes.find("\r\n", connection.answered); end != std::string::npos;
         end = connection.bytes.find("\r\n", connection.answered)) {
      replies += reply_to(
          std::string_view(connection.bytes).substr(connection.answered, end - connection.answered),
          connection);
      connection.answered = end + 2;
    }
    if (!replies.empty()) peer.stream->send(replies);
    return !came.empty();
  }
  static std::string_view reply_to(std::string_view line, Connection& connection) {
    if (connection.in_text) {
      if (line != ".") return {};
      connection.in_text = false;
      return "250 2.0.0 queued\r\n";
    }
    if (line == "DATA") {
      connection.in_text = true;
      return "354 go on\r\n";
    }
    if (line.starts_with("EHLO")) return "250-mail.internal\r\n250 PIPELINING\r\n";
    return line == "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
  }

  MemoryConnector& connector_;
  size_t seen_ = 0;
};

class Front final : public proxy::Services {
  // Members of the base: made before it would use them, and references to them are all it keeps.
  struct World {
    World() {}
    ManualClock clock;
    ManualReactor reactor{clock};
    FakeResolver resolver{reactor};
    RecordingJournal journal;
    MemoryConnector connector{reactor};
    proxy::Backends backends{journal, clock};
    std::vector<std::function<void()>> posts;
    proxy::BackendWorker worker{backends, reactor, connector, [this](std::function<void()> call) {
                                  posts.push_back(std::move(call));
                                }};
    proxy::Greylist greylist{clock, nullptr};
    proxy::Standing standing{clock, nullptr};
  };

 public:
  explicit Front(bool normalise) : Front(std::make_unique<World>(), normalise) {}
  ~Front() override { session_.reset(); }

  // One dialog: |envelope| as a whole, then |message| in pieces of |chunk| octets (0: whole).
  // Returns what the client heard. The client leaves at the end.
  std::string dialog(std::string_view envelope, std::string_view message, size_t chunk) {
    const auto peer = connect();
    send(*peer, envelope, 0);
    send(*peer, message, chunk);
    if (peer->stream != nullptr) peer->stream->end(proxy::StreamEnd::Eof);
    run();
    return peer->take();
  }
  // A client comes in; what was before is forgotten.
  std::shared_ptr<MemoryPeer> connect() {
    backend.forget();
    journal().lines.clear();
    auto peer = std::make_shared<MemoryPeer>();
    proxy::Arrival arrival;
    arrival.client = {*dns::IpAddress::parse("192.0.2.1"), 4025};
    arrival.id = next_id();
    session_ = std::make_unique<proxy::Session>(
        *this, policy_, std::make_unique<MemoryStream>(world_->reactor, peer), std::move(arrival));
    session_->start();
    return peer;
  }
  void send(MemoryPeer& peer, std::string_view bytes, size_t chunk) {
    if (peer.stream != nullptr) peer.stream->send(bytes, chunk);
    run();
  }
  RecordingJournal& journal() { return world_->journal; }
  bool ended() const { return session_ == nullptr; }

  proxy::Id next_id() override { return ++id_; }
  const proxy::Limits& limits(bool) const override { return policy_->config().limits; }
  proxy::Handle enter_bounce(const dns::IpAddress&) override { return bounces_.enter(1); }
  void retire(proxy::Session&) override {
    world_->reactor.retire(std::shared_ptr<proxy::Session>(std::move(session_)));
  }

 private:
  Front(std::unique_ptr<World> world, bool normalise)
      : Services(world->reactor, world->clock, world->resolver, world->worker, world->journal,
                 world->greylist, world->standing),
        world_(std::move(world)),
        backend(world_->connector) {
    const auto config = load(normalise);
    policy_ = std::make_shared<const proxy::Policy>(config);
    world_->greylist.configure(config->greylist);
    world_->standing.configure(config->standing);
    world_->backends.configure(*config);
    world_->resolver.set_name("192.0.2.1", "client.example");
  }
  static std::shared_ptr<const proxy::Config> load(bool normalise) {
    auto loaded = proxy::parse_config(
        "hostname = 'ours.example'\n"
        "[[route]]\ndomains = ['mx.example']\nbackends = ['127.0.0.1:2500']\n"
        "[checks.early_talker]\npause = '0s'\n[checks.sender_domain]\naction = 'off'\n"
        "[greylist]\napply_to = 'off'\n[relay]\nline_endings = '" +
            std::string(normalise ? "normalise" : "reject") + "'\n",
        "test.toml");
    for (const auto& error : loaded.errors) throw std::invalid_argument(error.format("test.toml"));
    return loaded.config;
  }
  void run() {
    do {
      world_->reactor.run();
      for (const auto& call : std::exchange(world_->posts, {})) call();
    } while (backend.turn());
  }

  std::unique_ptr<World> world_;
  std::shared_ptr<const proxy::Policy> policy_;
  proxy::Id id_ = 0xA000;
  proxy::Budget bounces_;
  std::unique_ptr<proxy::Session> session_;

 public:
  KeepingBackend backend;
};

}  // namespace ravelin::test
