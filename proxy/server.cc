#include "proxy/server.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <optional>
#include <utility>

#include "proxy/admin_pages.h"
#include "proxy/backend_hosts.h"
#include "proxy/config/loader.h"
#include "proxy/config/root.h"
#include "proxy/control_commands.h"
#include "proxy/curve_watch.h"
#include "proxy/episode_reports.h"
#include "proxy/event/connector.h"
#include "proxy/event/credentials.h"
#include "proxy/event/http_server.h"
#include "proxy/event/library_log.h"
#include "proxy/event/listener.h"
#include "proxy/event/loop.h"
#include "proxy/event/privileges.h"
#include "proxy/event/process_usage.h"
#include "proxy/event/seccomp.h"
#include "proxy/event/signals.h"
#include "proxy/event/socket_file.h"
#include "proxy/event/warm_up.h"
#include "proxy/logs.h"
#include "proxy/metrics.h"
#include "proxy/observe/control_server.h"
#include "proxy/openings.h"
#include "proxy/overload/pressed_limits.h"
#include "proxy/pressure_watch.h"
#include "proxy/reload.h"
#include "proxy/sandbox_settings.h"
#include "proxy/shared.h"
#include "proxy/tls_settings.h"
#include "proxy/worker.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr int kEndedByTerm = 0;
constexpr int kCutShort = 3;
constexpr auto kSaveOffers = 1s;
constexpr auto kLookAtCertificates = 24h;
constexpr auto kLastWords = 2s;  // for the log, at the end
constexpr auto kLastRows = 5s;   // for the state

std::string seconds_text(std::chrono::milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// As far as the configuration names them. Those of connections to backends are known by themselves.
std::vector<dns::IpAddress> own_addresses(const Config& config) {
  std::vector<dns::IpAddress> own;
  for (const auto& text : config.listen.smtp) {
    const auto at = dns::Endpoint::parse(text);
    if (at->address != at->address.network(0)) own.push_back(at->address);
  }
  return own;
}

// What is read once, as long as every file is to be had; the public suffix list is such a one.
std::string warm_up() {
  organisation_of("mx.example.com", {});
  return warm_up_libraries();
}

}  // namespace

class Server::Impl final : public Daemon {
 public:
  Impl(Options options, std::shared_ptr<const Config> config)
      : options_(std::move(options)), config_(std::move(config)) {}
  ~Impl() override;

  std::string start();
  int run();

  // Daemon: what ravelinctl asks for
  std::shared_ptr<const Config> config() const override { return config_; }
  std::vector<std::string> reload() override;
  uint32_t places() const override { return published().places; }
  uint32_t workers() const override { return static_cast<uint32_t>(workers_.size()); }
  std::chrono::seconds uptime() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(clock_.boot() - started_);
  }
  JournalCounters journal() const override { return logs_.journal().counters(); }
  Shared& shared() override { return *shared_; }
  PressureNow pressure() const override;
  WorkerCounts counts() const override;
  ProcessNow process() const override;
  const Curves& curves() const override { return curves_.curves(); }
  const Episodes& episodes() const override { return episodes_; }
  EpisodeReports& reports() override { return *reports_; }
  void post(std::function<void()> function) override { loop_->post(std::move(function)); }
  Limits limits() const override { return overrides_->limits.apply(config_->limits); }
  Overrides& overrides() override { return *overrides_; }
  void overrides_changed() override;
  void reopen_log() override { logs_.reopen(); }
  size_t visit_workers(const std::function<void(const WorkerParts&)>& call) override {
    for (auto& worker : workers_) worker->visit(call);
    return workers_.size();
  }
  void visit_worker(std::function<void(const WorkerParts&)> call) override {
    workers_.front()->visit(std::move(call));
  }

 private:
  void say_who_we_are(bool changed_user);
  void open_state();
  void make_workers(std::vector<std::vector<Fd>> sockets);
  void say_when_loaded();
  void watch_pressure();
  void configure_pressure();
  void end_overrides();
  void on_pressure();
  CurveWatch::Now curve_now() const;
  void publish();
  std::string enter_filter();
  void make_control();
  void open_control(Fd socket);
  void open_http(Fd socket);
  void apply();
  void say_if_places_are_few();
  void say_if_certificates_expire();
  std::vector<std::string> put_in_force(std::shared_ptr<const Config> next);
  Published published() const;
  void on_signal(int number);
  void drain();
  void end_if_drained();
  void stop_workers();
  void warn(const std::string& text) { logs_.journal().message(Severity::Warning, text); }
  void note(const std::string& text) { logs_.journal().message(Severity::Info, text); }

  const Options options_;
  std::shared_ptr<const Config> config_;
  const SystemClock clock_;
  const dns::Time started_ = clock_.boot();
  const std::chrono::system_clock::time_point started_at_ = clock_.wall();
  uint64_t file_limit_ = 0;
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const Origins> origins_;
  Logs logs_{clock_};
  std::optional<LibraryLog> library_log_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<Overrides> overrides_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<BackendHosts> hosts_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<Listener> control_listener_;
  SocketFile control_file_;  // goes before the listener
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<SignalWatcher> signals_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool draining_ = false;
  bool loaded_ = false;       // and it was said
  PressureWatch watch_;       // made before the privileges are dropped
  const ProcessUsage usage_;  // likewise
  CurveWatch curves_;
  Episodes episodes_;
  std::unique_ptr<EpisodeReports> reports_;
  dns::Handle drain_timer_;
  dns::Handle saver_;
  dns::Handle certificates_;
  int exit_code_ = kEndedByTerm;
};

