#include "proxy/worker.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "dns/ares_resolver.h"
#include "proxy/backend/worker.h"
#include "proxy/event/connector.h"
#include "proxy/event/farewell.h"
#include "proxy/event/listener.h"
#include "proxy/event/loop.h"
#include "proxy/introductions.h"
#include "proxy/profile/name_class.h"
#include "proxy/session/services.h"
#include "proxy/sessions.h"
#include "proxy/tls_settings.h"
#include "smtp/replies.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kSweep = 100ms;
constexpr auto kFarewells = 3s;  // for QUIT and the backends' FIN, at the end
constexpr auto kLook = 10ms;     // and how often we look whether they are done

// The lines that those hear who get no dialog, made once.
const std::string& no_place_line() {
  static const std::string line = smtp::to_wire(smtp::replies::no_place());
  return line;
}
const std::string& shutting_down_line() {
  static const std::string line = smtp::to_wire(smtp::replies::shutting_down());
  return line;
}

dns::AresSettings dns_settings(const Published& published) {
  dns::AresSettings settings;
  for (const auto& text : published.policy->config().dns.servers)
    if (const auto server = dns::parse_server(text)) settings.servers.push_back(*server);
  return settings;
}

}  // namespace

class Worker::Impl {
 public:
  Impl(Shared& shared, std::vector<Fd> sockets, Published published)
      : shared_(shared),
        published_(std::move(published)),
        loop_(shared.clock),
        resolver_(loop_, shared.dns_cache, dns_settings(published_)),
        connector_(loop_),
        verifier_(shared.backends, loop_, connector_, [this](auto call) { post(std::move(call)); }),
        services_(*this),
        sessions_(loop_),
        introductions_(loop_, shared.journal,
                       [this](auto& stream, const auto& client, uint32_t listener) {
                         introduced(stream, client, listener);
                       }) {
    make_tls();
    for (uint32_t i = 0; i < sockets.size(); ++i) listen(std::move(sockets[i]), i);
    swept_ = loop_.now();
    sweeper_ = loop_.every(kSweep, [this] { sweep(); });
  }

  void start() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  void turn() { loop_.poll(); }
  void post(std::function<void()> call) { loop_.post(std::move(call)); }

  void publish(Published published) {
    const bool reloaded = published_.policy != published.policy;
    const auto before = dns_settings(published_).servers;
    published_ = std::move(published);
    // What is set by hand and each level of pressure come here, too: there is no other certificate
    // then, and it must cost no DNS question that is under way.
    if (!reloaded) return;
    make_tls();
    // Without servers of our own it is resolv.conf that counts, which may be another by now.
    if (auto servers = dns_settings(published_).servers; servers.empty() || servers != before)
      resolver_.reconfigure(std::move(servers));
  }
  bool dns_on_loopback() const { return resolver_.uses_loopback_only(); }

  void drain(std::function<void()> done) {
    on_drained_ = std::move(done);
    go_on_draining();
  }
  // Whatever fails for want of memory is done at the next sweep.
  void go_on_draining() {
    const auto tell = [](Fd fd, const dns::Endpoint&) {
      say_and_close(std::move(fd), shutting_down_line());
    };
    for (auto& listener : listeners_) listener->drain_backlog(tell);
    listeners_.clear();
    introductions_.clear();
    sessions_.shut_down(false);
    say_if_drained();
  }
  void hurry() { sessions_.shut_down(true); }
  // Backends hear QUIT and get a moment to close first, which leaves TIME_WAIT with them.
  void stop(bool at_once) {
    verifier_.shutdown();
    if (at_once || verifier_.quiet()) return loop_.stop();
    deadline_ = loop_.now() + kFarewells;
    try {
      sweeper_ = loop_.every(kLook, [this] {
        verifier_.sweep(loop_.now());
        if (verifier_.quiet() || loop_.now() >= deadline_) loop_.stop();
      });
    } catch (const std::bad_alloc&) {
      loop_.stop();
    }
  }

  void visit(const std::function<void(const WorkerParts&)>& call) {
    call({services_, sessions_, published_, guests_});
  }

  uint32_t sessions() const { return count_.load(std::memory_order_relaxed); }
  bool drained() const { return drained_.load(std::memory_order_acquire); }
  Tally& tally() { return services_.tally; }
  WorkerCounts counts() const {
    const auto& tally = services_.tally;
    return {tally.read(), tally.verifications(), tally.lags(), resolver_.counts().read(),
            sessions_.phases()};
  }

