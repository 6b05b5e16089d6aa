// Memory runs out: at each allocation of a dialog in turn, once or for a while. Nothing may crash,
// nothing may stay held, nobody may wait for ever, and nobody may hear 250 for what the backend has
// not taken.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iterator>

#include "harness.h"

namespace ravelin::test {
namespace {

class Stage;

struct Play {
  const char* name;
  uint32_t cap;
  size_t workers;
  void (*act)(Stage&);
  proxy::BackendProtocol protocol = proxy::BackendProtocol::Smtp;
  proxy::ClientInfo info = proxy::ClientInfo::None;
};

proxy::RouteSettings route_of(const Play& play) {
  auto route = route_to({"192.0.2.7:25"}, play.cap);
  route.client_info = play.info;
  route.protocol = play.protocol;
  return route;
}

size_t descriptors() {
  namespace fs = std::filesystem;
  const auto all = fs::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(fs::begin(all), fs::end(all)));
}

// What is played in front of: it remembers what was sent, and knows what must be true in the end.
class Stage {
 public:
  explicit Stage(const Play& play) : mx({route_of(play)}, play.workers) {
    mx.backend.proxy_headers = play.info == proxy::ClientInfo::ProxyV2;
    if (play.info == proxy::ClientInfo::Xclient) mx.backend.offer_xclient();
    mx.backend.lmtp = play.protocol == proxy::BackendProtocol::Lmtp;
    mx.backend.replies["RCPT TO:<no"] = "550 5.1.1 no\r\n";
    mx.sweep();
    mx.advance(100ms);
  }

  Mail& begin(size_t worker = 0, const std::string& from = "a@client.example", bool good = false) {
    const auto ip = "203.0.113." + std::to_string(mails.size() + 1);
    mails.push_back(mx.begin(from, client(ip, good), worker));
    return *mails.back();
  }
  // One after the other, as a session does.
  void ask(Mail& mail, const std::string& recipient) {
    if (mail.hurt || mail.events.recipients.size() < mail.asked.size()) return;
    mail.ask(recipient);
    mx.run();
  }
  // No two texts are equal.
  void deliver(Mail& mail) {
    const auto& events = mail.events;
    if (mail.hurt || mail.code() != 250 || events.recipients.size() < mail.asked.size()) return;
    sent.push_back({&mail, "Subject: " + std::to_string(++texts) + "\r\n\r\nhello\r\n"});
    mail.call([&] { mail.transaction->start_data(); });
    go_on();
  }
  // Whoever has heard 354 sends its text.
  void go_on() {
    mx.run();
    for (auto& one : sent) {
      auto& mail = *one.mail;
      const auto& ready = mail.events.ready;
      if (one.finished || ready.empty() || !ready[0].reply.positive()) continue;
      one.finished = true;
      if (mail.events.final.empty()) mail.call([&] { mail.transaction->write(one.text); });
      if (mail.events.final.empty()) mail.call([&] { mail.transaction->finish(); });
      mx.run();
    }
  }

  void check_answers() {
    for (int i = 0; i < 14; ++i) {
      mx.advance(10s);
      go_on();
    }
    for (const auto& mail : mails) {
      if (mail->hurt) continue;  // its session has closed
      CHECK(mail->events.recipients.size() == mail->asked.size());
    }
    for (const auto& one : sent) check_message(*one.mail, one.text);
  }
  // A 250 is the backend's; and the message went to those whom the client knows to be accepted.
  void check_message(const Mail& mail, const std::string& text) {
    const auto& events = mail.events;
    const bool told = !events.ready.empty() && !events.ready[0].reply.positive();
    if (!mail.hurt) CHECK(events.final.size() + (told ? 1 : 0) == 1);
    const auto same = [&](const auto& message) { return message.text == text; };
    const auto& all = mx.backend.messages;
    const auto taken = std::count_if(all.begin(), all.end(), same);
    CHECK(taken <= 1);
    if (!events.final.empty() && events.final[0].reply.positive()) CHECK(taken == 1);
    if (taken == 0) return;
    std::vector<std::string> wanted, got;
    for (size_t i = 0; i < events.recipients.size(); ++i)
      if (events.recipients[i].accepted()) wanted.push_back("RCPT TO:<" + mail.asked[i] + ">");
    const auto& envelope = std::find_if(all.begin(), all.end(), same)->envelope;
    for (size_t i = 1; i < envelope.size(); ++i) got.push_back(envelope[i]);
    const bool divided = !mx.backend.verdicts.empty();
    if (!divided || (!events.final.empty() && events.final[0].reply.positive()))
      CHECK(got == wanted);
  }
  void check_rest() {
    mails.clear();
    sent.clear();
    mx.run();
    mx.advance(100ms);
    const auto state = mx.backends.snapshot()[0];
    CHECK(state.ties == 0);
    CHECK(state.waiting == 0);
    CHECK(state.open == mx.backend.open());
    for (size_t worker = 0; worker < mx.workers.size(); ++worker) {
      auto& mail = begin(worker);
      ask(mail, "yes@example.com");
      CHECK(mail.code() == 250);
      deliver(mail);
      CHECK(mail.events.final.size() == 1);
      ask(begin(worker), "no@example.com");
      CHECK(mails.back()->code() == 550);
    }
    check_answers();
    mails.clear();
    mx.run();
  }
  void check_end() {
    for (auto& worker : mx.workers) worker->shutdown();
    mx.run();
    mx.advance(3s);
    for (auto& worker : mx.workers) CHECK(worker->quiet());
    const auto state = mx.backends.snapshot()[0];
    CHECK(state.open == 0);
    CHECK(state.idle == 0);
    CHECK(mx.backend.open() == 0);
  }

