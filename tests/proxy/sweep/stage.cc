#include "stage.h"

#include <algorithm>

namespace ravelin::test {
namespace {

constexpr const char* kName = "client.example";
constexpr std::chrono::nanoseconds kPatience = 30min;

// |text| without our Received: field; "" if it has none.
std::string without_trace(const std::string& text) {
  auto at = text.find("\r\n");
  while (at != text.npos && at + 2 < text.size() && (text[at + 2] == ' ' || text[at + 2] == '\t'))
    at = text.find("\r\n", at + 2);
  return text.starts_with("Received: from ") && at != text.npos ? text.substr(at + 2) : "";
}

std::vector<std::string> envelope_of(const Sent& mail) {
  std::vector<std::string> envelope{"MAIL FROM:<" + mail.from + ">"};
  for (const auto& to : mail.to) envelope.push_back("RCPT TO:<" + to + ">");
  return envelope;
}

}  // namespace

// --- the world ----------------------------------------------------------------------------------

World& World::get() {
  static World world;
  return world;
}

World::World()
    : tls(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
      server_tls_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
  const auto pem = dir_.file("mx.pem");
  certificate = make_certificate("DNS:ours.example,IP:127.0.0.1").both();
  write_file(pem, certificate);
  SSL_CTX_use_certificate_chain_file(server_tls_.get(), pem.c_str());
  SSL_CTX_use_PrivateKey_file(server_tls_.get(), pem.c_str(), SSL_FILETYPE_PEM);
  server.tls = server_tls_.get();
  auto addresses = WireMessage::answer_to(kName, dns::RrType::A);
  for (const auto* address : {Stage::kClient, Stage::kOther, Stage::kBalancer}) {
    const auto ip = *dns::IpAddress::parse(address);
    const auto reverse = ip.reverse_name();
    dns.set(WireMessage::answer_to(reverse, dns::RrType::Ptr).ptr(reverse, kName));
    sockaddr_storage raw;
    ip.to_sockaddr(0, raw);
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(raw).sin_addr;
    addresses.a(kName, {reinterpret_cast<const char*>(&v4), sizeof v4});
  }
  dns.set(addresses);
  dns.set(WireMessage::answer_to(kName, dns::RrType::Mx)
              .add(kName, dns::RrType::Mx, be16(10) + wire_name(kName)));
  format_ = proxy::make_postfix_format({"ours"}, clock);
  proxy::LogWriterOptions options;
  options.file = dir_.file("log");
  writer_ = *proxy::LogWriter::open(options, format_, clock);
  journal = std::make_unique<proxy::LogJournal>(*writer_, format_);
}

const proxy::Published& World::published(const std::string& toml, Behind behind) {
  auto& known = published_[{toml, behind}];
  if (known.policy) return known;
  const auto pem = dir_.file("mx.pem");
  const std::map<Behind, std::string> routes{
      {Behind::Smtp, ""},
      {Behind::SecureSmtp, "tls = 'verify'\ntls_ca_file = '" + pem + "'\n"},
      {Behind::Lmtp, "protocol = 'lmtp'\n"}};
  auto text = "hostname = 'ours.example'\n[[route]]\ndomains = ['mx.example']\nbackends = ['" +
              server.address() + "']\n" + routes.at(behind) + "[dns]\nservers = ['" +
              dns.endpoint().to_string() + "']\n[checks.early_talker]\npause = '0s'\n" + toml;
  if (const auto at = text.find("CERTIFICATE"); at != text.npos) text.replace(at, 11, pem);
  const auto loaded = proxy::parse_config(text, "test.toml");
  for (const auto& error : loaded.errors) throw std::invalid_argument(error.format("test.toml"));
  known.policy = std::make_shared<const proxy::Policy>(loaded.config);
  known.limits = known.pressed = loaded.config->limits;
  known.places = 100;
  return known;
}

bool World::turn() {
  const auto before = dns.seen.size();
  const auto awake = reactor.defer([] {});
  reactor.turn();
  return server.turn() || dns.seen.size() != before;
}

// --- one dialog ---------------------------------------------------------------------------------

Stage::Stage(const std::string& toml, Behind behind)
    : world_(World::get()), behind_(behind), published_(world_.published(toml, behind)) {
  world_.dns.seen.clear();
  world_.server.begin_anew(behind);
  auto listener = proxy::open_listener(*dns::Endpoint::parse("127.0.0.1:0"), false);
  address_ = proxy::local_endpoint(listener->get());
  std::vector<Fd> sockets;
  sockets.push_back(*std::move(listener));
  const Program program;
  const auto& config = published_.policy->config();
  shared_ = std::make_unique<proxy::Shared>(world_.clock, *world_.journal, nullptr);
  shared_->standing.configure(config.standing);
  shared_->greylist.configure(config.greylist);
  shared_->backends.configure(config);
  worker_ = std::make_unique<proxy::Worker>(*shared_, std::move(sockets), published_);
}

Stage::~Stage() {
  clients_.clear();
  const Program program;
  worker_.reset();
  shared_.reset();
}

bool Stage::turn() {
  {
    const Program program;
    worker_->turn();
  }
  bool busy = world_.turn();
  for (auto& client : clients_) busy |= client.turn();
  return busy;
}

// What nothing but time brings on is waited for in steps: first of a worker's sweep, then longer.
bool Stage::until(const std::function<bool()>& done) {
  std::chrono::nanoseconds waited{};
  for (int idle = 0; !done();) {
    idle = turn() ? 0 : idle + 1;
    if (idle < 4) continue;
    if (waited > kPatience) return false;
    const std::chrono::nanoseconds step = waited < 2s ? 100ms : waited < 30s ? 1s : 5s;
    Machine::advance(step);
    waited += step;
  }
  return true;
}

void Stage::wait(std::chrono::milliseconds time) {
  for (auto left = time; left > 0ms; left -= 1s) {
    for (int i = 0; i < 3; ++i) turn();
    Machine::advance(1s);
  }
}

Client& Stage::connect(const std::string& from) { return clients_.emplace_back(from, address_); }

int Stage::reply(Client& client, size_t number) {
  const auto is_there = [&] { return client.codes.size() >= number || !client.open(); };
  if (!until(is_there)) blame("a client waits in vain for reply " + std::to_string(number));
  if (client.codes.size() < number) client.leave();
  return client.codes.size() < number ? 0 : client.codes[number - 1];
}

int Stage::ask(Client& client, const std::string& line) {
  if (!client.open()) return 0;
  const auto heard = client.codes.size();
  client.say(line + "\r\n");
  const int code = reply(client, heard + 1);
  if (code >= 500 && !line.starts_with("RCPT TO:<no@"))
    blame("a fault of ours refused for good: " + line.substr(0, 40));
  return code;
}

bool Stage::secure(Client& client) {
  if (ask(client, "STARTTLS") != 220) return false;
  client.start_tls(world_.tls.get());
  if (!until([&] { return client.secure() || !client.open(); })) blame("no end of a handshake");
  return client.open();
}

bool Stage::open_mail(Client& client, const std::vector<std::string>& to) {
  sent.push_back({"a@client.example", {}, "", false, 0});
  auto& mail = sent.back();
  if (ask(client, "MAIL FROM:<" + mail.from + ">") != 250) return false;
  for (const auto& one : to)
    if (ask(client, "RCPT TO:<" + one + ">") == 250) mail.to.push_back(one);
  return !mail.to.empty() && ask(client, "DATA") == 354;
}

std::string Stage::fresh_text(size_t size) {
  static size_t number = 0;
  auto text = "Subject: " + std::to_string(++number) + "\r\n\r\n";
  while (text.size() < size) text += "All lines of this text are equal, for nobody reads it.\r\n";
  return text;
}

bool Stage::mail(Client& client, const std::vector<std::string>& to, size_t size) {
  if (!open_mail(client, to)) return client.open();
  auto& mail = sent.back();
  mail.text = fresh_text(size);
  mail.whole = true;
  mail.code = ask(client, mail.text + ".");
  return client.open();
}

void Stage::quit(Client& client) {
  if (ask(client, "QUIT") != 0 && !until([&] { return !client.open(); }))
    blame("the connection stays open behind QUIT");
}

void Stage::drain() {
  draining_ = true;
  worker_->drain([this] { drained_ = true; });
}

// --- what must be true --------------------------------------------------------------------------

std::string Stage::look_at(const Sent& mail) const {
  const auto& messages = world_.server.messages;
  const auto taken = std::count_if(messages.begin(), messages.end(), [&](const auto& message) {
    return !mail.text.empty() && without_trace(message.text) == mail.text;
  });
  if (taken > 1) return "a message came twice";
  if (taken == 1 && !mail.whole) return "a message without its dot was delivered";
  if (mail.code == 250 && taken == 0) return "a false 250";
  return "";
}

// Whatever the server took is what some client sent, to those whom that client knows to be
// accepted.
std::string Stage::look_at_messages() const {
  for (const auto& message : world_.server.messages) {
    const auto text = without_trace(message.text);
    const auto of =
        std::find_if(sent.begin(), sent.end(), [&](const auto& mail) { return mail.text == text; });
    if (text.empty() || of == sent.end()) return "a message that nobody sent: " + message.text;
    if (message.envelope != envelope_of(*of)) return "another envelope";
    if (message.secure != (behind_ == Behind::SecureSmtp)) return "a message in the clear";
  }
  for (const auto& mail : sent)
    if (auto wrong = look_at(mail); !wrong.empty()) return wrong;
  return "";
}

// Nothing is held for those who have gone.
std::string Stage::look_at_rest() {
  for (auto& client : clients_) client.leave();
  clients_.clear();
  if (!until([this] { return worker_->sessions() == 0; })) return "a session is left";
  if (!until([this] { return shared_->places.in_use() == 0; })) return "a place is left";
  if (shared_->handshakes.in_use() != 0) return "a handshake is left";
  if (shared_->bounces.in_use() != 0) return "a null sender is left";
  const auto settled = [this] {
    const auto backend = shared_->backends.snapshot()[0];
    return backend.ties == 0 && backend.waiting == 0 && backend.open == world_.server.open();
  };
  return until(settled) ? "" : "a permit, a tie or a place in the line is left";
}

std::string Stage::look() {
  if (auto wrong = look_at_rest(); !wrong.empty()) blame(wrong);
  if (auto wrong = look_at_messages(); !wrong.empty()) blame(wrong);
  return trouble_;
}

std::string Stage::try_next() {
  if (draining_) return "";
  world_.server.rules = MailServer::kind();
  wait(15s);
  auto& client = connect(kOther);
  if (greeting(client) != 220) return "the next dialog: greeting";
  if (ask(client, "EHLO client.example") != 250) return "the next dialog: EHLO";
  mail(client, {"yes@mx.example", "no@mx.example"});
  const std::vector<int> wanted{220, 250, 250, 250, 550, 354, 250};
  if (client.codes != wanted) return "the next dialog went otherwise";
  quit(client);
  return look();
}

std::string Stage::end() {
  if (!draining_) drain();
  if (!until([this] { return drained_; })) return "the worker does not end";
  worker_->stop(false);
  if (!until([this] { return world_.server.open() == 0; })) return "a backend is not let go";
  return trouble_;
}

}  // namespace ravelin::test