 private:
  // What a session takes from us.
  class WorkerServices final : public Services {
   public:
    explicit WorkerServices(Impl& worker)
        : Services(worker.loop_, worker.shared_.clock, worker.resolver_, worker.verifier_,
                   worker.shared_.journal, worker.shared_.greylist, worker.shared_.standing),
          worker_(worker) {}
    Id next_id() override { return worker_.shared_.ids.next(); }
    const Limits& limits(bool with_standing) const override {
      return worker_.limits(with_standing);
    }
    void refile(const Session& session) override { worker_.sessions_.refile(session); }
    void retire(Session& session) override { worker_.retire(session); }
    Captures* captures() override { return &worker_.shared_.captures; }
    const RecordOptions* recording() const override {
      return worker_.published_.recording ? &*worker_.published_.recording : nullptr;
    }
    void record(const DialogInfo& dialog, VerbCounts counts, const DialogRecord& record) override {
      worker_.record(dialog, counts, record);
    }
    bool offers_tls() const override { return worker_.tls_ != nullptr; }
    Handle enter_handshake(bool trusted) override { return worker_.enter_handshake(trusted); }
    Handle enter_bounce(const dns::IpAddress& client) override {
      return worker_.enter_bounce(client);
    }
    void start_tls(Stream& stream, uint32_t listener) override {
      stream.start_tls(*worker_.tls_, "smtp " + std::to_string(listener));
    }

    void recipient_answered(const dns::IpAddress& client, Asked asked, bool unknown) override {
      worker_.shared_.shield.answered(client, asked, unknown, worker_.loop_.now(),
                                      worker_.harvest());
    }
    bool shielded(const dns::IpAddress& client, Asked asked) override {
      return worker_.shared_.shield.holds(client, asked, worker_.loop_.now(), worker_.harvest());
    }
    std::optional<Arrival> arrive(const dns::Endpoint& client, uint32_t listener) override {
      return worker_.arrive(client, listener);
    }

   private:
    Impl& worker_;
  };

  const Limits& limits(bool standing) const {
    return standing ? published_.limits : published_.pressed;
  }

  // limits.handshakes, of which a share is for those who are |trusted|.
  Handle enter_handshake(bool trusted) {
    const auto& its = published_.limits;
    if (its.handshakes == 0) return shared_.handshakes.enter(UINT32_MAX);
    return shared_.handshakes.enter(trusted ? its.handshakes
                                            : its.handshakes * (1 - its.reserved_for_known));
  }

  // Null if there are enough of them, and nobody gives way.
  Handle enter_bounce(const dns::IpAddress& client) {
    const auto& its = published_.limits;
    const auto most = std::max(
        1.0, its.null_senders * share_of_strangers(its.reserved_for_known, published_.places));
    const auto try_it = [&] { return shared_.bounces.enter(most); };
    auto place = try_it();
    if (!place && shared_.bounces.in_use() < most + 1 &&
        sessions_.yield_to_stranger(client, shared_.places, Sessions::Kind::Bounces))
      place = try_it();
    return place;
  }

  void record(const DialogInfo& dialog, VerbCounts counts, const DialogRecord& record) {
    using Merge = HistoryEntry::Merge;
    shared_.top.add(dialog.client.address,
                    record.fruitful() ? TopOutcome::Accepted : TopOutcome::Refused, loop_.now());
    shared_.history.add(
        {dialog.id, dialog.client.address, record.alike(dialog),
         record.fruitful() ? Merge::Never : Merge::WhenHard,
         record.text(dialog, origin_of(dialog), counts, shared_.clock.wall(), loop_.now())});
  }

  DialogOrigin origin_of(const DialogInfo& dialog) const {
    const auto& client = dialog.client.address;
    const auto class_of_name = static_cast<size_t>(name_class(dialog.name, client));
    DialogOrigin origin;
    origin.name_class = kNameClassNames[class_of_name];
    if (!published_.origins) return origin;
    auto found = published_.origins->lookup(client);
    origin.country = std::move(found.country);
    origin.asn = found.asn;
    origin.organisation = std::move(found.organisation);
    return origin;
  }

  const HarvestSettings& harvest() const { return published_.policy->config().harvest; }

  const TlsSettings& tls_settings() const {
    return proxy::tls_settings(published_.policy->config());
  }

  // Contexts of this thread's own: those of OpenSSL have locks. What is wrong with certificates was
  // found when they were loaded.
  void make_tls() {
    if (tls_settings().loaded.empty()) return tls_.reset();
    auto made = TlsServer::make(server_settings(tls_settings()), shared_.ticket_keys);
    if (made)
      tls_ = *std::move(made);
    else
      shared_.journal.message(Severity::Warning, "tls: " + made.error());
  }

  void listen(Fd socket, uint32_t number) {
    listeners_.push_back(std::make_unique<Listener>(
        loop_, std::move(socket),
        [this, number](Fd fd, const dns::Endpoint& peer) { accept(std::move(fd), peer, number); }));
  }