// Their threads post to the loop.
Server::Impl::~Impl() {
  stop_workers();
  if (!shared_) return;
  shared_->history.stop();
  shared_->captures.stop();
}

std::string Server::Impl::start() {
  if (auto why = warm_up(); !why.empty()) return why;
  const auto& user = options_.user.empty() ? config_->user : options_.user;
  auto opened = open_and_drop(*config_, user);
  if (!opened) return opened.error();
  file_limit_ = opened->file_limit;
  control_file_ = std::move(opened->control_file);
  if (auto why = logs_.open(*config_); !why.empty()) return why;
  library_log_.emplace([this](std::string_view text) { warn("libevent: " + std::string(text)); });
  say_who_we_are(opened->changed_user);
  loop_ = std::make_unique<Loop>(clock_);
  open_state();
  apply();
  make_workers(std::move(opened->listeners));
  if (auto why = enter_filter(); !why.empty()) return why;
  for (auto& worker : workers_) worker->start();
  watch_pressure();
  hosts_ = std::make_unique<BackendHosts>(*loop_, shared_->backends, logs_.journal());
  hosts_->refresh();
  saver_ = loop_->every(kSaveOffers, [this] {
    end_if_drained();
    end_overrides();
    say_when_loaded();
    logs_.look();
    shared_->backend_memory.save_offers();
    reports_->keep(episodes_, curves_.curves());
  });
  make_control();
  if (opened->control) open_control(std::move(opened->control));
  if (opened->http) open_http(std::move(opened->http));
  certificates_ = loop_->every(kLookAtCertificates, [this] { say_if_certificates_expire(); });
  signals_ = std::make_unique<SignalWatcher>(
      *loop_, std::initializer_list<int>{SIGHUP, SIGUSR1, SIGTERM, SIGINT},
      [this](int number) { on_signal(number); });
  note("started: version " RAVELIN_VERSION ", " + std::to_string(workers_.size()) + " workers, " +
       std::to_string(published().places) + " places");
  return "";
}

// As root every mistake of ours would be one with all rights. And what root could read at start is
// read again at a reload, by the user that we are now.
void Server::Impl::say_who_we_are(bool changed_user) {
  if (running_as_root()) warn("running as root: name a user to become with user = or --user");
  if (!changed_user) return;
  const auto again = load_config(options_.config_file);
  if (again.config) return;
  warn("a reload will fail as this user: " +
       first_line(again.errors.front().format(options_.config_file)));
}

// Standing is read before the first client is accepted; greylist tuples follow behind.
void Server::Impl::open_state() {
  auto store = open_store(seen_here(config_->state.path), clock_,
                          [this](const std::string& text) { warn(text); });
  shared_ = std::make_unique<Shared>(clock_, logs_.journal(), std::move(store),
                                     history_path(seen_here(config_->state.path)));
  overrides_ = std::make_unique<Overrides>(clock_, shared_->store.get());
  shared_->history.configure(config_->history);
  shared_->captures.start(seen_here(config_->capture.directory));
  curves_.restore(shared_->history, clock_);
  episodes_.restore(shared_->store.get(), clock_.wall());
  reports_ = std::make_unique<EpisodeReports>(shared_->history, clock_, shared_->record_key);
  shared_->history.start();
}

// Until then who was known may be greylisted again; the table is as it was afterwards.
void Server::Impl::say_when_loaded() {
  if (loaded_ || !shared_->store) return;
  const auto stats = shared_->store->stats();
  if (stats.memory_only || stats.loading) return;
  loaded_ = true;
  if (stats.rows_behind == 0) return;
  note("state: " + std::to_string(stats.rows_behind) + " greylist tuples were read in " +
       seconds_text(stats.behind_took) + " s");
}

