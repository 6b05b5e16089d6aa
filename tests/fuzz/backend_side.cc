// Everything between sessions and backends: real workers, pools, permits and transactions, and
// backends that say anything. Custody: no message is taken but by the backend's own 2xx to the
// whole of it; nothing is taken for whole that is not; whoever asks is answered; nothing is held in
// the end.
#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "fuzz/script.h"
#include "fuzz/tls_peer.h"
#include "fuzz/wire_backend.h"
#include "proxy/backend/harness.h"
#include "support/plain_text.h"

namespace ravelin::fuzz {
namespace {

using namespace std::chrono_literals;
using test::Harness;

// One client's mail, and what has been done with it; a session keeps to these rules as well.
struct Client {
  std::unique_ptr<test::Mail> mail;
  size_t asked = 0;
  bool in_data = false;
  bool finished = false;
  bool requiretls = false;
  int room_wanted = 0;  // write() goes on when there was room so often
  std::string text;
  bool checked = false;  // nothing more is to come

  const test::Events& heard() const { return mail->events; }
  bool rests() const { return heard().recipients.size() == asked; }
  bool over() const {
    return !heard().final.empty() || (!heard().ready.empty() && !heard().ready[0].reply.positive());
  }
  bool may_write() const {
    return in_data && !heard().ready.empty() && !over() && !finished && heard().room >= room_wanted;
  }
  bool may_leave() const { return !mail || !finished || over(); }
  bool waits() const {
    return mail && (!rests() || (in_data && heard().ready.empty()) || (finished && !over()));
  }
};

std::vector<proxy::RouteSettings> routes(uint8_t kind) {
  std::vector<std::string> backends{"192.0.2.7:25"};
  if ((kind & 1) != 0) backends.push_back("192.0.2.8:25");
  auto route = test::route_to(backends, (kind & 2) != 0 ? 1 : 3);
  if ((kind & 4) != 0) route.client_info = proxy::ClientInfo::Xforward;
  if ((kind & 64) != 0) route.protocol = proxy::BackendProtocol::Lmtp;
  if ((kind & 128) != 0)
    route.client_info = (kind & 4) != 0 ? proxy::ClientInfo::Xclient : proxy::ClientInfo::ProxyV2;
  return {route};
}

// Of the first octet: 1 two backends, 2 one connection, 4 XFORWARD, 8 two workers, 16 no
// PIPELINING, 32 no replies by rule, 64 LMTP, 128 PROXY or, with 4, XCLIENT. What the script says
// goes to a backend.
class World {
 public:
  World(uint8_t kind, Script script) : mx_(routes(kind), (kind & 8) != 0 ? 2 : 1) {
    backend_.pipelining = (kind & 16) == 0;
    backend_.by_rule = (kind & 32) == 0;
    backend_.lmtp = (kind & 64) != 0;
    backend_.proxy_headers = (kind & (128 | 4)) == 128;
    backend_.xclient = (kind & (128 | 4)) == (128 | 4);
    script.play(
        [this](std::string_view words) {
          backend_.say(current_, words);
          turn();
        },
        [this](char letter, uint8_t number) {
          act_backend(letter, number);
          act_client(letter, clients_[number % clients_.size()], number / 4);
          turn();
        });
    settle();
    leave();
  }

 private:
  // --- one step ---
  void act_backend(char letter, uint8_t number) {
    switch (letter) {
      case 'k':
        current_ = number % 4;
        break;
      case 'c':
        backend_.end(current_, number % 2 == 1 ? proxy::StreamEnd::Reset : proxy::StreamEnd::Eof);
        break;
      case 'x':
        backend_.read(current_, number % 2 == 1);
        break;
      case 'o':
        backend_.door = static_cast<WireBackend::Door>(number % 3);
        break;
      case 'a':
        backend_.by_rule = number % 2 == 1;
        break;
      case 's':
        backend_.chunk = number % 16;
        break;
      case 't':
        if (waited_ < 1000) pass(std::chrono::seconds(number), 2s);
        waited_ += number;
        break;
      case 'h':
        backend_.handshake = static_cast<WireBackend::Handshake>(number % 3);
        break;
      case 'v':
        require(number);
        break;
      case 'z':
        mx_.config.routes[0].connections = number % 5 + 1;
        mx_.backends.configure(mx_.config);
        break;
      default:
        break;
    }
  }
  // A reload; TLS off, may, encrypt or verify, and what backends offer from now on.
  void require(uint8_t number) {
    auto& route = mx_.config.routes[0];
    route.tls = static_cast<proxy::BackendTls>(number % 4);
    route.tls_ca = kCertificate;  // the system's take long to read
    mx_.backends.configure(mx_.config);
    backend_.tls = route.tls;
    backend_.starttls = (number & 4) == 0;
    backend_.limits = (number & 8) != 0;
  }
  void act_client(char letter, Client& client, size_t number) {
    if (letter == 'b') return begin(client, number);
    if (!client.mail) return;
    switch (letter) {
      case 'r':
        return ask(client, number);
      case 'd':
        return start_data(client);
      case 'w':
        return write(client, number);
      case 'f':
        return finish(client);
      case 'q':
        if (client.may_leave()) client = {};
        return;
      default:
        return;
    }
  }
  void begin(Client& client, size_t number) {
    if (!client.may_leave()) return;
    client = {};
    const auto who = test::client("203.0.113." + std::to_string(number % 3), number % 2 == 1);
    client.requiretls = number / 8 % 2 == 1;
    client.mail =
        mx_.begin("a@client.example", who, number / 4 % mx_.workers.size(), client.requiretls);
  }
  void ask(Client& client, size_t number) {
    constexpr std::array kNames = {"yes", "no", "later", "many", "bye", "silent"};
    if (!client.rests() || client.in_data) return;
    client.mail->ask(kNames[number % kNames.size()] + std::to_string(number / 6 % 2) +
                     "@example.com");
    ++client.asked;
  }
  void start_data(Client& client) {
    bool accepted = false;
    for (const auto& answer : client.heard().recipients) accepted |= answer.accepted();
    if (!accepted || !client.rests() || client.in_data) return;
    client.in_data = true;
    client.mail->transaction->start_data();
  }
  // The first line tells whose message it is.
  void write(Client& client, size_t number) {
    if (!client.may_write()) return;
    std::string text;
    if (client.text.empty()) text = "X-Number: " + std::to_string(++serial_) + "\r\n";
    for (size_t i = 0; i < number * number; ++i) text += i % 3 == 0 ? "..x\r\n" : "line\r\n";
    if (number % 2 == 0) text += ".\r\n";
    client.text += text;
    if (!client.mail->transaction->write(text)) client.room_wanted = client.heard().room + 1;
  }
  void finish(Client& client) {
    if (!client.may_write() || client.text.empty()) return;
    client.finished = true;
    finished_.push_back(client.text);
    client.mail->transaction->finish();
  }