  void accept(Fd fd, const dns::Endpoint& peer, uint32_t listener) {
    if (published_.policy->is_balancer(peer.address))
      return await_introduction(std::move(fd), peer, listener);
    auto arrival = arrive(peer, listener);
    if (!arrival) return refuse(std::move(fd));
    arrival->may_introduce = published_.policy->is_front(peer.address);
    open(accepted_stream(loop_, std::move(fd)), *std::move(arrival));
  }

  // Told so, or, if there are too many of them, just closed.
  void refuse(Fd fd) {
    if (may_tell()) say_and_close(std::move(fd), no_place_line());
  }
  bool may_tell() { return shared_.refusals.take(published_.limits.refusals_rate, loop_.now()); }

  // Whose connection it is, is not known, and so neither is what share of the places it may use.
  void await_introduction(Fd fd, const dns::Endpoint& balancer, uint32_t listener) {
    auto entry = enter(balancer, /*exempt=*/true, Newcomer::Unnamed, published_.limits);
    if (!entry.place) {
      services_.tally.arrival(/*new_source=*/false);  // else it counts as its client's
      return refuse(std::move(fd));
    }
    introductions_.add(accepted_stream(loop_, std::move(fd)), balancer, listener,
                       std::move(entry.place));
  }

  // A balancer's connection, and now we know whose it is.
  void introduced(std::unique_ptr<Stream>& stream, const dns::Endpoint& client, uint32_t listener) {
    auto arrival = arrive(client, listener);
    if (arrival) arrival->introduced = true;
    if (arrival) return open(std::move(stream), *std::move(arrival));
    if (may_tell()) stream->write(no_place_line());
  }

  enum class Newcomer {
    Stranger,
    Denied,  // nobody ends for one who only hears no
    Trusted,
    Unnamed,  // a balancer's connection, whoever it is for
  };

  // Without a place if a limit fired, and nobody gives way; then the journal knows.
  Places::Entry enter(const dns::Endpoint& client, bool exempt, Newcomer who,
                      const Limits& limits) {
    auto& places = shared_.places;
    const bool good = who == Newcomer::Trusted || who == Newcomer::Unnamed;
    auto entry = places.enter(client.address, good, exempt, limits, published_.places);
    if (!entry.place && make_room(client.address, who, entry.limit, limits)) {
      // One has gone for one in good standing: so it is in, even if more are there than there may
      // be, since that was lowered.
      const auto total =
          good ? std::max(published_.places, places.in_use() + 1) : published_.places;
      entry = places.enter(client.address, good, exempt, limits, total);
    }
    if (!entry.place) say_no_place(client, place_limit_name(entry.limit));
    return entry;
  }

  void say_no_place(const dns::Endpoint& client, std::string_view limit) {
    shared_.journal.no_place(client, limit);
    if (!published_.recording) return;
    shared_.top.add(client.address, TopOutcome::NoPlace, loop_.now());
    shared_.history.add(no_place_entry(shared_.ids.next(), client, limit, shared_.clock.wall()));
  }

  // Nothing if there is no place.
  std::optional<Arrival> arrive(const dns::Endpoint& client, uint32_t listener) {
    const auto access = published_.policy->access(client.address, published_.by_hand.get());
    const auto grade = shared_.standing.grade(client.address);
    const bool standing = access == Access::Allow || grade != Grade::Unknown;
    services_.tally.arrival(!standing && shared_.recent_sources.is_new(client.address));
    const bool exempt = access == Access::Allow;
    const bool denied = access == Access::Deny && !published_.policy->shadow();
    const auto who = denied                           ? Newcomer::Denied
                     : exempt || grade == Grade::Good ? Newcomer::Trusted
                                                      : Newcomer::Stranger;
    auto entry = enter(client, exempt, who, limits(standing));
    if (!entry.place) {
      if (!standing) turned_away(client.address, entry.limit);
      return {};
    }
    const auto& config = published_.policy->config();
    return Arrival{client,
                   shared_.ids.next(),
                   shared_.next_serial(),
                   access,
                   grade,
                   std::move(entry.place),
                   listener,
                   /*introduced=*/false,
                   requires_tls(tls_settings(), config.listen.smtp[listener]),
                   /*may_introduce=*/false};
  }