void Server::Impl::make_workers(std::vector<std::vector<Fd>> sockets) {
  for (auto& of_one : sockets)
    workers_.push_back(std::make_unique<Worker>(*shared_, std::move(of_one), published()));
  if (!workers_.front()->dns_on_loopback())
    warn("a DNS server is not on this machine: its answers can be forged on the way (RFC 5452)");
}

void Server::Impl::watch_pressure() {
  std::vector<Tally*> tallies;
  for (auto& worker : workers_) tallies.push_back(&worker->tally());
  watch_.start(*loop_, *shared_, tallies, [this] { on_pressure(); });
  curves_.start(*loop_, *shared_, logs_.journal(), std::move(tallies),
                [this] { return curve_now(); });
}

void Server::Impl::on_pressure() {
  const auto& now = watch_.pressure();
  episodes_.level(static_cast<uint32_t>(now.level()), now.cause(), clock_.wall(), curves_.curves());
  publish();
}

CurveWatch::Now Server::Impl::curve_now() const {
  const auto places = published().places;
  const auto reserved = limits().reserved_for_known;
  const auto share = shared_->places.strangers(limits(), places);
  const auto strangers = std::lround(share * share_of_strangers(reserved, places));
  return {places, reserved, static_cast<uint32_t>(strangers), watch_.pressure().level()};
}

PressureNow Server::Impl::pressure() const {
  const auto& now = watch_.pressure();
  const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(clock_.boot() - now.since());
  return {now.level(), now.cause(), lasted};
}

void Server::Impl::publish() {
  const auto level = watch_.pressure().level();
  shared_->history.press(level >= PressureLevel::Attack);
  shared_->captures.set_episode(level > PressureLevel::Calm);
  for (auto& worker : workers_) worker->publish(published());
}

// Before a worker has read the first octet of a stranger.
std::string Server::Impl::enter_filter() {
  const auto wanted = sandbox_settings(*config_).seccomp;
  if (wanted == Seccomp::Off) return "";
  const auto why = install_filter(wanted == Seccomp::Log ? Filtering::Report : Filtering::Enforce);
  return why.empty() ? "" : "sandbox.seccomp: cannot filter system calls: " + why;
}

void Server::Impl::make_control() {
  ControlServerOptions options;
  options.own_uid = geteuid();
  options.group = getegid();
  control_ = std::make_unique<ControlServer>(*loop_, options);
  add_control_commands(*control_, *this);
}

void Server::Impl::open_control(Fd socket) {
  control_listener_ =
      std::make_unique<Listener>(*loop_, std::move(socket), [this](Fd fd, const dns::Endpoint&) {
        const auto peer = peer_credentials(fd.get());
        if (peer) control_->adopt(accepted_stream(*loop_, std::move(fd)), *peer);
      });
}

void Server::Impl::open_http(Fd socket) {
  http_ = std::make_unique<HttpServer>(*loop_, std::move(socket));
  add_admin_pages(*http_, *control_);
  http_->handle("/metrics", [this](const HttpRequest&) {
    auto answer = HttpAnswer::text(metrics_text(*this));
    answer.content_type = MetricsText::kContentType;
    return answer;
  });
}

WorkerCounts Server::Impl::counts() const {
  WorkerCounts all;
  for (const auto& worker : workers_) all += worker->counts();
  return all;
}

ProcessNow Server::Impl::process() const {
  return {usage_.cpu_seconds(), watch_.memory().resident(), usage_.descriptors(), file_limit_,
          started_at_};
}

Published Server::Impl::published() const {
  const auto calm = limits();
  const auto places = effective_sessions(calm.sessions, file_limit_, fd_needs(*config_));
  const auto pressed = pressed_limits(calm, config_->pressure, watch_.pressure().level());
  std::optional<RecordOptions> recording;
  if (config_->history.memory > 0)
    recording = {config_->history.hash_addresses, shared_->record_key};
  return {policy_, calm, pressed, places, origins_, recording, overrides_->access.list()};
}

// Puts |config_| in force, at start and at each reload.
void Server::Impl::apply() {
  policy_ = std::make_shared<const Policy>(config_);
  std::vector<std::string> warnings;
  origins_ = Origins::open(*config_, warnings);
  for (const auto& warning : warnings) warn(warning);
  shared_->standing.configure(config_->standing);
  shared_->history.configure(config_->history);
  shared_->captures.configure(config_->capture);
  shared_->greylist.configure(config_->greylist);
  shared_->backends.set_own_addresses(own_addresses(*config_));
  shared_->backends.configure(*config_);
  shared_->backend_memory.restore_offers();
  configure_pressure();
  say_if_places_are_few();
  say_if_certificates_expire();
}