  // --- what follows from it ---
  void turn() {
    for (bool more = true; more;) {
      more = !mx_.posts.empty();
      for (auto posts = std::exchange(mx_.posts, {}); auto& call : posts) call();
      mx_.reactor.run();
      more |= backend_.turn();
    }
    for (; seen_ < backend_.messages.size(); ++seen_) check_whole(backend_.messages[seen_].text);
    for (auto& client : clients_) check(client);
  }
  void pass(std::chrono::seconds time, std::chrono::seconds step) {
    for (auto left = time; left.count() > 0; left -= step) {
      mx_.reactor.advance(step);
      for (auto& worker : mx_.workers) worker->sweep(mx_.reactor.now());
      turn();
    }
  }
  // What a backend takes for a whole message is all that a client had to say.
  void check_whole(const std::string& wire) const {
    const auto text = test::expect_text(wire, false).text;
    must(std::find(finished_.begin(), finished_.end(), text) != finished_.end(),
         "what a backend has is whole");
  }
  void check(Client& client) const {
    if (!client.mail || client.checked) return;
    client.checked = client.over();
    const auto& heard = client.heard();
    must(heard.recipients.size() <= client.asked, "one answer a recipient");
    must(heard.ready.size() <= (client.in_data ? 1 : 0), "one answer to DATA");
    must(heard.final.size() <= 1, "one last word");
    for (const auto& answer : heard.recipients) check(answer.reply, answer.said);
    for (const auto& answer : heard.final) {
      check(answer.reply, answer.said);
      if (answer.reply.positive()) must(client.finished && accepted(client), "custody");
      if (!answer.fates.empty()) must(answer.fates.size() == taken_of(client), "none is left out");
      if (!answer.reply.positive()) continue;
      must(answer.fates.empty() != backend_.lmtp, "by LMTP each has a verdict");
      for (const auto& fate : answer.fates)
        must(fate.kind == proxy::RecipientFate::Kind::Sent, "no refusal is hidden by a 250");
    }
  }
  static void check(const smtp::Reply& reply, std::string_view said) {
    must(is_clean(smtp::to_wire(reply)) && is_one_line(said), "what goes on is clean");
    must(reply.code >= 200 && reply.code != 354, "a client hears an answer");
    must(reply.code != 421, "a backend's goodbye is not ours");
  }
  static size_t taken_of(const Client& client) {
    const auto& all = client.heard().recipients;
    return static_cast<size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& one) { return one.accepted(); }));
  }
  // By LMTP each recipient has a 2xx of its own.
  bool accepted(const Client& client) const {
    const auto needed = backend_.lmtp ? taken_of(client) : 1;
    for (const auto& message : backend_.messages) {
      if (message.accepted() < needed || (client.requiretls && !message.safe)) continue;
      if (test::expect_text(message.text, false).text == client.text) return true;
    }
    return false;
  }

  // --- the end ---
  bool anybody_waits() const {
    for (const auto& client : clients_)
      if (client.waits()) return true;
    return false;
  }
  // Everybody has an answer within the longest of the times that are waited, however silent the
  // backends are.
  void settle() {
    backend_.by_rule = false;
    backend_.relent();
    turn();
    for (int round = 0; round < 80 && anybody_waits(); ++round) pass(10s, 10s);
    must(!anybody_waits(), "whoever asks is answered");
  }
  void leave() {
    for (auto& client : clients_) client = {};
    for (auto& worker : mx_.workers) worker->shutdown();
    turn();
    for (int round = 0; round < 40 && !quiet(); ++round) {
      backend_.relent();
      pass(10s, 10s);
    }
    must(quiet(), "a worker comes to rest");
    for (const auto& state : mx_.backends.snapshot()) {
      must(state.open == 0, "no permit is held");
      must(state.ties == 0, "no tie is held");
      must(state.waiting == 0, "nobody is left in line");
    }
    must(backend_.open() == 0, "no connection is left");
  }
  bool quiet() const {
    for (const auto& worker : mx_.workers)
      if (!worker->quiet()) return false;
    return true;
  }

  Harness mx_;
  WireBackend backend_{mx_.connector, mx_.reactor};
  std::array<Client, 4> clients_;
  std::vector<std::string> finished_;  // texts of which the client has said the end
  size_t current_ = 0;                 // connection, from the newest
  size_t waited_ = 0;                  // seconds
  size_t seen_ = 0;                    // messages looked at
  size_t serial_ = 0;
};

}  // namespace

void run(std::string_view input) {
  Script script(input);
  const auto kind = script.octet();
  World world(kind, script);
}

}  // namespace ravelin::fuzz