  // Counted is who would take what a level frees. A limit that holds in calm, too, would turn that
  // client away again, and of a network count no more than calm has places for.
  void turned_away(const dns::IpAddress& client, PlaceLimit limit) {
    const auto& calm = published_.limits;
    const auto& now = published_.pressed;
    if (limit == PlaceLimit::Client && calm.sessions_per_client == now.sessions_per_client) return;
    auto who = client;
    if (limit == PlaceLimit::Network && calm.sessions_per_network != 0) {
      if (calm.sessions_per_network <= now.sessions_per_network) return;
      who = one_of(client, calm.sessions_per_network - now.sessions_per_network);
    }
    if (shared_.turned_away.insert(who)) services_.tally.turned_away();
  }
  // |client|, or another one of its network, so that there are at most |count| of these. An IPv6
  // /64 is one already.
  static dns::IpAddress one_of(const dns::IpAddress& client, uint32_t count) {
    if (!client.is_v4()) return client;
    const auto* bytes = client.bytes();
    return dns::IpAddress::v4(
        {bytes[0], bytes[1], bytes[2], static_cast<uint8_t>(bytes[3] % count)});
  }

  // All places are taken: does somebody here give one up for |client|?
  bool make_room(const dns::IpAddress& client, Newcomer who, PlaceLimit limit,
                 const Limits& limits) {
    if (limit != PlaceLimit::Total && limit != PlaceLimit::Reserved) return false;
    if (who == Newcomer::Denied) return false;
    if (who == Newcomer::Stranger)
      return shared_.places.one_makes_room(limits, published_.places) &&
             sessions_.yield_to_stranger(client, shared_.places, Sessions::Kind::All);
    return sessions_.yield_to_known(who == Newcomer::Unnamed ? Sessions::Looks::Some
                                                             : Sessions::Looks::All);
  }

  void open(std::unique_ptr<Stream> stream, Arrival arrival) {
    auto session = std::make_shared<Session>(services_, published_.policy, std::move(stream),
                                             std::move(arrival));
    sessions_.add(std::move(session)).start();
    count_.store(static_cast<uint32_t>(sessions_.size()), std::memory_order_relaxed);
  }

  void retire(Session& session) {
    sessions_.retire(session);
    count_.store(static_cast<uint32_t>(sessions_.size()), std::memory_order_relaxed);
    say_if_drained();
  }
  // The flag is for those who cannot be told.
  void say_if_drained() {
    if (!on_drained_ || !sessions_.empty()) return;
    drained_.store(true, std::memory_order_release);
    const auto done = std::exchange(on_drained_, nullptr);
    done();
  }

  void sweep() {
    const auto now = loop_.now();
    services_.tally.late(std::max(Time::duration{}, now - swept_ - kSweep));
    swept_ = now;
    sessions_.sweep(now);
    introductions_.sweep(now);
    verifier_.sweep(now);
    if (on_drained_) go_on_draining();
  }

  Shared& shared_;
  Published published_;
  Loop loop_;
  dns::AresResolver resolver_;
  SocketConnector connector_;
  BackendWorker verifier_;
  std::unique_ptr<TlsServer> tls_;  // null: not offered
  WorkerServices services_;
  Sessions sessions_;  // before all that they use, so that they go first
  std::vector<std::shared_ptr<dns::Retirable>> guests_;
  Introductions introductions_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Handle sweeper_;
  Time swept_{};
  Time deadline_{};                   // of stop()
  std::function<void()> on_drained_;  // while draining
  std::atomic<bool> drained_{false};
  std::atomic<uint32_t> count_{0};
  std::thread thread_;
};

Worker::Worker(Shared& shared, std::vector<Fd> sockets, Published published)
    : impl_(std::make_unique<Impl>(shared, std::move(sockets), std::move(published))) {}
Worker::~Worker() = default;

void Worker::start() { impl_->start(); }
void Worker::join() { impl_->join(); }
void Worker::turn() { impl_->turn(); }
void Worker::publish(Published published) {
  impl_->post([this, published = std::move(published)] { impl_->publish(published); });
}
void Worker::visit(std::function<void(const WorkerParts&)> call) {
  impl_->post([this, call = std::move(call)] { impl_->visit(call); });
}
void Worker::drain(std::function<void()> done) {
  impl_->post([this, done = std::move(done)] { impl_->drain(done); });
}
void Worker::hurry() {
  impl_->post([this] { impl_->hurry(); });
}
void Worker::stop(bool at_once) {
  impl_->post([this, at_once] { impl_->stop(at_once); });
}
uint32_t Worker::sessions() const { return impl_->sessions(); }
bool Worker::drained() const { return impl_->drained(); }
Tally& Worker::tally() { return impl_->tally(); }
WorkerCounts Worker::counts() const { return impl_->counts(); }

WorkerCounts& WorkerCounts::operator+=(const WorkerCounts& other) {
  tally += other.tally;
  verifications += other.verifications;
  lags += other.lags;
  dns += other.dns;
  for (size_t i = 0; i < phases.size(); ++i) phases[i] += other.phases[i];
  return *this;
}
bool Worker::dns_on_loopback() const { return impl_->dns_on_loopback(); }

}  // namespace ravelin::proxy
