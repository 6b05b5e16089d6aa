#include "plays.h"

namespace ravelin::test {
namespace {

constexpr const char* kYes = "yes@mx.example";
constexpr const char* kNo = "no@mx.example";

const std::string kNoGreylist = "[greylist]\napply_to = 'off'\n";
const std::string kTls = kNoGreylist + "[tls]\ncertificates = ['CERTIFICATE']\n";

// True if the dialog is on.
bool meet(Stage& stage, Client& client) {
  return stage.greeting(client) == 220 && stage.ask(client, "EHLO client.example") == 250;
}

void accepted(Stage& stage) {
  auto& client = stage.connect();
  if (meet(stage, client) && stage.mail(client, {kYes})) stage.quit(client);
}

// Larger than the marks above which each side waits for the other.
void large(Stage& stage) {
  auto& client = stage.connect();
  if (meet(stage, client) && stage.mail(client, {kYes}, 300'000)) stage.quit(client);
}

void refused(Stage& stage) {
  auto& client = stage.connect();
  if (meet(stage, client) && stage.mail(client, {kNo})) stage.quit(client);
}

void mixed(Stage& stage) {
  auto& client = stage.connect();
  if (!meet(stage, client)) return;
  if (stage.mail(client, {"also@mx.example", kNo, kYes, "no@elsewhere.example"}))
    stage.quit(client);
}

// The second goes over the connection of the first.
void twice(Stage& stage) {
  auto& client = stage.connect();
  if (!meet(stage, client) || !stage.mail(client, {kYes})) return;
  stage.ask(client, "RSET");
  if (stage.mail(client, {kNo, kYes})) stage.quit(client);
}

void greylisted(Stage& stage) {
  for (int i = 0; i < 2; ++i) {
    auto& client = stage.connect();
    if (meet(stage, client) && stage.mail(client, {kYes})) stage.quit(client);
    client.leave();
    stage.wait(5min);
  }
}

void left_in_text(Stage& stage) {
  auto& client = stage.connect();
  if (!meet(stage, client) || !stage.open_mail(client, {kYes})) return;
  stage.sent.back().text = stage.fresh_text(2000);
  client.say(stage.sent.back().text);
  for (int i = 0; i < 10; ++i) stage.turn();
  client.leave();
}

void pipelined(Stage& stage) {
  auto& client = stage.connect();
  if (stage.greeting(client) != 220) return;
  client.say("EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<yes@mx.example>\r\n");
  client.say("RSET\r\nNOOP\r\nQUIT\r\n");
  stage.until([&] { return !client.open(); });
}

void refused_text(Stage& stage) {
  World::get().server.rules["."] = "450 4.2.0 not now\r\n";
  accepted(stage);
}

void lost_behind_the_dot(Stage& stage) {
  World::get().server.rules["."] = "-";
  accepted(stage);
}

void secured(Stage& stage) {
  auto& client = stage.connect();
  if (!meet(stage, client) || !stage.secure(client)) return;
  if (stage.ask(client, "EHLO client.example") != 250) return;
  if (stage.mail(client, {kYes})) stage.quit(client);
}

void secured_refused(Stage& stage) {
  auto& client = stage.connect();
  if (!meet(stage, client) || !stage.secure(client)) return;
  if (stage.ask(client, "EHLO client.example") != 250) return;
  if (stage.mail(client, {kNo})) stage.quit(client);
}

void introduced(Stage& stage) {
  auto& client = stage.connect(Stage::kBalancer);
  client.say("PROXY TCP4 127.1.1.1 127.0.0.1 4025 25\r\n");
  if (meet(stage, client) && stage.mail(client, {kYes})) stage.quit(client);
}

void reloaded(Stage& stage) {
  auto& client = stage.connect();
  if (!meet(stage, client)) return;
  stage.worker().publish(stage.published());
  if (stage.mail(client, {kYes})) stage.quit(client);
}

void drained(Stage& stage) {
  auto& idle = stage.connect(Stage::kOther);
  stage.greeting(idle);
  auto& client = stage.connect();
  if (meet(stage, client) && stage.open_mail(client, {kYes})) {
    stage.drain();
    stage.turn();
    auto& mail = stage.sent.back();
    mail.text = stage.fresh_text(100);
    mail.whole = true;
    mail.code = stage.ask(client, mail.text + ".");
  }
}

}  // namespace

const std::vector<Play>& plays() {
  static const std::vector<Play> all{
      {"accepted", accepted, kNoGreylist, 1},
      {"large", large, kNoGreylist, 1},
      {"refused", refused, kNoGreylist, 0},
      {"mixed", mixed, kNoGreylist, 1},
      {"twice", twice, kNoGreylist, 2},
      {"greylisted", greylisted, "[greylist]\nexcept_clients = ['127.2.2.2']\n", 1},
      {"left in the text", left_in_text, kNoGreylist, 0},
      {"pipelined", pipelined, kNoGreylist, 0},
      {"refused text", refused_text, kNoGreylist, 0},
      {"lost behind the dot", lost_behind_the_dot, kNoGreylist, 0},
      {"secured", secured, kTls, 1},
      {"secured, refused", secured_refused, kTls, 0},
      {"introduced", introduced, kNoGreylist + "[access]\nproxy_from = ['127.3.3.0/24']\n", 1},
      {"reloaded", reloaded, kTls, 1},
      {"drained", drained, kNoGreylist, 1},
      {"to TLS", accepted, kNoGreylist, 1, Behind::SecureSmtp},
      {"to LMTP", mixed, kNoGreylist, 1, Behind::Lmtp},
  };
  return all;
}

}  // namespace ravelin::test
