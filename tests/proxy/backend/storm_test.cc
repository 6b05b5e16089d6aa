// Everything at once, in an order that a seed decides: clients that leave at each point, backends
// that close, refuse, say too much, reloads. What must hold in the end is that nothing is held.
#include <catch2/catch.hpp>
#include <random>

#include "harness.h"

namespace ravelin::test {
namespace {

struct Storm {
  Storm(uint32_t seed, uint32_t cap, size_t workers, proxy::ClientInfo info)
      : random(seed), mx({route_to({"192.0.2.7:25"}, cap)}, workers) {
    mx.config.routes[0].client_info = info;
    mx.backend.proxy_headers = info == proxy::ClientInfo::ProxyV2;
    mx.config.verify.timeout = 20s;
    mx.backends.configure(mx.config);
    mx.backend.ehlo = "250-mail\r\n250-PIPELINING\r\n250 XFORWARD NAME ADDR\r\n";
    if (info == proxy::ClientInfo::Xclient) mx.backend.offer_xclient();
    mx.backend.replies["RCPT TO:<no"] = "550 5.1.1 no\r\n";
    mx.backend.replies["RCPT TO:<later"] = "450 4.2.0 later\r\n";
    mx.backend.replies["RCPT TO:<silent"] = "";
    mx.backend.replies["RCPT TO:<lost"] = "-";
    mx.backend.replies["RCPT TO:<bye"] = "421 4.3.2 bye\r\n";
    mx.backend.replies["RCPT TO:<many"] = "452 4.5.3 too many\r\n";
    mx.backend.replies["RCPT TO:<ours"] = "554 5.7.1 Relay access denied\r\n";
  }

  size_t below(size_t n) { return random() % n; }

  struct Client {
    std::unique_ptr<Mail> mail;
    size_t asked = 0;  // answers that it has reacted to
    bool in_data = false;
    bool finished = false;
  };

  void step() {
    if (clients.size() < 30 && below(3) > 0) return come();
    if (clients.empty()) return;
    auto& one = clients[below(clients.size())];
    if (below(4) > 0) return speak(one);
    std::swap(one, clients.back());
    clients.pop_back();  // leaves, whatever it waits for
  }
  void come() {
    const auto ip = "203.0.113." + std::to_string(below(20) + 1);
    const auto from = "a" + std::to_string(below(5)) + "@client.example";
    const bool good = below(4) == 0;
    clients.push_back({mx.begin(from, client(ip, good), below(mx.workers.size()))});
    ask(*clients.back().mail);
  }
  void ask(Mail& mail) {
    static const char* const kinds[] = {"yes",  "yes",  "yes",  "no",  "no",  "later",
                                        "lost", "many", "ours", "bye", "yes", "silent"};
    const auto* const kind = kinds[below(std::size(kinds))];
    mail.ask(kind + std::to_string(below(8)) + "@example.com");
  }
  // What a client may say next, by what it has heard.
  void speak(Client& one) {
    const auto& events = one.mail->events;
    if (one.in_data) return speak_data(one);
    if (events.recipients.size() <= one.asked) return;
    one.asked = events.recipients.size();
    bool accepted = false;
    for (const auto& answer : events.recipients) accepted |= answer.accepted();
    if (!accepted || below(2) == 0) return ask(*one.mail);
    one.in_data = true;
    one.mail->transaction->start_data();
  }
  void speak_data(Client& one) {
    const auto& events = one.mail->events;
    if (events.ready.empty() || !events.ready[0].reply.positive()) return;
    if (!events.final.empty() || one.finished) return;
    one.mail->transaction->write("x\r\n");
    one.finished = below(2) == 0;
    if (one.finished) one.mail->transaction->finish();
  }
  void world() {
    switch (below(12)) {
      case 0:
        if (!mx.backend.connections.empty()) {
          const auto which = below(mx.backend.connections.size());
          if (mx.backend.connections[which].greeted) mx.backend.close(which);
        }
        break;
      case 1:
        mx.backend.refuse_connections = below(3) == 0;
        break;
      case 2:
        mx.backend.banner = below(3) == 0 ? "421 too many\r\n" : "220 hi\r\n";
        break;
      case 3:
        mx.backend.once = {below(2) == 0   ? "DATA"
                           : below(2) == 0 ? "XCLIENT"
                                           : "RSET",
                           "421 4.3.2 bye\r\n"};
        break;
      case 4:
        mx.advance(std::chrono::seconds(below(12)));
        break;
      case 5: {
        mx.config.routes[0].connections = static_cast<uint32_t>(below(6) + 1);
        mx.backends.configure(mx.config);
        most = std::max<size_t>(most, mx.config.routes[0].connections);
        break;
      }
      case 6:
        mx.backends.drain("192.0.2.7:25", below(3) == 0);
        break;
      default:
        break;
    }
  }
  // Each turn of the world stands between any two steps: letters are delivered late, too.
  void turn() {
    for (size_t i = below(6); i > 0 && !mx.posts.empty(); --i) {
      auto call = std::move(mx.posts.front());
      mx.posts.pop_front();
      call();
    }
    if (below(2) == 0) mx.backend.run();
    if (below(8) == 0)
      for (auto& worker : mx.workers) worker->sweep(mx.reactor.now());
  }
  void calm() {
    clients.clear();
    mx.backend.refuse_connections = false;
    mx.backend.banner = "220 hi\r\n";
    mx.backend.once = {};
    mx.backends.drain("192.0.2.7:25", false);
    mx.run();
    for (int i = 0; i < 10; ++i) mx.advance(30s);
  }

  std::mt19937 random;
  Harness mx;
  std::vector<Client> clients;
  size_t most = 0;
};

}  // namespace

TEST_CASE("whatever happens, no permit, tie or place in line is lost") {
  const auto seed = GENERATE(range(1U, 40U));
  const auto cap = GENERATE(as<uint32_t>{}, 1, 2, 5);
  const auto info =
      GENERATE(proxy::ClientInfo::Xforward, proxy::ClientInfo::Xclient, proxy::ClientInfo::ProxyV2);
  CAPTURE(seed, cap, static_cast<int>(info));
  Storm storm(seed, cap, 3, info);
  storm.most = cap;
  for (int i = 0; i < 400; ++i) {
    storm.step();
    storm.world();
    storm.turn();
    REQUIRE(storm.mx.backend.open() <= storm.most);
  }
  storm.calm();
  auto& mx = storm.mx;
  const auto state = mx.backends.snapshot()[0];
  CHECK(state.ties == 0);
  CHECK(state.waiting == 0);
  CHECK(state.open == mx.backend.open());
  CHECK(state.idle == state.open);
  for (size_t worker = 0; worker < mx.workers.size(); ++worker) {
    auto mail = mx.begin("z@client.example", client("198.51.100.1"), worker);
    CHECK(mx.ask(*mail, "yes@example.com") == 250);
    CHECK(mx.deliver(*mail) == 250);
  }
}

}  // namespace ravelin::test
