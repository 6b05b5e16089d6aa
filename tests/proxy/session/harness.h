// A whole front line without sockets: real checks, greylist and standing, a fake backend and DNS, a
// clock that the test moves.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config/loader.h"
#include "proxy/overload/budget.h"
#include "proxy/session/session.h"
#include "support/dialog_player.h"
#include "support/fake_resolver.h"
#include "support/fake_verifier.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"

namespace ravelin::test {

class Harness final : public proxy::Services {
  // Members of the base: made before it would use them, and references to them are all it keeps.
  struct World {
    ManualClock clock;
    ManualReactor reactor{clock};
    FakeResolver resolver{reactor};
    FakeVerifier verifier{reactor};
    RecordingJournal journal;
    proxy::Greylist greylist{clock, nullptr};
    proxy::Standing standing{clock, nullptr};
  };

 public:
  // |toml|: tables of the configuration. What it does not mention is out of the way: no greeting
  // pause, no greylist, every name resolves.
  explicit Harness(std::string_view toml = {}, std::string_view top = {})
      : Harness(load(toml, top)) {}
  // For those who need many: a configuration takes longer to read than a dialog to play.
  explicit Harness(std::shared_ptr<const proxy::Config> config)
      : Harness(std::make_unique<World>(), std::move(config)) {}
  ~Harness() override { sessions_.clear(); }
  static std::shared_ptr<const proxy::Config> load(std::string_view toml,
                                                   std::string_view top = {}) {
    std::string text = "hostname = 'ours.example'\n" + std::string(top) + "\n";
    text += "[[route]]\ndomains = ['mx.example']\nbackends = ['127.0.0.1:2500']\n";
    const auto by_default = [&](std::string_view table, std::string_view rest) {
      if (toml.find(table) == toml.npos) text.append(table).append("\n").append(rest).append("\n");
    };
    by_default("[checks.early_talker]", "pause = '0s'");
    by_default("[greylist]", "apply_to = 'off'");
    by_default("[checks.sender_domain]", "action = 'off'");
    text += toml;
    auto loaded = proxy::parse_config(text, "test.toml");
    for (const auto& error : loaded.errors) throw std::invalid_argument(error.format("test.toml"));
    return loaded.config;
  }

  proxy::Id next_id() override { return ++id_; }
  const proxy::Limits& limits(bool) const override { return now_limits; }
  bool offers_tls() const override { return tls; }
  proxy::Handle enter_handshake(bool trusted) override {
    return handshakes.enter(trusted || now_limits.handshakes == 0 ? UINT32_MAX
                                                                  : now_limits.handshakes);
  }
  proxy::Handle enter_bounce(const dns::IpAddress&) override { return bounces.enter(most_bounces); }
  void start_tls(proxy::Stream& stream, uint32_t) override {
    static_cast<MemoryStream&>(stream).start_tls();
  }
  void recipient_answered(const dns::IpAddress& client, proxy::Asked asked, bool unknown) override {
    shield.answered(client, asked, unknown, world_->reactor.now(), policy->config().harvest);
  }
  bool shielded(const dns::IpAddress& client, proxy::Asked asked) override {
    return shield.holds(client, asked, world_->reactor.now(), policy->config().harvest);
  }
  void retire(proxy::Session& session) override {
    ++ended;
    for (auto& slot : sessions_) {
      if (slot.get() == &session)
        world_->reactor.retire(std::shared_ptr<proxy::Session>(std::move(slot)));
    }
  }

  std::optional<proxy::Arrival> arrive(const dns::Endpoint& client, uint32_t) override {
    if (no_place) return {};
    proxy::Arrival arrival;
    arrival.client = client;
    arrival.id = next_id();
    arrival.serial = ++serial_;
    arrival.access = policy->access(client.address);
    arrival.grade = world_->standing.grade(client.address);
    arrival.must_secure = must_secure;
    arrival.place = places.enter(client.address, false, false, proxy::Limits{}, 1000).place;
    return arrival;
  }

