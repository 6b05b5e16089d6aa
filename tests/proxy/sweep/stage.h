// Everything of the program but its main thread, on real sockets, and the world around it: one
// worker with all that workers share, clients, a mail server, a DNS server; all in turns, on one
// thread. It remembers what was sent, and knows what must be true in the end.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "client.h"
#include "machine.h"
#include "mail_server.h"
#include "proxy/config/loader.h"
#include "proxy/event/library_log.h"
#include "proxy/observe/log_journal.h"
#include "proxy/shared.h"
#include "proxy/worker.h"
#include "support/certificates.h"
#include "support/fake_dns_server.h"
#include "support/memory_failure.h"
#include "support/poll_reactor.h"
#include "support/temp_dir.h"

namespace ravelin::test {

using namespace std::chrono_literals;

// What outlives a dialog: made once, for it takes time.
class World {
 public:
  World();
  static World& get();

  const proxy::Published& published(const std::string& toml, Behind behind);
  bool turn();

  PollReactor reactor;  // of the DNS server
  FakeDnsServer dns{reactor};
  proxy::SystemClock clock;
  MailServer server;
  using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
  Context tls;              // of clients
  std::string certificate;  // of the mail server, and its key
  std::unique_ptr<proxy::LogJournal> journal;

 private:
  TempDir dir_;
  Context server_tls_;
  proxy::LibraryLog quiet_{[](std::string_view) {}};
  std::shared_ptr<const proxy::LineFormat> format_;
  std::unique_ptr<proxy::LogWriter> writer_;
  std::map<std::pair<std::string, Behind>, proxy::Published> published_;
};

// One mail that a client sent.
struct Sent {
  std::string from;
  std::vector<std::string> to;  // whom the client knows to be accepted
  std::string text;             // "" before 354
  bool whole = false;           // with its dot
  int code = 0;                 // of the reply to it
};

class Stage {
 public:
  Stage(const std::string& toml, Behind behind);
  ~Stage();

  // A client has come, or has sent |line|: the code of the reply, 0 if the connection has ended.
  Client& connect(const std::string& from = kClient);
  int greeting(Client& client) { return reply(client, 1); }
  int ask(Client& client, const std::string& line);
  bool secure(Client& client);  // STARTTLS
  // One mail from MAIL on. What is refused ends it. True unless the connection is no more.
  bool mail(Client& client, const std::vector<std::string>& to, size_t size = 20);
  // Its beginning: true if the text may be sent.
  bool open_mail(Client& client, const std::vector<std::string>& to);
  void quit(Client& client);
  void drain();  // the worker; there is no next dialog then
  void wait(std::chrono::milliseconds time);
  // Turns until |done|; false if that does not come in half an hour.
  bool until(const std::function<bool()>& done);
  bool turn();
  std::string fresh_text(size_t size);

  // "" or what is wrong, after the dialog; ends it.
  std::string look();
  // "" or what is wrong with a dialog like any.
  std::string try_next();
  // "" or what is wrong when the worker ends.
  std::string end();

  proxy::Worker& worker() { return *worker_; }
  const proxy::Published& published() const { return published_; }

  std::vector<Sent> sent;

  static constexpr const char* kClient = "127.1.1.1";
  static constexpr const char* kOther = "127.2.2.2";
  static constexpr const char* kBalancer = "127.3.3.3";

 private:
  int reply(Client& client, size_t number);
  std::string look_at(const Sent& mail) const;
  std::string look_at_messages() const;
  std::string look_at_rest();
  void blame(std::string what) {
    if (trouble_.empty()) trouble_ = std::move(what);
  }

  World& world_;
  const Behind behind_;
  const proxy::Published& published_;
  std::unique_ptr<proxy::Shared> shared_;
  std::unique_ptr<proxy::Worker> worker_;
  dns::Endpoint address_;
  std::list<Client> clients_;
  std::string trouble_;
  bool draining_ = false;
  bool drained_ = false;
};

inline size_t descriptors() {
  namespace fs = std::filesystem;
  const auto all = fs::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(fs::begin(all), fs::end(all)));
}

}  // namespace ravelin::test
