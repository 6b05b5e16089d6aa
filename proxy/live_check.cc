#include "proxy/live_check.h"

#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dns/ares_resolver.h"
#include "dns/cache.h"
#include "dns/host_lookup.h"
#include "proxy/backend/duties.h"
#include "proxy/event/connector.h"
#include "proxy/event/loop.h"
#include "proxy/event/system_clock.h"
#include "proxy/live_backend.h"
#include "proxy/openings.h"
#include "proxy/overload/fd_budget.h"
#include "smtp/address.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 15s;  // for one backend, or one name

class LiveCheck {
 public:
  LiveCheck(const Config& config, const std::function<void(std::string_view)>& print)
      : config_(config), print_(print), loop_(clock_), connector_(loop_), hosts_(loop_) {}

  bool run() {
    check_file_limit();
    check_own_name();
    for (const auto& route : config_.routes) {
      size_t reached = 0;
      for (const auto& backend : route.backends) reached += check_backend(route, backend) ? 1 : 0;
      if (reached == 0)
        say(Level::Failed, "route " + route.domains.front() + ": no backend answers");
    }
    return !failed_;
  }

 private:
  enum class Level : uint8_t { Ok, Warning, Failed };

  void say(Level level, const std::string& text) {
    static constexpr std::string_view kWords[] = {"ok       ", "warning  ", "FAILED   "};
    failed_ |= level == Level::Failed;
    print_(std::string(kWords[static_cast<size_t>(level)]) + text + '\n');
  }

  // Turns the loop until |done|, for kPatience at most.
  void wait(const bool& done) {
    bool late = false;
    const auto timer = loop_.timer(kPatience, [&late] { late = true; });
    while (!done && !late) loop_.turn();
  }

  void check_file_limit() {
    const auto fds = raise_fd_limit();
    const auto places = effective_sessions(config_.limits.sessions, fds, fd_needs(config_));
    const auto text =
        std::to_string(fds) + " file descriptors allow " + std::to_string(places) + " dialogs";
    say(places < config_.limits.sessions ? Level::Warning : Level::Ok, text);
  }

  // Other mail servers look at the name that we say in EHLO, and at the one our address has. Asked
  // the way the checks ask, so that this tests [dns], too.
  void check_own_name() {
    dns::AresSettings settings;
    for (const auto& text : config_.dns.servers)
      if (const auto server = dns::parse_server(text)) settings.servers.push_back(*server);
    dns::DnsCache cache;
    dns::AresResolver resolver(loop_, cache, settings);
    auto found = ask(resolver, {dns::Type::A, config_.hostname});
    const auto more = ask(resolver, {dns::Type::Aaaa, config_.hostname});
    if (found.status == dns::Status::TempFail && more.status == dns::Status::TempFail)
      return say(Level::Warning,
                 "the DNS does not answer: DNS checks find nothing, and mail passes");
    found.addresses.insert(found.addresses.end(), more.addresses.begin(), more.addresses.end());
    if (found.addresses.empty())
      return say(Level::Warning, config_.hostname + " has no address: other servers look for one");
    for (const auto& address : found.addresses)
      say_name_of(address, ask(resolver, {dns::Type::Ptr, address.reverse_name()}));
  }

  dns::Answer ask(dns::Resolver& resolver, const dns::Question& question) {
    dns::Answer answer;
    bool done = false;
    Handle query;
    const auto now = resolver.ask(question, dns::Trust::Ours, config_.dns.timeout, query,
                                  [&answer, &done](const dns::Answer& later) {
                                    answer = later;
                                    done = true;
                                  });
    if (now) return *now;
    wait(done);
    return answer;
  }

  void say_name_of(const dns::IpAddress& address, const dns::Answer& answer) {
    const auto text = address.to_string();
    if (answer.status == dns::Status::TempFail)
      return say(Level::Warning, text + ": the DNS does not say its name");
    for (const auto& name : answer.names)
      if (name == smtp::to_lower(config_.hostname))
        return say(Level::Ok, text + " is named " + name);
    say(Level::Warning, text + " is not named " + config_.hostname + ": set its reverse DNS (PTR)");
  }

