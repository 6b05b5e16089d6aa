// One backend, asked for --check --live: connects, and asks about postmaster and about nobody.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event/stream.h"
#include "smtp/backend_dialog.h"
#include "smtp/capabilities.h"

namespace ravelin::proxy {

// Transactions end at RCPT: no mail is sent.
class LiveBackend final : public StreamEvents, smtp::BackendDialog::Events {
 public:
  struct Found {
    std::string trouble;  // "" if it answered to the end
    smtp::Capabilities offers;
    bool forwarded = false;  // XFORWARD was accepted
    smtp::Reply postmaster;
    smtp::Reply nobody;
  };

  // |nobody| is a local part that no mailbox can have. |done| is called once, from a callback of
  // the stream.
  LiveBackend(std::string hostname, std::string domain, std::string nobody, bool xforward,
              std::function<void()> done);

  void connect(Connector& connector, const dns::Endpoint& to, std::chrono::milliseconds limit);
  // What there is by now; if it is not done, that is its trouble.
  const Found& found() const { return found_; }
  void give_up(std::string_view why) { fail(why); }

 private:
  size_t on_data(std::string_view data) override;
  void on_end(StreamEnd end) override;
  void on_reply(smtp::Step step, const smtp::Reply& reply) override;
  void on_nonsense(std::string_view what) override { fail(what); }

  void ask();
  void after_ehlo(const smtp::Reply& reply);
  void on_recipient(const smtp::Reply& reply);
  void flush();
  void fail(std::string_view why);
  void finish();
  void conclude();

  const std::string hostname_;
  const std::string domain_;
  const std::string nobody_;
  const bool xforward_;
  std::function<void()> done_;
  std::unique_ptr<Stream> stream_;
  smtp::BackendDialog dialog_;
  Found found_;
  bool postmaster_asked_ = false;
};

}  // namespace ravelin::proxy
