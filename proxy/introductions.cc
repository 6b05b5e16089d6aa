#include "proxy/introductions.h"

#include <utility>

#include "proxy/event/proxy_header.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

// A balancer sends its header with the connection.
constexpr auto kPatience = 10s;

}  // namespace

class Introductions::Waiting final : public dns::Retirable, public StreamEvents {
 public:
  Waiting(Introductions& owner, std::unique_ptr<Stream> stream, const dns::Endpoint& balancer,
          uint32_t listener, Places::Place place)
      : owner_(owner),
        stream_(std::move(stream)),
        balancer_(balancer),
        listener_(listener),
        place_(std::move(place)),
        since_(owner.reactor_.now()) {
    stream_->set_events(this);
  }

  Time since() const { return since_; }

  // Who has the header waits no longer, also if there is no memory for what comes of it.
  size_t on_data(std::string_view data) override {
    const auto header = read_proxy_header(data);
    if (header.status == ProxyHeader::Status::Incomplete) return 0;
    auto& stream = *stream_;
    stream.pause(Pause::Waiting);
    owner_.retire(*this);
    if (header.status == ProxyHeader::Status::Bad) {
      owner_.journal_.message(Severity::Warning, "access.proxy_from: a connection from " +
                                                     balancer_.to_string() +
                                                     " did not begin with a PROXY header");
      return data.size();
    }
    // What has come behind the header is the dialog's, and comes to it in this turn; without a
    // dialog nobody reads it, least of all as another header.
    place_ = {};  // first, or the last one could be taken by nobody
    owner_.done_(stream_, header.client.value_or(balancer_), listener_);
    if (stream_) return data.size();
    stream.resume(Pause::Waiting);
    return header.size;
  }
  void on_end(StreamEnd) override { owner_.retire(*this); }

 private:
  Introductions& owner_;
  std::unique_ptr<Stream> stream_;
  const dns::Endpoint balancer_;
  const uint32_t listener_;
  Places::Place place_;
  const Time since_;
};

Introductions::Introductions(Reactor& reactor, Journal& journal, Done done)
    : reactor_(reactor), journal_(journal), done_(std::move(done)) {}

Introductions::~Introductions() = default;

void Introductions::add(std::unique_ptr<Stream> stream, const dns::Endpoint& balancer,
                        uint32_t listener, Places::Place place) {
  auto added =
      std::make_shared<Waiting>(*this, std::move(stream), balancer, listener, std::move(place));
  auto* const key = added.get();
  waiting_.emplace(key, std::move(added));
}

// At the end of the turn: it may be on the stack. Until then its stream may still end.
void Introductions::retire(Waiting& waiting) {
  const auto found = waiting_.find(&waiting);
  if (found == waiting_.end()) return;
  auto over = std::move(found->second);
  waiting_.erase(found);
  reactor_.retire(std::move(over));
}

// Without memory, too: nobody else lets go of them.
void Introductions::sweep(Time now) {
  std::erase_if(waiting_, [&](auto& entry) {
    if (now - entry.first->since() < kPatience) return false;
    reactor_.retire(std::move(entry.second));
    return true;
  });
}

void Introductions::clear() {
  while (!waiting_.empty()) retire(*waiting_.begin()->first);
}

}  // namespace ravelin::proxy