  Harness mx;
  std::vector<std::unique_ptr<Mail>> mails;
  struct Sent {
    Mail* mail;
    std::string text;
    bool finished = false;
  };
  std::vector<Sent> sent;
  int texts = 0;
};

void refused(Stage& stage) {
  auto& mail = stage.begin();
  stage.ask(mail, "no@example.com");
  stage.ask(mail, "no2@example.com");
}

void delivered(Stage& stage) {
  auto& mail = stage.begin();
  stage.ask(mail, "yes@example.com");
  stage.ask(mail, "too@example.com");
  stage.deliver(mail);
}

// By LMTP: some have it, others later.
void divided(Stage& stage) {
  stage.mx.backend.verdicts["too@example.com"] = "451 4.2.0 locked\r\n";
  delivered(stage);
  stage.ask(stage.begin(), "yes@example.com");
}

// By LMTP: the connection is lost between two verdicts.
void lost_between(Stage& stage) {
  stage.mx.backend.verdicts["too@example.com"] = "-";
  delivered(stage);
}

void replayed(Stage& stage) {
  auto& mail = stage.begin();
  stage.ask(mail, "yes@example.com");
  stage.mx.advance(11s);  // verify.hold
  stage.deliver(mail);
}

void followed(Stage& stage) {
  auto& mx = stage.mx;
  mx.backend.replies["RCPT TO:<who"] = "";
  for (size_t i = 0; i < 3; ++i) stage.begin(i % 2).ask("who@example.com");
  mx.run();
  mx.backend.replies["RCPT TO:<who"] = "550 5.1.1 no\r\n";
  for (size_t i = 0; i < mx.backend.connections.size(); ++i)
    if (mx.backend.peer(i).stream != nullptr && mx.backend.asked(i, "RCPT TO:<who"))
      mx.backend.send(i, "550 5.1.1 no\r\n");
  mx.run();
}

// The follower leaves, then the leader.
void left(Stage& stage) {
  stage.mx.backend.replies["RCPT TO:<who"] = "";
  for (size_t i = 0; i < 4; ++i) stage.begin(i % 2).ask("who@example.com");
  stage.mx.run();
  for (const size_t which : {size_t{1}, size_t{0}})
    stage.mails.erase(stage.mails.begin() + static_cast<std::ptrdiff_t>(which));
  stage.mx.run();
}

void given_up(Stage& stage) {
  auto& tied = stage.begin();
  stage.ask(tied, "yes@example.com");
  stage.mx.backend.replies["RCPT TO:<slow"] = "";
  for (size_t i = 0; i < 3; ++i)
    stage.begin(i % 2, std::to_string(i) + "@client.example").ask("slow@example.com");
  stage.mx.run();
  stage.ask(stage.begin(1), "no@example.com");
  stage.mx.backend.replies.erase("RCPT TO:<slow");
  stage.mails.erase(stage.mails.begin() + 1);  // one that waits, or that is asking
  stage.mx.run();
  stage.deliver(tied);
}

void handed_over(Stage& stage) {
  stage.ask(stage.begin(0), "no@example.com");
  stage.ask(stage.begin(1), "no@example.com");
  auto& mail = stage.begin(0);
  stage.ask(mail, "yes@example.com");
  auto& other = stage.begin(1, "b@client.example");
  other.ask("yes@example.com");
  stage.begin(1, "c@client.example", true).ask("yes@example.com");
  stage.mx.run();
  stage.deliver(mail);
  stage.deliver(other);
}

void lost(Stage& stage) {
  auto& mx = stage.mx;
  stage.ask(stage.begin(), "no@example.com");
  mx.backend.once = {"RCPT", "-"};
  auto& mail = stage.begin();
  stage.ask(mail, "yes@example.com");
  mx.backend.once = {"DATA", "421 4.3.2 bye\r\n"};
  stage.deliver(mail);
  auto& second = stage.begin();
  stage.ask(second, "yes@example.com");
  mx.backend.once = {".", "-"};
  stage.deliver(second);
  mx.backend.once = {};
}

void cut_off(Stage& stage) {
  auto& mail = stage.begin();
  stage.ask(mail, "yes@example.com");
  if (mail.code() != 250) return;
  mail.call([&] { mail.transaction->start_data(); });
  stage.mx.run();
  if (mail.events.ready.empty() || !mail.events.ready[0].reply.positive()) return;
  mail.call([&] { mail.transaction->write("Subject: never\r\n\r\nhal"); });
  stage.mx.run();
  stage.mails.clear();
  stage.mx.run();
  CHECK(stage.mx.backend.messages.empty());
}

void unreachable(Stage& stage) {
  stage.mx.backend.refuse_connections = true;
  for (size_t i = 0; i < stage.mx.backend.connections.size(); ++i)
    if (stage.mx.backend.peer(i).stream != nullptr) stage.mx.backend.close(i);
  for (size_t i = 0; i < 3; ++i) stage.begin(i % 2).ask("yes@example.com");
  stage.mx.run();
  stage.mx.backend.refuse_connections = false;
  stage.mx.advance(2s);
}

constexpr auto kSmtp = proxy::BackendProtocol::Smtp;
const Play kPlays[] = {
    {"refused", 4, 1, refused},
    {"delivered", 4, 1, delivered},
    {"delivered, cap 1", 1, 2, delivered},
    {"replayed", 4, 1, replayed},
    {"followed", 4, 2, followed},
    {"left", 1, 2, left},
    {"given up", 2, 2, given_up},
    {"handed over", 1, 2, handed_over},
    {"handed over, cap 2", 2, 2, handed_over},
    {"lost", 2, 1, lost},
    {"cut off", 2, 1, cut_off},
    {"unreachable", 2, 2, unreachable},
    {"LMTP", 4, 1, delivered, proxy::BackendProtocol::Lmtp},
    {"LMTP, cap 1", 1, 2, delivered, proxy::BackendProtocol::Lmtp},
    {"LMTP, divided", 4, 1, divided, proxy::BackendProtocol::Lmtp},
    {"LMTP, lost between", 4, 1, lost_between, proxy::BackendProtocol::Lmtp},
    {"XCLIENT", 3, 1, delivered, kSmtp, proxy::ClientInfo::Xclient},
    {"XCLIENT, cap 1", 1, 2, delivered, kSmtp, proxy::ClientInfo::Xclient},
    {"PROXY", 3, 1, delivered, kSmtp, proxy::ClientInfo::ProxyV2},
    {"PROXY, given up", 2, 2, given_up, kSmtp, proxy::ClientInfo::ProxyV2},
    {"PROXY, lost", 2, 1, lost, kSmtp, proxy::ClientInfo::ProxyV2},
};

// True if the failure was reached.
bool run(const Play& play, size_t nth, size_t length) {
  const auto before = descriptors();
  bool failed = false;
  {
    Stage stage(play);
    MemoryFailure::arm(nth, length);
    play.act(stage);
    stage.mx.advance(100ms);
    failed = MemoryFailure::failures() > 0;
    MemoryFailure::disarm();
    stage.check_answers();
    stage.check_rest();
    stage.check_end();
  }
  CHECK(descriptors() == before);
  return failed;
}

}  // namespace

TEST_CASE("without memory nothing is lost or held or promised") {
  const auto& play = GENERATE(from_range(std::begin(kPlays), std::end(kPlays)));
  const auto length = GENERATE(as<size_t>{}, 1, 2, 5, 30, 1'000'000);
  CAPTURE(play.name, length);
  size_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    CAPTURE(nth);
    failed = run(play, nth, length);
  }
  CHECK(nth > 20);  // it did ask for memory
}

TEST_CASE("what there is no memory to tell is known to be untold, until it is told") {
  Stage stage({"", 4, 1, nullptr});
  auto& mail = stage.begin();
  const auto untold = [&] { return mail.transaction->untold_since().has_value(); };
  stage.mx.backend.replies["RCPT TO:<slow"] = "";
  stage.ask(mail, "slow@example.com");
  stage.mx.advance(50s);
  CHECK_FALSE(untold());
  MemoryFailure::arm(1, 1'000'000);
  stage.mx.advance(20s);
  CHECK(untold());
  CHECK(mail.events.recipients.empty());
  MemoryFailure::disarm();
  stage.mx.advance(200ms);
  CHECK(mail.code() == 451);
  stage.mx.advance(100ms);  // the next look
  CHECK_FALSE(untold());
}

}  // namespace ravelin::test