  // A client comes in.
  DialogPlayer& connect(const std::string& address = "192.0.2.1", size_t chunk = 0) {
    auto peer = std::make_shared<MemoryPeer>();
    const auto ip = *dns::IpAddress::parse(address);
    auto arrival = *arrive({ip, 4025}, 0);
    arrival.may_introduce = policy->is_front(ip);
    sessions_.push_back(std::make_unique<proxy::Session>(
        *this, policy, std::make_unique<MemoryStream>(world_->reactor, peer), std::move(arrival)));
    sessions_.back()->start();
    world_->reactor.run();
    players_.push_back(std::make_unique<DialogPlayer>(world_->reactor, peer, chunk));
    return *players_.back();
  }
  // A whole dialog of a new client; "" if it went by the script. The client leaves at the end.
  std::string play(std::string_view script, size_t chunk = 0,
                   const std::string& address = "192.0.2.1") {
    auto& player = connect(address, chunk);
    auto wrong = player.play(script);
    leave(player);
    return wrong;
  }
  void leave(DialogPlayer& player, proxy::StreamEnd how = proxy::StreamEnd::Eof) {
    if (player.peer().stream) player.peer().stream->end(how);
    world_->reactor.run();
  }
  proxy::Session& session() { return *sessions_.back(); }
  bool session_lives() const { return !sessions_.empty() && sessions_.back() != nullptr; }
  // Moves the clock, as the worker would: a sweep each second.
  void wait(std::chrono::seconds time) {
    for (auto left = time; left.count() > 0; --left) {
      world_->reactor.advance(std::chrono::seconds(1));
      for (auto& session : sessions_) {
        if (session) session->sweep(world_->reactor.now());
      }
      world_->reactor.run();
    }
  }

  proxy::HarvestShield shield;
  proxy::Limits now_limits{};
  proxy::Captures* captures() override { return capturing; }
  const proxy::RecordOptions* recording() const override {
    return recorded_as ? &*recorded_as : nullptr;
  }
  void record(const proxy::DialogInfo& dialog, proxy::VerbCounts counts,
              const proxy::DialogRecord& record) override {
    const proxy::Wall wall{std::chrono::hours(1)};
    records.push_back(record.text(dialog, {}, counts, wall, reactor.now()));
  }

  std::optional<proxy::RecordOptions> recorded_as;  // nothing: not at all
  std::vector<std::string> records;                 // of whole dialogs, as JSON
  proxy::Captures* capturing = nullptr;             // of doomed transactions
  bool tls = false;                                 // is STARTTLS offered?
  bool must_secure = false;                         // and required?
  bool no_place = false;                            // for whom XCLIENT names
  proxy::Budget handshakes, bounces;
  double most_bounces = 100;
  proxy::Places places;
  std::shared_ptr<const proxy::Policy> policy;
  int ended = 0;

 private:
  Harness(std::unique_ptr<World> world, std::shared_ptr<const proxy::Config> config)
      : Services(world->reactor, world->clock, world->resolver, world->verifier, world->journal,
                 world->greylist, world->standing),
        world_(std::move(world)) {
    now_limits = config->limits;
    policy = std::make_shared<const proxy::Policy>(config);
    world_->greylist.configure(config->greylist);
    world_->standing.configure(config->standing);
    resolver().set_name("192.0.2.1", "client.example");
    verifier().capabilities.esmtp = true;
    verifier().capabilities.size = true;
    verifier().capabilities.eightbitmime = true;
  }
  std::unique_ptr<World> world_;
  proxy::Id id_ = 0xA000;
  uint32_t serial_ = 0;
  std::vector<std::unique_ptr<proxy::Session>> sessions_;
  std::vector<std::unique_ptr<DialogPlayer>> players_;

 public:
  FakeResolver& resolver() { return world_->resolver; }
  FakeVerifier& verifier() { return world_->verifier; }
  RecordingJournal& log() { return world_->journal; }
  ManualReactor& loop() { return world_->reactor; }
  ManualClock& time() { return world_->clock; }
};

}  // namespace ravelin::test
