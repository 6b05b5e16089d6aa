#include "proxy/backend/backend.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <utility>

namespace ravelin::proxy {

BackendSettings BackendSettings::from(const RouteSettings& route) {
  BackendSettings settings;
  settings.lmtp = route.protocol == BackendProtocol::Lmtp;
  settings.connections = route.connections;
  settings.max_idle = route.max_idle;
  settings.idle_timeout = route.idle_timeout;
  settings.connect_timeout = route.connect_timeout;
  settings.proxy_header = route.client_info == ClientInfo::ProxyV2;
  settings.rotation.max_refusals = route.max_refusals;
  settings.rotation.max_resets = route.max_resets;
  settings.rotation.max_mails = route.max_mails;
  settings.rotation.max_age = route.max_age;
  settings.pipelined_questions = route.pipelined_questions;
  return settings;
}

void BackendSettings::shrink_to(const BackendSettings& other) {
  const auto shrink = [](auto& mine, const auto& its) { mine = std::min(mine, its); };
  shrink(connections, other.connections);
  shrink(max_idle, other.max_idle);
  shrink(idle_timeout, other.idle_timeout);
  shrink(connect_timeout, other.connect_timeout);
  shrink(rotation.max_refusals, other.rotation.max_refusals);
  shrink(rotation.max_resets, other.rotation.max_resets);
  shrink(rotation.max_mails, other.rotation.max_mails);
  shrink(rotation.max_age, other.rotation.max_age);
  shrink(pipelined_questions, other.pipelined_questions);
  proxy_header |= other.proxy_header;  // the configuration has seen to it that they agree
}

// "[2001:db8::1]:25", "192.0.2.7:25" or "mail.internal:25"; the configuration has checked it.
Backend::Backend(std::string name, MailRoom& room) : name_(std::move(name)), room_(room) {
  if (const auto endpoint = dns::Endpoint::parse(name_)) {
    literal_ = true;
    host_ = endpoint->address.to_string();
    port_ = endpoint->port;
    addresses_.with([&](auto& list) { list = {*endpoint}; });
    resolved_ = true;
    return;
  }
  const auto colon = name_.rfind(':');
  host_ = name_.substr(0, colon);
  if (colon != std::string::npos)
    std::from_chars(name_.data() + colon + 1, name_.data() + name_.size(), port_);
}

// Runs |act| on the permits under the lock and sends what it ordered after it.
template <class Do>
auto Backend::with_permits(Do&& act) {
  Orders orders;
  if constexpr (std::is_void_v<decltype(act(std::declval<Permits&>(), orders))>) {
    permits_.with([&](Permits& permits) { act(permits, orders); });
    dispatch(orders);
  } else {
    const auto result = permits_.with([&](Permits& permits) { return act(permits, orders); });
    dispatch(orders);
    return result;
  }
}

// An order that cannot be written for want of memory costs a wait (the next sweep looks again), but
// never a permit.
void Backend::dispatch(Orders& orders) noexcept {
  for (auto& order : orders) {
    LetterPtr letter;
    try {
      letter = std::make_unique<Letter>();
    } catch (const std::bad_alloc&) {
      permits_.with([&](Permits& permits) { permits.unsent(std::move(order)); });
      continue;
    }
    const auto worker = order.worker;
    if (order.kind == Order::Kind::Open)
      letter->text = Grant{granted(std::move(order.place)), Permit(shared_from_this())};
    else
      letter->text = std::move(order);
    send(worker, std::move(letter));
  }
}

void Backend::send(uint32_t worker, LetterPtr letter) noexcept {
  letter->backend = shared_from_this();
  room_.send(worker, std::move(letter));
}

void Backend::configure(const BackendSettings& settings, dns::Time now) {
  settings_.with([&](auto& mine) { mine = settings; });
  with_permits([&](Permits& permits, Orders& orders) {
    permits.set_cap(settings.connections, settings.reserved, now, orders);
  });
}

BackendSettings Backend::settings() const {
  return settings_.with([](const auto& mine) { return mine; });
}

void Backend::set_addresses(std::vector<dns::Endpoint> addresses) {
  if (addresses.empty()) return;
  addresses_.with([&](auto& mine) {
    if (mine.empty()) want_probe();
    // Names are resolved again and again; that does not make the one that works the second choice.
    const auto best = mine.empty() ? addresses.end()
                                   : std::find(addresses.begin(), addresses.end(), mine.front());
    if (best != addresses.end()) std::rotate(addresses.begin(), best, best + 1);
    mine = std::move(addresses);
  });
  resolved_.store(true, std::memory_order_release);
}

std::vector<dns::Endpoint> Backend::addresses() const {
  return addresses_.with([](const auto& mine) { return mine; });
}

void Backend::worked(const dns::Endpoint& address) {
  addresses_.with([&](auto& mine) {
    const auto found = std::find(mine.begin(), mine.end(), address);
    if (found != mine.end()) std::rotate(mine.begin(), found, found + 1);
  });
}

void Backend::know(uint32_t worker) {
  permits_.with([&](Permits& permits) { permits.know(worker); });
}

Permits::Grant Backend::ask(Waiter& waiter, dns::Time now) {
  see(now);
  return with_permits(
      [&](Permits& permits, Orders& orders) { return permits.ask(waiter, now, orders); });
}

bool Backend::spares(const Waiter& waiter, dns::Time now) const noexcept {
  if (drained()) return false;
  return permits_.with([&](const Permits& permits) { return permits.spares(waiter, now); });
}

bool Backend::cancel(const Waiter& waiter) noexcept {
  return permits_.with([&](Permits& permits) { return permits.cancel(waiter); });
}

bool Backend::ask_spare(dns::Time now) noexcept {
  return permits_.with([&](Permits& permits) { return permits.ask_spare(now); });
}

bool Backend::ask_probe(dns::Time now) noexcept {
  return permits_.with([&](Permits& permits) { return permits.ask_probe(now); });
}

Claim Backend::granted(PlaceInLine place) noexcept {
  const auto waiter = place.value();
  return Claim::granted(shared_from_this(), waiter, std::move(place));
}

Permits::Parked Backend::park(uint32_t worker, Claim& claim) noexcept {
  const bool asked = claim.give_away();
  PlaceInLine next;
  const auto parked =
      permits_.with([&](Permits& permits) { return permits.park(worker, asked, next); });
  if (parked == Permits::Parked::Pass) claim = granted(std::move(next));
  return parked;
}

void Backend::lost_idle(uint32_t worker) noexcept {
  permits_.with([&](Permits& permits) { permits.lost_idle(worker); });
}

void Backend::pause(dns::Time now) noexcept {
  permits_.with([&](Permits& permits) { permits.pause(now); });
}

std::optional<Claim> Backend::tie(const Waiter& holder) noexcept {
  if (!permits_.with([&](Permits& permits) { return permits.tie(holder); })) return {};
  return Claim::tied(shared_from_this(), holder);
}

uint64_t Backend::tie_idle(uint32_t worker) {
  return with_permits(
      [&](Permits& permits, Orders& orders) { return permits.tie_idle(worker, orders); });
}

void Backend::tie_busy(uint64_t tie) noexcept {
  permits_.with([&](Permits& permits) { permits.tie_busy(tie); });
}

void Backend::shed_again() noexcept {
  with_permits([&](Permits& permits, Orders& orders) { permits.shed_again(orders); });
}

bool Backend::over_cap() const noexcept {
  return permits_.with([](const Permits& permits) { return permits.held() > permits.cap(); });
}

bool Backend::has_ready() const noexcept {
  return permits_.with([](const Permits& permits) { return permits.ready() > 0; });
}

bool Backend::crowded(uint32_t own) const noexcept {
  return permits_.with([&](const Permits& permits) { return permits.crowded(own); });
}

bool Backend::good_waits() const noexcept {
  return permits_.with([](const Permits& permits) { return permits.good_waits(); });
}

bool Backend::redeem(uint32_t worker) noexcept {
  return permits_.with([&](Permits& permits) { return permits.redeem(worker); });
}

// If others were answered since, it is that question or that recipient, not the backend.
void Backend::silent_since(dns::Time asked, dns::Time now) noexcept {
  if (last_heard_.load(std::memory_order_relaxed) >= asked.time_since_epoch().count()) return;
  see(now);
  with_permits([&](Permits& permits, Orders& orders) { permits.silent(now, orders); });
}

void Backend::sweep(dns::Time now) noexcept {
  see(now);
  with_permits([&](Permits& permits, Orders& orders) { permits.sweep(now, orders); });
}

void Backend::connected(dns::Time now) noexcept {
  see(now);
  with_permits([&](Permits& permits, Orders& orders) { permits.connected(now, orders); });
}

void Backend::connect_failed(ConnectFault fault) noexcept {
  if (fault != ConnectFault::None) ++counters.connect_failures;
  with_permits(
      [&](Permits& permits, Orders& orders) { permits.connect_failed(fault, seen(), orders); });
}

void Backend::closed(bool was_ready) noexcept {
  with_permits(
      [&](Permits& permits, Orders& orders) { permits.closed(was_ready, seen(), orders); });
}

void Backend::answered() noexcept {
  with_permits([&](Permits& permits, Orders& orders) { permits.answered(seen(), orders); });
}

void Backend::untie(const Waiter& holder) noexcept {
  with_permits([&](Permits& permits, Orders& orders) { permits.untie(holder, seen(), orders); });
}

void Backend::put_back(PlaceInLine place) noexcept {
  permits_.with([&](Permits& permits) { permits.put_back(std::move(place)); });
}

void Backend::learn(const smtp::Capabilities& offers) {
  probe_wanted_ = false;
  const bool changed = offers_.with([&](auto& mine) {
    if (mine == offers) return false;
    mine = offers;
    return true;
  });
  if (changed) learned_.fetch_add(1, std::memory_order_release);
}

std::optional<smtp::Capabilities> Backend::capabilities() const {
  return offers_.with([](const auto& mine) { return mine; });
}

Backend::RcptLimits Backend::rcpt_limits() const {
  return offers_.with([](const auto& mine) {
    return mine ? RcptLimits{mine->rcpt_max, mine->rcpt_domain_max} : RcptLimits{};
  });
}

Backend::Snapshot Backend::snapshot() const {
  Snapshot shot;
  shot.name = name_;
  shot.addresses = addresses();
  permits_.with([&](const Permits& permits) {
    shot.down = permits.health().down();
    shot.cap = permits.configured_cap();
    shot.learned_cap = permits.health().learned();
    shot.open = permits.held();
    shot.idle = permits.idle();
    shot.ties = permits.ties();
    shot.waiting = permits.waiting();
  });
  shot.drained = drained();
  shot.connects = counters.connects;
  shot.connect_failures = counters.connect_failures;
  shot.questions = counters.questions;
  shot.refusals = counters.refusals;
  shot.messages = counters.messages;
  shot.rotations = counters.rotations;
  shot.handovers = counters.handovers;
  shot.replays = counters.replays;
  shot.stale = counters.stale;
  shot.secured = counters.secured;
  shot.pipelined = counters.pipelined;
  if (const auto secrecy = settings().secrecy) shot.tls = secrecy->mode;
  return shot;
}

}  // namespace ravelin::proxy
