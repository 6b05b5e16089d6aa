// Everything between the session and the backend's socket, on one thread: workers, a scripted
// backend, a clock that the test moves.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/backends.h"
#include "proxy/backend/worker.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"
#include "support/scripted_backend.h"

namespace ravelin::test {

using namespace std::chrono_literals;

inline proxy::RouteSettings route_to(std::vector<std::string> backends, uint32_t connections = 4) {
  proxy::RouteSettings route{};
  route.domains = {"example.com"};
  route.backends = std::move(backends);
  route.protocol = proxy::BackendProtocol::Smtp;
  route.connections = connections;
  route.client_info = proxy::ClientInfo::None;
  route.max_refusals = 9;
  route.max_resets = 9;
  route.max_mails = 90;
  route.max_age = 4min;
  route.max_idle = 5;
  route.idle_timeout = 60s;
  route.connect_timeout = 30s;
  route.pipelined_questions = 9;
  return route;
}

inline smtp::Address address(const std::string& text) {
  const auto at = text.rfind('@');
  if (text.empty()) return {};
  return {text.substr(0, at), text.substr(at + 1)};
}

inline proxy::ClientIdentity client(const std::string& ip = "203.0.113.5", bool good = false) {
  proxy::ClientIdentity who;
  who.address = {*dns::IpAddress::parse(ip), 4321};
  who.helo = "client.example";
  who.esmtp = true;
  who.good = good;
  who.known = good;
  return who;
}

struct Events final : proxy::BackendEvents {
  std::vector<proxy::RecipientAnswer> recipients;
  std::vector<proxy::FinalAnswer> ready;
  std::vector<proxy::FinalAnswer> final;
  int room = 0;
  std::function<void()> then;  // runs inside on_recipient and on_final, last

  void on_recipient(const proxy::RecipientAnswer& answer) override {
    const Outside test;
    recipients.push_back(answer);
    if (then) then();
  }
  void on_data_ready(const proxy::FinalAnswer& answer) override {
    const Outside test;
    ready.push_back(answer);
  }
  void on_room() override { ++room; }
  void on_final(const proxy::FinalAnswer& answer) override {
    const Outside test;
    final.push_back(answer);
    if (then) then();
  }

  const proxy::RecipientAnswer& last() const { return recipients.back(); }
};

// One mail of one client.
struct Mail {
  Events events;
  std::unique_ptr<proxy::BackendTransaction> transaction;
  std::vector<std::string> asked;
  bool hurt = false;  // memory ran out in a call: a session says 421 then, and ends it

  Mail() = default;
  Mail(const Mail&) = delete;
  Mail& operator=(const Mail&) = delete;
  ~Mail() {
    const Program program;
    transaction = nullptr;
  }
  template <class Call>
  void call(const Call& act) {
    if (!hurt) hurt = !survives(act);
  }
  void ask(const std::string& recipient) {
    const smtp::RcptCommand rcpt{address(recipient), 0, {}};
    asked.push_back(recipient);
    call([&] { transaction->recipient(rcpt); });
  }
  int code() const { return events.recipients.empty() ? 0 : events.last().reply.code; }
};

class Harness {
 public:
  explicit Harness(std::vector<proxy::RouteSettings> routes, size_t count = 1) {
    config.hostname = "mx.example.net";
    config.routes = std::move(routes);
    config.verify = {proxy::VerifyOrder::AfterGreylist, 60s, 10s, 5min};
    config.relay = {9min, proxy::LineEndings::Reject, 60s};
    backends.configure(config);
    for (size_t i = 0; i < count; ++i)
      workers.push_back(std::make_unique<proxy::BackendWorker>(backends, reactor, connector,
                                                               [this](std::function<void()> call) {
                                                                 if (no_posts)
                                                                   throw std::bad_alloc();
                                                                 posts.push_back(std::move(call));
                                                               }));
  }
  Harness() : Harness({route_to({"192.0.2.7:25"})}) {}

  proxy::Config config{};
  ManualClock clock;
  ManualReactor reactor{clock};
  MemoryConnector connector{reactor};
  RecordingJournal journal;
  proxy::Backends backends{journal, clock};
  ScriptedBackend backend{connector, reactor};
  std::deque<std::function<void()>> posts;
  bool no_posts = false;  // no memory to wake a worker
  std::vector<std::unique_ptr<proxy::BackendWorker>> workers;

  void run() {
    do {
      while (!posts.empty()) {
        auto call = std::move(posts.front());
        posts.pop_front();
        survives(call);
      }
      backend.run();
    } while (!posts.empty());
  }
  void sweep() {
    for (auto& worker : workers) survives([&] { worker->sweep(reactor.now()); });
    run();
  }
  void advance(std::chrono::nanoseconds by) {
    reactor.advance(by);
    sweep();
  }
  std::unique_ptr<Mail> begin(const std::string& from = "a@client.example",
                              const proxy::ClientIdentity& who = client(), size_t worker = 0,
                              bool requiretls = false) {
    auto mail = std::make_unique<Mail>();
    smtp::MailCommand command;
    command.requiretls = requiretls;
    command.from = address(from);
    mail->call([&] {
      mail->transaction = workers[worker]->begin(command, who, "0653F2A91C07", mail->events);
    });
    return mail;
  }
  // A whole question; the answer's code.
  int ask(Mail& mail, const std::string& recipient) {
    mail.ask(recipient);
    run();
    return mail.code();
  }
  int ask(const std::string& recipient, const proxy::ClientIdentity& who = client()) {
    auto mail = begin("a@client.example", who);
    return ask(*mail, recipient);
  }
  // DATA, text, end; the final code, or that of the refused DATA.
  int deliver(Mail& mail, const std::string& text = "Subject: x\r\n\r\nhello\r\n") {
    mail.call([&] { mail.transaction->start_data(); });
    run();
    if (mail.events.ready.empty()) return 0;
    if (!mail.events.ready.back().reply.positive()) return mail.events.ready.back().reply.code;
    mail.call([&] { mail.transaction->write(text); });
    mail.call([&] { mail.transaction->finish(); });
    run();
    return mail.events.final.empty() ? 0 : mail.events.final.back().reply.code;
  }
};

}  // namespace ravelin::test
