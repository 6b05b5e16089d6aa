#include "proxy/backend/backends.h"

#include <algorithm>
#include <utility>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

// A remembered recipient that is suddenly unknown may be a slip of the directory.
constexpr auto kDoubt = 15min;

}  // namespace

Backends::Backends(Journal& journal, const Clock& clock) : clock_(clock), alarms_(journal) {}

// --- configuration
// --------------------------------------------------------------------------------

std::shared_ptr<Backend> Backends::backend_of(const std::string& name) {
  auto& backend = backends_[name];
  if (!backend)
    if (const auto old = retired_.find(name); old != retired_.end()) backend = old->second.lock();
  if (!backend) backend = std::make_shared<Backend>(name, room_);
  return backend;
}

void Backends::bind_backends(Plan& plan) {
  for (const auto& route : plan.routes.routes()) {
    if (route->group < plan.groups.size()) continue;  // as an earlier route
    auto& list = plan.groups.emplace_back();
    for (const auto& name : route->settings.backends) {
      const auto backend = backend_of(name);
      list.push_back(backend);
      if (std::find(plan.all.begin(), plan.all.end(), backend) == plan.all.end())
        plan.all.push_back(backend);
    }
  }
}

void Backends::configure_backends(const Plan& plan, double reserved) {
  const auto now = clock_.boot();
  std::map<Backend*, BackendSettings> settings;
  for (const auto& route : plan.routes.routes()) {
    auto wanted = BackendSettings::from(route->settings);
    wanted.reserved = reserved;
    for (const auto& backend : plan.backends_of(*route)) {
      const auto [known, first] = settings.emplace(backend.get(), wanted);
      if (!first) {
        known->second.shrink_to(wanted);
        continue;
      }
      // The same object as long as it says the same: connections are not left for nothing.
      auto& secrecy = known->second.secrecy;
      secrecy = backend->settings().secrecy;
      if (!secrecy || !secrecy->same(route->settings)) secrecy = Secrecy::from(route->settings);
    }
  }
  for (const auto& [backend, wanted] : settings) {
    backend->configure(wanted, now);
    backend->set_retired(false);
    backend->want_probe();
  }
  std::erase_if(backends_, [&](const auto& entry) {
    const bool gone = !settings.contains(entry.second.get());
    if (gone) {
      entry.second->set_retired(true);
      entry.second->set_drained(false);
      retired_[entry.first] = entry.second;
    }
    return gone;
  });
  std::erase_if(retired_, [](const auto& entry) { return entry.second.expired(); });
}

void Backends::configure(const Config& config) {
  auto plan = std::make_shared<Plan>(config.routes);
  plan->verify = config.verify;
  plan->relay = config.relay;
  plan->hostname = config.hostname;
  plan->own_addresses = own_addresses_.with([](const auto& own) { return own; });
  bind_backends(*plan);
  configure_backends(*plan, config.limits.reserved_for_known);

  std::vector<std::pair<std::string, std::string>> domains;
  for (const auto& [domain, route] : plan->routes.named_domains())
    if (!route->listed()) domains.emplace_back(domain, route->name);
  std::sort(domains.begin(), domains.end());
  duties_.set_domains(domains, clock_.boot());
  negatives_.clear();  // the backends, or what they know, may be others now
  forget_breakers(*plan);
  publish(std::move(plan));
}

// Of routes that are no more: nothing would close them.
void Backends::forget_breakers(const Plan& plan) {
  const auto gone = [&](const std::string& name) {
    return std::none_of(plan.routes.routes().begin(), plan.routes.routes().end(),
                        [&](const auto& route) { return route->name == name; });
  };
  breakers_.with([&](BreakerMap& breakers) {
    std::erase_if(breakers, [&](const auto& one) {
      if (!gone(one.first)) return false;
      if (one.second.breaker.holds_back()) --breakers_active_;
      return true;
    });
  });
}

void Backends::publish(std::shared_ptr<Plan> plan) {
  plan_.with([&](auto& mine) { mine = std::move(plan); });
  plan_version_.fetch_add(1, std::memory_order_release);
}

void Backends::set_own_addresses(std::vector<dns::IpAddress> addresses) {
  own_addresses_.with([&](auto& own) { own = std::move(addresses); });
}

// To be held for as long as it is read: a reload on another thread replaces it. A temporary of a
// range-for would be gone before the first turn (C++20 [stmt.ranged]).
std::shared_ptr<const Plan> Backends::plan() const {
  return plan_.with([](const auto& mine) { return mine; });
}

std::vector<Backends::Host> Backends::hosts() const {
  std::vector<Host> all;
  const auto current = plan();
  for (const auto& backend : current->all)
    if (!backend->literal()) all.push_back({backend->name(), backend->host(), backend->port()});
  return all;
}

void Backends::set_addresses(std::string_view backend, std::vector<dns::Endpoint> addresses) {
  const auto current = plan();
  for (const auto& known : current->all)
    if (known->name() == backend) return known->set_addresses(std::move(addresses));
}

// --- capabilities

void Backends::restore_capabilities(std::string_view backend, const smtp::Capabilities& offers) {
  const auto current = plan();
  for (const auto& known : current->all) {
    if (known->name() != backend || known->capabilities()) continue;
    known->learn(offers);
    known->want_probe();  // what it offers now is still to be asked
  }
}

std::vector<std::pair<std::string, smtp::Capabilities>> Backends::known_capabilities() const {
  std::vector<std::pair<std::string, smtp::Capabilities>> all;
  const auto current = plan();
  for (const auto& backend : current->all)
    if (const auto offers = backend->capabilities()) all.emplace_back(backend->name(), *offers);
  return all;
}

