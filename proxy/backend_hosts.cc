#include "proxy/backend_hosts.h"

#include <chrono>
#include <utility>
#include <vector>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
constexpr auto kAgain = 60s;
constexpr auto kSoon = 5s;  // after a failure

}  // namespace

BackendHosts::BackendHosts(Loop& loop, Backends& backends, Journal& journal)
    : loop_(loop), backends_(backends), journal_(journal), lookup_(loop) {}

void BackendHosts::refresh() {
  asked_.clear();
  for (const auto& host : backends_.hosts()) ask(host);
  timer_ = loop_.timer(kAgain, [this] { refresh(); });
}

void BackendHosts::reload() {
  asked_.clear();
  lookup_.reconfigure();
  refresh();
}

void BackendHosts::ask(const Backends::Host& host) {
  asked_[host.backend] = lookup_.look_up(
      host.host, [this, host](dns::Status status, const std::vector<dns::IpAddress>& addresses) {
        on_answer(host, status, addresses);
      });
}

void BackendHosts::on_answer(const Backends::Host& host, dns::Status status,
                             const std::vector<dns::IpAddress>& addresses) {
  if (status == dns::Status::Ok) {
    std::vector<dns::Endpoint> endpoints;
    for (const auto& address : addresses) endpoints.push_back({address, host.port});
    backends_.set_addresses(host.backend, std::move(endpoints));
    failed_.erase(host.backend);
    return;
  }
  if (!std::exchange(failed_[host.backend], true))
    journal_.message(Severity::Warning, "backend " + host.backend +
                                            ": its name has no address now; the last one is kept");
  timer_ = loop_.timer(kSoon, [this] { refresh(); });
}

}  // namespace ravelin::proxy
