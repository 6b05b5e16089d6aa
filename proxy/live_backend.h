// One backend's address, asked for --check --live: connects, and asks about the postmasters and
// about nobody.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/secrecy.h"
#include "proxy/event/stream.h"
#include "smtp/backend_dialog.h"
#include "smtp/capabilities.h"

namespace ravelin::proxy {

struct LiveQuestions {
  std::string hostname;              // for EHLO
  std::vector<std::string> domains;  // whose postmasters are asked for; not empty
  std::string nobody;                // a local part that no mailbox can have, at the first domain
  bool xforward = false;
  bool proxy_header = false;  // it wants one in front of everything
  bool lmtp = false;
  std::shared_ptr<const Secrecy> secrecy{};  // not null
  std::string host{};                        // as it stands in the configuration
};

// Transactions end at RCPT: no mail is sent. Servers count refused recipients and RSETs, and get
// slow or hang up: one invented recipient a connection, all postmasters in one transaction as long
// as they are taken, and no more of them after kMostRefused.
class LiveBackend final : public StreamEvents, smtp::BackendDialog::Events {
 public:
  static constexpr size_t kMostRefused = 4;

  struct Postmaster {
    std::string domain;
    smtp::Reply reply;
  };
  struct Found {
    std::string trouble;      // "" if it answered to the end
    std::string tls;          // "TLSv1.3"; "": in the clear
    bool tls_failed = false;  // that is the trouble
    smtp::Capabilities offers;
    bool forwarded = false;               // XFORWARD was accepted
    std::vector<Postmaster> postmasters;  // in order; the rest was not asked
    smtp::Reply nobody;
  };

  // |done| is called once, from a callback of the stream.
  LiveBackend(LiveQuestions questions, std::function<void()> done);

  void connect(Connector& connector, const dns::Endpoint& to, std::chrono::milliseconds limit);
  // What there is by now; if it is not done, that is its trouble.
  const Found& found() const { return found_; }
  size_t replies() const { return replies_; }  // so far
  void give_up(std::string_view why) { fail(why); }

 private:
  void on_connected() override;
  size_t on_data(std::string_view data) override;
  void on_end(StreamEnd end) override;
  void on_secured(const TlsFacts& tls) override;
  void on_reply(smtp::Step step, const smtp::Reply& reply) override;
  void on_nonsense(std::string_view what) override { fail(what); }

  void after_ehlo(const smtp::Reply& reply);
  bool wants_tls();
  void say_hello();
  void begin(bool anew);
  void ask(const std::string& local, const std::string& domain);
  void ask_next();
  void on_recipient(const smtp::Reply& reply);
  void flush();
  void fail(std::string_view why);
  void finish();
  void conclude();

  const LiveQuestions questions_;
  std::function<void()> done_;
  std::unique_ptr<Stream> stream_;
  smtp::BackendDialog dialog_;
  Found found_;
  size_t replies_ = 0;
  size_t accepted_ = 0;  // recipients of the transaction that is open
  size_t refused_ = 0;   // postmasters
  bool last_ = false;    // nobody was asked for
  bool secure_next_ = false;
};

}  // namespace ravelin::proxy
