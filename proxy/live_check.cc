#include "proxy/live_check.h"

#include <algorithm>
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
constexpr auto kPatience = 15s;      // for one reply, or one name
constexpr size_t kMostDomains = 50;  // of a route, whose postmasters are asked for
constexpr size_t kMostNamed = 5;     // in one line

// The domains of |route| to ask about, those of the file last. A subdomain of one that has a dot in
// front may not exist: it is asked about only if there is nothing else.
std::vector<std::string> written_out(const RouteSettings& route) {
  std::vector<std::string> domains;
  for (const auto& domain : route.domains)
    if (domain.front() != '.') domains.push_back(domain);
  if (domains.empty()) domains.push_back("ravelin-live-check" + route.domains.front());
  return domains;
}

// As the log writes it: NAME[ADDRESS]:PORT; an address is its own name.
std::string display_name(const std::string& host, const dns::Endpoint& at) {
  if (dns::IpAddress::parse(host)) return at.to_string();
  return host + '[' + at.address.to_string() + "]:" + std::to_string(at.port);
}

class LiveCheck {
 public:
  LiveCheck(const Config& config, const std::function<void(std::string_view)>& print)
      : config_(config), print_(print), loop_(clock_), connector_(loop_), hosts_(loop_) {}

  bool run() {
    check_file_limit();
    check_own_name();
    for (const auto& route : config_.routes) {
      const auto domains = written_out(route);
      size_t reached = 0;
      for (const auto& backend : route.backends) reached += check_backend(route, domains, backend);
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

  // Turns the loop until |enough|, for kPatience at most.
  void wait(const std::function<bool()>& enough) {
    bool late = false;
    const auto timer = loop_.timer(kPatience, [&late] { late = true; });
    while (!enough() && !late) loop_.turn();
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
    wait([&done] { return done; });
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
    wait([&done] { return done; });
    return found;
  }

  using Domains = std::vector<std::string>;

  // How many of its addresses answer.
  size_t check_backend(const RouteSettings& route, const Domains& domains,
                       const std::string& backend) {
    const auto colon = backend.rfind(':');
    auto host = backend.substr(0, colon);
    if (host.front() == '[') host = host.substr(1, host.size() - 2);
    const auto port = static_cast<uint16_t>(std::stoul(backend.substr(colon + 1)));
    const auto addresses = addresses_of(host);
    if (addresses.empty()) say(Level::Warning, backend + ": its name has no address");
    size_t reached = 0;
    for (const auto& address : addresses) {
      const dns::Endpoint to{address, port};
      reached += ask_backend(route, domains, host, to) ? 1 : 0;
    }
    return reached;
  }

  bool ask_backend(const RouteSettings& route, const Domains& domains, const std::string& host,
                   const dns::Endpoint& to) {
    const auto name = display_name(host, to);
    const auto secrecy = Secrecy::from(route);
    auto found = answers_of(route, domains, host, to, secrecy);
    if (found.tls_failed && secrecy->optional()) {
      say(Level::Warning, name + ": " + found.trouble + ": mail will go to it in the clear");
      found = answers_of(route, domains, host, to, std::make_shared<Secrecy>());
    }
    if (found.postmasters.empty()) {
      say(Level::Warning, name + ": " + found.trouble);
      return false;
    }
    say(Level::Ok, name + " answers" +
                       (found.tls.empty() ? ", in the clear" : ", in " + found.tls) +
                       (secrecy->mode == BackendTls::Verify ? " with the right certificate" : "") +
                       (found.offers.pipelining ? ", with PIPELINING" : ""));
    judge_identity(route, name, found);
    judge_postmasters(name, domains.size(), found);
    if (found.trouble.empty()) {
      judge_nobody(route, name, found.nobody);
    } else {
      say(Level::Warning, name + ": then " + found.trouble);
    }
    return true;
  }

  LiveBackend::Found answers_of(const RouteSettings& route, const Domains& domains,
                                const std::string& host, const dns::Endpoint& to,
                                const std::shared_ptr<const Secrecy>& secrecy) {
    LiveQuestions questions;
    questions.hostname = config_.hostname;
    questions.domains = domains;
    if (domains.size() > kMostDomains) questions.domains.resize(kMostDomains);
    questions.nobody = invented_local_part(random_);
    questions.xforward = route.client_info == ClientInfo::Xforward;
    questions.proxy_header = route.client_info == ClientInfo::ProxyV2;
    questions.secrecy = secrecy;
    questions.host = host;
    questions.lmtp = route.protocol == BackendProtocol::Lmtp;
    bool done = false;
    LiveBackend backend(std::move(questions), [&done] { done = true; });
    backend.connect(connector_, to, kPatience);
    for (size_t replies = 0; !done;) {  // each reply may take its time; without one it is over
      wait([&] { return done || backend.replies() != replies; });
      if (!done && backend.replies() == replies) backend.give_up("it does not answer");
      replies = backend.replies();
    }
    return backend.found();
  }

  void judge_identity(const RouteSettings& route, const std::string& name,
                      const LiveBackend::Found& found) {
    if (route.client_info == ClientInfo::Xclient) return judge_xclient(name, found);
    if (route.client_info == ClientInfo::ProxyV2)
      return say(Level::Ok, name + " takes a PROXY header");
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

  // Nobody is named here: a second dialog would be needed, as somebody whom it may well refuse.
  void judge_xclient(const std::string& name, const LiveBackend::Found& found) {
    const auto& offered = found.offers.xclient;
    if (std::find(offered.begin(), offered.end(), "ADDR") != offered.end())
      return say(Level::Ok, name + " offers XCLIENT");
    say(Level::Failed, name +
                           " offers no XCLIENT to us, so it would get no mail (Postfix: "
                           "smtpd_authorized_xclient_hosts)");
  }

  // RFC 5321 §4.5.1: the one mailbox that every domain has. Those who are refused have a line each.
  void judge_postmasters(const std::string& name, size_t domains, const LiveBackend::Found& found) {
    std::string taken;
    size_t count = 0;
    for (const auto& [domain, reply] : found.postmasters) {
      if (!reply.positive()) {
        say(Level::Failed,
            name + " does not take mail for postmaster@" + domain + ": " + words_of(reply));
      } else if (++count <= kMostNamed) {
        taken += (count > 1 ? ", postmaster@" : "postmaster@") + domain;
      }
    }
    if (count > kMostNamed)
      taken += " and those of " + std::to_string(count - kMostNamed) + " more domains";
    if (count > 0) say(Level::Ok, name + " takes mail for " + taken);
    if (const auto left = domains - found.postmasters.size(); left > 0)
      say(Level::Ok,
          name + " was not asked for the postmasters of " + std::to_string(left) + " more domains");
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
