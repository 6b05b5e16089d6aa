// One connection to a backend: greeting, EHLO, and then whatever its user sends. Who uses it, and
// for what, is decided outside; the connection counts what the backend's patience depends on.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/facts.h"
#include "proxy/event/stream.h"
#include "smtp/backend_dialog.h"

namespace ravelin::proxy {

class BackendConnection;

// How a connection was lost.
struct Lost {
  enum class Why : uint8_t {
    Connect,   // refused, unreachable, timeout
    NoPort,    // our own trouble
    Busy,      // 421 or 4xx at the banner
    Rejected,  // 5xx at the banner, or EHLO and HELO refused
    Nonsense,  // what came was no SMTP
    Refused,   // the text, before its end
    Closed,    // end of stream or reset
    Silent,    // greeting took too long
    Quit,      // our own quit() is done
  };
  Why why = Why::Closed;
  std::string said;                      // sanitised; "" if there were no words
  std::optional<smtp::Reply> refusal{};  // if Refused

  ConnectFault fault() const;
  std::string_view text() const;  // for logs
};

// Called on the loop's thread, from inside the stream's callback. A user may drop the connection
// from here (drop(), or back to a pool), never destroy it.
class ConnectionUser {
 public:
  virtual void on_ready(BackendConnection&) {}
  virtual void on_reply(BackendConnection& connection, smtp::Step step,
                        const smtp::Reply& reply) = 0;
  virtual void on_room(BackendConnection&) {}
  // The end. Only dropping is left to do.
  virtual void on_lost(BackendConnection& connection, const Lost& lost) = 0;

 protected:
  ~ConnectionUser() = default;
};

class BackendConnection final : StreamEvents, smtp::BackendDialog::Events {
 public:
  // What is needed of a worker; all must outlive the connection.
  struct Place {
    Reactor& reactor;
    Connector& connector;
    const std::string& hostname;  // for EHLO
  };
  BackendConnection(std::shared_ptr<Backend> backend, const Place& place, ConnectionUser& user);
  // One that another thread gave away; nobody uses it yet.
  BackendConnection(std::shared_ptr<Backend> backend, const Place& place, const HandedOver& parcel);
  ~BackendConnection() = default;
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;

  // One address after the other, each for |limit|. on_ready() or on_lost() follows. |addresses| is
  // not empty.
  void connect(std::vector<dns::Endpoint> addresses, std::chrono::milliseconds limit);

  // Null while nobody uses it; what comes then is a loss that its keeper sees.
  void set_user(ConnectionUser* user) { user_ = user; }

  void send(smtp::Step step, std::string_view line);
  void send_text(std::string_view text, bool last);  // clean text; stuffed on the way
  void flush();  // what was sent since the last one, in one write
  bool congested() const { return stream_->congested(); }
  bool idle() const { return ready_ && dialog_.idle(); }

  // QUIT, then the other side's FIN, so that TIME_WAIT is theirs. on_lost(Quit) follows.
  void quit();
  // The file descriptor for another thread, or -1. Afterwards only drop it.
  int detach();
  // Ends it now, from anywhere: closed at the end of the turn. |connection| is consumed.
  static void drop(std::unique_ptr<BackendConnection> connection);

  bool greeting_overdue(dns::Time now, std::chrono::nanoseconds limit) const {
    return !ready_ && !connecting_ && now - since_ >= limit;
  }
  void overdue();  // ends in on_lost(Silent)

  Facts& facts() { return facts_; }
  const Facts& facts() const { return facts_; }
  Backend& backend() const { return *backend_; }
  dns::Time idle_since() const { return since_; }
  void touch() { since_ = reactor_.now(); }
  std::string relay() const;  // "mail.internal[192.0.2.7]:25"

 private:
  void on_connected() override;
  size_t on_data(std::string_view data) override;
  void on_drained() override;
  void on_end(StreamEnd end) override;
  void on_reply(smtp::Step step, const smtp::Reply& reply) override;
  void on_text_refused(const smtp::Reply& reply) override;
  void on_nonsense(std::string_view what) override;

  void try_next();
  void on_banner(const smtp::Reply& reply);
  void on_ehlo(const smtp::Reply& reply);
  void on_helo(const smtp::Reply& reply);
  void become_ready();
  void count(smtp::Step step, const smtp::Reply& reply);
  void lose(Lost::Why why, std::string said = {}, std::optional<smtp::Reply> refusal = {});

  std::shared_ptr<Backend> backend_;
  Permit permit_;  // above stream_: given back after the connection is closed
  Reactor& reactor_;
  Connector& connector_;
  const std::string hostname_;
  ConnectionUser* user_;
  Facts facts_;
  smtp::BackendDialog dialog_;
  std::unique_ptr<Stream> stream_;
  std::vector<dns::Endpoint> untried_;  // last first
  std::chrono::milliseconds connect_limit_{};
  dns::Time since_{};  // connected, or idle
  bool connecting_ = true;
  bool ready_ = false;
  bool quitting_ = false;
  bool lost_ = false;
};

}  // namespace ravelin::proxy
