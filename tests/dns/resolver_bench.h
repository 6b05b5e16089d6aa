// What the resolver's tests share: a real resolver, a server on loopback, one loop for both.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dns/ares_resolver.h"
#include "tests/support/fake_dns_server.h"
#include "tests/support/poll_reactor.h"

namespace ravelin::test {

struct ResolverBench {
  explicit ResolverBench(FakeDnsServer::Tcp tcp = FakeDnsServer::Tcp::Served,
                         std::chrono::milliseconds first_try = std::chrono::milliseconds(150))
      : server(reactor, tcp), try_timeout(first_try) {
    resolver = std::make_unique<dns::AresResolver>(reactor, cache, settings());
  }

  dns::AresSettings settings() const {
    dns::AresSettings settings;
    settings.servers = {server.endpoint()};
    settings.try_timeout = try_timeout;
    settings.max_in_flight = 20;
    return settings;
  }

  // Waits for the answer.
  dns::Answer ask(dns::Type type, const std::string& name,
                  std::chrono::milliseconds limit = std::chrono::seconds(15)) {
    Asked asked(*this, {type, name}, dns::Trust::Theirs, limit);
    reactor.run_until([&] { return asked.answered(); });
    return *asked.answer;
  }

  // One question whose answer the test awaits.
  struct Asked {
    Asked(ResolverBench& bench, const dns::Question& question,
          dns::Asker asker = dns::Trust::Theirs,
          std::chrono::milliseconds limit = std::chrono::seconds(15)) {
      answer = bench.resolver->ask(question, asker, limit, query, [this](const dns::Answer& found) {
        ++calls;
        answer = found;
      });
      at_once = answer.has_value();
    }
    Asked(const Asked&) = delete;
    bool answered() const { return answer.has_value(); }
    dns::Status status() const { return answer->status; }

    std::optional<dns::Answer> answer;
    bool at_once = false;
    int calls = 0;
    dns::Handle query;
  };

  PollReactor reactor;
  FakeDnsServer server;
  const std::chrono::milliseconds try_timeout;
  dns::DnsCache cache;
  std::unique_ptr<dns::AresResolver> resolver;
};

}  // namespace ravelin::test