smtp::Capabilities Backends::offered() const {
  std::optional<smtp::Capabilities> common;
  smtp::Capabilities least;
  least.esmtp = true;
  least.size = true;
  const auto current = plan();
  for (const auto& backend : current->all) {
    const auto offers = backend->capabilities();
    if (!offers) return least;
    common = common ? smtp::intersect(*common, *offers) : *offers;
  }
  return common.value_or(least);
}

// --- recipients and breakers
// ----------------------------------------------------------------------

bool Backends::held_back(const Route& route, std::string_view recipient, dns::Time now) {
  const auto key = Remembered::key_of(recipient);
  const auto unknown_for = remembered_.unknown(key, now);
  const bool doubted = unknown_for >= 0ns && unknown_for < kDoubt;
  const auto at = recipient.rfind('@');
  // <postmaster> of no domain is what a canary of that domain would be.
  if (!doubted || at == recipient.npos) return breaker_open(route);
  const std::string domain(recipient.substr(at + 1));
  const bool suspect = breakers_.with([&](BreakerMap& breakers) {
    auto& watched = breakers[route.name];
    if (!watched.breaker.vanished(key, now)) return false;
    watched.domain = domain;
    ++breakers_active_;
    return true;
  });
  if (suspect) duties_.ask_canary(route.name, domain);
  return true;
}

void Backends::accepted(const Route& route, std::string_view recipient, dns::Time now) {
  const auto key = Remembered::key_of(recipient);
  const bool before = remembered_.accepted(key, now);
  if (!before && breakers_active_ == 0) return;
  const bool closed = breakers_.with([&](BreakerMap& breakers) {
    auto& breaker = breakers[route.name].breaker;
    const bool was = before ? breaker.found(key, now) : breaker.accepted();
    if (was) --breakers_active_;
    return was;
  });
  if (closed) say_closed(route.name, "a recipient was accepted again");
}

void Backends::sweep(dns::Time now) {
  if (breakers_active_ == 0) return;
  std::vector<std::pair<std::string, std::string>> due;
  breakers_.with([&](BreakerMap& breakers) {
    for (auto& [route, watched] : breakers)
      if (watched.breaker.canary_due(now)) due.emplace_back(route, watched.domain);
  });
  for (const auto& [route, domain] : due) duties_.ask_canary(route, domain);
}

bool Backends::breaker_open(const Route& route) const {
  if (breakers_active_ == 0) return false;
  return breakers_.with([&](const BreakerMap& breakers) {
    const auto found = breakers.find(route.name);
    return found != breakers.end() && found->second.breaker.holds_back();
  });
}

void Backends::canary_answered(const std::string& route, bool accepted, dns::Time now) {
  const auto [opened, closed] = breakers_.with([&](BreakerMap& breakers) {
    const auto found = breakers.find(route);
    if (found == breakers.end()) return std::pair(false, false);  // a reload has taken the route
    auto& breaker = found->second.breaker;
    if (!accepted) return std::pair(breaker.canary_refused(now), false);
    const bool was = breaker.accepted();
    if (was) --breakers_active_;
    return std::pair(false, was);
  });
  if (closed) say_closed(route, "the canary was accepted");
  if (!opened) return;
  alarms_.raise(Alarm::BreakerOpen, "route " + route,
                "breaker open: many recipients that existed are suddenly unknown to the backend, "
                "and so is postmaster; unknown recipients get 451 until one is accepted again",
                now);
}

void Backends::say_closed(const std::string& route, std::string_view why) {
  alarms_.info("route " + route + ": breaker closed: " + std::string(why));
}

void Backends::catch_all_answered(const std::string& domain, bool accepts_all, dns::Time now) {
  if (!accepts_all) return;
  alarms_.raise(Alarm::CatchAll, "domain " + domain,
                "the backend accepts recipients that do not exist, so its answers are worth "
                "nothing; turn recipient checking on there (Exchange: recipient validation), or "
                "name the recipients in route.recipients_file",
                now);
}

// --- ravelinctl
// -----------------------------------------------------------------------------------

std::vector<Backend::Snapshot> Backends::snapshot() const {
  std::vector<Backend::Snapshot> all;
  const auto current = plan();
  for (const auto& backend : current->all) all.push_back(backend->snapshot());
  return all;
}

bool Backends::drain(std::string_view backend, bool drained) {
  const auto current = plan();
  for (const auto& one : current->all) {
    if (one->name() != backend) continue;
    one->set_drained(drained);
    return true;
  }
  return false;
}

std::vector<Backends::BreakerSnapshot> Backends::breakers() const {
  std::vector<BreakerSnapshot> all;
  const auto now_plan = plan();
  breakers_.with([&](const BreakerMap& breakers) {
    for (const auto& route : now_plan->routes.routes()) {
      const auto found = breakers.find(route->name);
      if (found == breakers.end()) {
        all.push_back({route->name, Breaker::State::Closed, 0, 0});
        continue;
      }
      const auto& breaker = found->second.breaker;
      all.push_back({route->name, breaker.state(), breaker.lost(), breaker.asked()});
    }
  });
  return all;
}

bool Backends::reset_breaker(std::string_view route) {
  const auto now_plan = plan();
  const auto& routes = now_plan->routes.routes();
  const auto known = [&](const auto& entry) { return entry->name == route; };
  if (std::none_of(routes.begin(), routes.end(), known)) return false;
  breakers_.with([&](BreakerMap& breakers) {
    const auto found = breakers.find(route);
    if (found != breakers.end() && found->second.breaker.reset()) --breakers_active_;
  });
  return true;
}

}  // namespace ravelin::proxy
