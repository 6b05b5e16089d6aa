// Runs the checks of one stage on a client, and says what they found.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "proxy/checks/check_run.h"
#include "proxy/config/loader.h"
#include "proxy/session/held_checks.h"
#include "support/fake_resolver.h"
#include "support/fake_verifier.h"
#include "support/manual_reactor.h"

namespace ravelin::test {

class CheckBench final : public proxy::CheckRun::Events {
 public:
  explicit CheckBench(const std::string& toml = {}) {
    const auto loaded = proxy::parse_config(
        "hostname = 'Ours.example'\n[[route]]\ndomains = ['mx.example']\n"
        "backends = ['127.0.0.1:2500']\n" +
            toml,
        "test.toml");
    for (const auto& error : loaded.errors) throw std::invalid_argument(error.message);
    policy = std::make_unique<proxy::Policy>(loaded.config);
    dns = std::make_unique<proxy::DialogDns>(resolver, reactor, loaded.config->dns.timeout);
    dialog.client.address = *dns::IpAddress::parse("192.0.2.1");
  }

  // "helo.literal:greylist", or "waiting" if it comes to no end.
  std::string run(proxy::Stage stage) {
    done_ = false;
    proxy::CheckRun run(stage, {dialog, *policy, verifier, *dns, &mail, &rcpt}, *this);
    bool over = run.start();
    if (!over && !dns->fcrdns()) {
      if (dns->look_up_name(dialog.client.address, [&run] { run.on_fcrdns(); })) run.on_fcrdns();
    }
    reactor.advance(std::chrono::seconds(30));
    over = over || done_;
    std::string found;
    append_findings(run.findings(), found);
    return over ? found : "waiting";
  }
  void on_checks_done(proxy::CheckRun&) override { done_ = true; }

  ManualClock clock;
  ManualReactor reactor{clock};
  FakeResolver resolver{reactor};
  FakeVerifier verifier{reactor};
  proxy::DialogInfo dialog;
  smtp::MailCommand mail;
  smtp::RcptCommand rcpt;
  std::unique_ptr<proxy::Policy> policy;
  std::unique_ptr<proxy::DialogDns> dns;

 private:
  bool done_ = false;
};

}  // namespace ravelin::test