  // As the daemon finds its backends: /etc/hosts and resolv.conf.
  std::vector<dns::IpAddress> addresses_of(const std::string& host) {
    std::vector<dns::IpAddress> found;
    bool done = false;
    const auto query =
        hosts_.look_up(host, [&found, &done](dns::Status, std::vector<dns::IpAddress> addresses) {
          found = std::move(addresses);
          done = true;
        });
    wait(done);
    return found;
  }

  bool check_backend(const RouteSettings& route, const std::string& backend) {
    const auto colon = backend.rfind(':');
    auto host = backend.substr(0, colon);
    if (host.front() == '[') host = host.substr(1, host.size() - 2);
    const auto port = static_cast<uint16_t>(std::stoul(backend.substr(colon + 1)));
    const auto addresses = addresses_of(host);
    if (addresses.empty()) {
      say(Level::Warning, backend + ": its name has no address");
      return false;
    }
    return ask_backend(route, backend, {addresses.front(), port});
  }

  bool ask_backend(const RouteSettings& route, const std::string& name, const dns::Endpoint& to) {
    auto domain = route.domains.front();
    if (domain.front() == '.') domain = "ravelin-live-check" + domain;
    bool done = false;
    const bool xforward = route.client_info == ClientInfo::Xforward;
    LiveBackend backend(config_.hostname, domain, invented_local_part(random_), xforward,
                        [&done] { done = true; });
    backend.connect(connector_, to, kPatience);
    wait(done);
    if (!done) backend.give_up("it does not answer");
    const auto& found = backend.found();
    if (!found.trouble.empty()) {
      say(Level::Warning, name + ": " + found.trouble);
      return false;
    }
    say(Level::Ok, name + " answers" + (found.offers.pipelining ? ", with PIPELINING" : ""));
    judge_identity(route, name, found);
    judge_postmaster(name, domain, found.postmaster);
    judge_nobody(route, name, found.nobody);
    return true;
  }

  void judge_identity(const RouteSettings& route, const std::string& name,
                      const LiveBackend::Found& found) {
    if (route.client_info != ClientInfo::Xforward) {
      if (!found.offers.xforward.empty())
        say(Level::Ok, name +
                           " offers XFORWARD: with client_info = \"xforward\" its log would name "
                           "the clients");
    } else if (found.forwarded) {
      say(Level::Ok, name + " takes who the client is (XFORWARD)");
    } else {
      say(Level::Warning, name + ": XFORWARD is not " +
                              (found.offers.xforward.empty() ? "offered" : "accepted") +
                              " (Postfix: smtpd_authorized_xforward_hosts)");
    }
  }

  // RFC 5321 §4.5.1: the one mailbox that every domain has.
  void judge_postmaster(const std::string& name, const std::string& domain,
                        const smtp::Reply& reply) {
    if (reply.positive()) return say(Level::Ok, name + " takes mail for postmaster@" + domain);
    say(Level::Failed,
        name + " does not take mail for postmaster@" + domain + ": " + words_of(reply));
  }

  void judge_nobody(const RouteSettings& route, const std::string& name, const smtp::Reply& reply) {
    if (reply.permanent())
      return say(Level::Ok, name + " refuses an unknown recipient: " + words_of(reply));
    if (!route.recipients_file.empty())
      return say(Level::Ok, name + " does not refuse unknown recipients; recipients_file does");
    say(Level::Warning, name + " does not refuse an unknown recipient (" + words_of(reply) +
                            "): let it check recipients, or set recipients_file");
  }

  // A backend's words end on somebody's terminal; replies hold printable characters only.
  static std::string words_of(const smtp::Reply& reply) {
    const auto status = reply.status();
    return std::to_string(reply.code) + ' ' + (status.empty() ? "" : status + ' ') + reply.text();
  }

  const Config& config_;
  const std::function<void(std::string_view)>& print_;
  const SystemClock clock_;
  Loop loop_;
  SocketConnector connector_;
  dns::HostLookup hosts_;
  uint64_t random_ = std::random_device{}();
  bool failed_ = false;
};

}  // namespace

bool check_live(const Config& config, const std::function<void(std::string_view)>& print) {
  return LiveCheck(config, print).run();
}

}  // namespace ravelin::proxy