void Server::Impl::configure_pressure() {
  auto others = fd_needs(*config_);
  others.backend_connections = 0;  // those are looked at
  watch_.configure(config_, limits(), published().places, sessions_allowed(file_limit_, others));
}

void Server::Impl::overrides_changed() {
  configure_pressure();
  publish();
}

// What was set by hand for a time that is over.
void Server::Impl::end_overrides() {
  const auto networks = overrides_->access.expire();
  const auto limits_set = overrides_->limits.expire(clock_.boot());
  for (const auto& [network, entry] : networks)
    note(std::string("control: ") + (entry.allow ? "allow " : "deny ") + network +
         ": time is over");
  for (const auto& name : limits_set)
    note("control: limit " + name + ": time is over, the configuration's holds again");
  if (!networks.empty() || !limits_set.empty()) overrides_changed();
}

void Server::Impl::say_if_certificates_expire() {
  for (const auto& warning : expiry_warnings(tls_settings(*config_), clock_.wall())) warn(warning);
}

void Server::Impl::say_if_places_are_few() {
  const auto asked = config_->limits.sessions;
  const auto places = published().places;
  const auto all = std::to_string(file_limit_) + " file descriptors";
  if (places <= 1)
    return warn(all +
                " are not enough for the backends' connections alone: raise the limit of "
                "open files (LimitNOFILE=), or lower route.connections");
  if (places < asked)
    warn("limits.sessions is " + std::to_string(asked) + ", but " + all + " allow " +
         std::to_string(places) + ": raise the limit of open files (LimitNOFILE=)");
}

std::vector<std::string> Server::Impl::reload() {
  std::vector<std::string> errors;
  if (draining_) {
    errors = {"shutting down: nothing is reloaded"};
  } else {
    const auto loaded = load_config(options_.config_file);
    for (const auto& error : loaded.errors) errors.push_back(error.format(options_.config_file));
    for (const auto& warning : loaded.warnings) warn("reload: " + warning);
    if (loaded.config) errors = put_in_force(loaded.config);
  }
  for (const auto& error : errors) warn("reload: " + first_line(error));
  note(errors.empty() ? "reload: the configuration is in force" : "reload: nothing was changed");
  return errors;
}

// All or nothing: what can fail comes first.
std::vector<std::string> Server::Impl::put_in_force(std::shared_ptr<const Config> next) {
  auto errors = needs_restart(*config_, *next);
  for (auto& error : expired_anew(tls_settings(*config_), tls_settings(*next), clock_.wall()))
    errors.push_back(std::move(error));
  if (!errors.empty()) return errors;
  if (auto why = logs_.move(*config_, *next); !why.empty()) return {std::move(why)};
  config_ = std::move(next);
  logs_.configure(*config_);
  apply();
  publish();
  hosts_->reload();
  return {};
}

void Server::Impl::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      reload();
      return;
    case SIGUSR1:
      logs_.reopen();
      return;
    default:
      break;
  }
  if (!draining_) return drain();
  note("terminating at once");
  exit_code_ = kCutShort;
  loop_->stop();
}

// Dialogs that carry mail may end; those whose message is with a backend are waited for without
// limit: the client must hear what became of it.
void Server::Impl::drain() {
  draining_ = true;
  note("terminating: draining");
  for (auto& worker : workers_)
    worker->drain([this] { loop_->post([this] { end_if_drained(); }); });
  drain_timer_ = loop_->timer(config_->relay.drain_timeout, [this] {
    note("relay.drain_timeout has passed: only messages that are with a backend are waited for");
    for (auto& worker : workers_) worker->hurry();
  });
}

// A worker without memory cannot tell: so it is looked at, too.
void Server::Impl::end_if_drained() {
  const auto drained = [](const auto& worker) { return worker->drained(); };
  if (draining_ && std::all_of(workers_.begin(), workers_.end(), drained)) loop_->stop();
}

void Server::Impl::stop_workers() {
  for (auto& worker : workers_) worker->stop(exit_code_ == kCutShort);
  for (auto& worker : workers_) worker->join();
  curves_.finish();
  workers_.clear();
}

int Server::Impl::run() {
  loop_->run();
  stop_workers();
  shared_->backend_memory.save_offers();
  if (exit_code_ == kEndedByTerm && shared_->store) shared_->store->flush(kLastRows);
  note("ended");
  logs_.shut_down(kLastWords);
  return exit_code_;
}

Server::Server(Options options, std::shared_ptr<const Config> config)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(config))) {}
Server::~Server() = default;
std::string Server::start() { return impl_->start(); }
int Server::run() { return impl_->run(); }

}  // namespace ravelin::proxy
