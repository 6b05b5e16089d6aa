// One connection to a backend: greeting, EHLO, and then whatever its user sends. Who uses it, and
// for what, is decided outside; the connection counts what the backend's patience depends on.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/connection_list.h"
#include "proxy/backend/facts.h"
#include "proxy/backend/introduction.h"
#include "proxy/backend/permit.h"
#include "proxy/backend/pipeline.h"
#include "proxy/event/stream.h"
#include "smtp/backend_dialog.h"

namespace ravelin::proxy {

// How a connection was lost.
struct Lost {
  enum class Why : uint8_t {
    Connect,   // refused, unreachable, timeout
    NoPort,    // our own trouble
    Busy,      // 421 or 4xx at the banner
    Rejected,  // 5xx at the banner, or EHLO and HELO refused, or LHLO
    Nonsense,  // what came was no SMTP
    Refused,   // the text, before its end
    Closed,    // end of stream or reset
    Silent,    // greeting took too long
    Stranger,  // it takes no XCLIENT from us, or not the client that it was told of
    Tls,       // cannot be had, or fails
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
  // The end. Only dropping is left to do. If memory runs out before that, whoever has the
  // connection finds at the next sweep that it is not usable().
  virtual void on_lost(BackendConnection& connection, const Lost& lost) = 0;

 protected:
  ~ConnectionUser() = default;
};

// Made with make_shared: ending one must not need memory. It has one owner at a time all the same.
class BackendConnection final : public dns::Retirable,
                                public std::enable_shared_from_this<BackendConnection>,
                                StreamEvents,
                                smtp::BackendDialog::Events {
 public:
  // What is needed of a worker. |reactor| and |connector| must outlive the connection, the others
  // only as long as it is not retired.
  struct Place {
    Reactor& reactor;
    Connector& connector;
    const std::string& hostname;  // for EHLO
    ConnectionList& ending;       // where it waits for the other side to close
  };
  BackendConnection(std::shared_ptr<Backend> backend, const Place& place, Permit permit,
                    ConnectionUser& user);
  // One that another thread gave away, and of which |parcel| keeps the claim; nobody uses it yet.
  BackendConnection(const std::shared_ptr<Backend>& backend, const Place& place,
                    HandedOver& parcel);
  ~BackendConnection() = default;
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;

  // Before connect(). Without it, it is a connection of our own and says nothing of it.
  void introduce(Introduction introduction) { introduction_ = std::move(introduction); }
  // One address after the other, each for |limit|. on_ready() or on_lost() follows. |addresses| is
  // not empty.
  void connect(std::vector<dns::Endpoint> addresses, std::chrono::milliseconds limit);

  // Null while nobody uses it; what comes then is a loss that its keeper sees.
  void set_user(ConnectionUser* user) { user_ = user; }

  // Runs what must not be done by halves: if memory runs out in |act|, nothing is sent any more. A
  // dialog of which a part is missing must not go on.
  template <class Do>
  void whole(const Do& act) {
    if (!usable()) return;
    try {
      act();
    } catch (const std::bad_alloc&) {
      spoiled_ = true;
      throw;
    }
  }
  void send(smtp::Step step, std::string_view line);
  // Clean text, stuffed on the way; its end is answered by |replies| replies.
  void send_text(std::string_view text, bool last, size_t replies = 1);
  void flush();  // what was sent since the last one, in one write
  bool congested() const { return stream_->congested(); }
  // False once it is lost, or memory has run out in the middle of what was to be sent.
  bool usable() const { return !lost_ && !spoiled_; }
  bool idle() const { return ready_ && usable() && dialog_.idle(); }
  // Replies still to come, to all that was asked; and is none of them for its user? That to a DATA
  // which was said ahead is for whoever sends the text.
  size_t outstanding() const { return dialog_.outstanding(); }
  bool turn_over() const {
    const size_t ahead = text_due() ? 1 : 0;
    return ready_ && usable() && !dialog_.in_text() && outstanding() == pipeline_.replies() + ahead;
  }
  // It can carry a message and nothing else.
  bool text_due() const { return dialog_.text_due(); }
  Pipeline& pipeline() { return pipeline_; }
  const Pipeline& pipeline() const { return pipeline_; }

  // Both end it, from anywhere; |connection| is consumed, and nobody hears of it again. The permit
  // is held until the other side has closed, too, which counts it until then: at most 2 s.
  //
  // With QUIT, so that TIME_WAIT is theirs.
  static void quit(ConnectionPtr connection) noexcept;
  // At once, and whatever it is in the middle of: then our FIN, and never a dot, so that half a
  // message cannot be taken for a whole one.
  static void drop(ConnectionPtr connection) noexcept;
  // For another thread. False, and nothing has changed, if there are bytes on their way. Afterwards
  // only drop it.
  bool detach(HandedOver& parcel) noexcept;

  bool greeting_overdue(dns::Time now, std::chrono::nanoseconds limit) const {
    return !ready_ && !connecting_ && now - since_ >= limit;
  }
  void overdue();  // ends in on_lost(Silent)
  // The stream has ended: the other side counts it no more.
  bool ended() const { return ended_; }
  // For a connection that takes its place; afterwards only drop this one.
  Permit take_permit() { return std::move(permit_); }

  Facts& facts() { return facts_; }
  const Facts& facts() const { return facts_; }
  Backend& backend() const { return *backend_; }
  dns::Time idle_since() const { return since_; }
  void touch() { since_ = reactor_.now(); }
  // Whom it is for.
  Claim& claim() { return claim_; }
  // What it said to STARTTLS, if it would not and mail may go without; else "".
  const std::string& tls_refusal() const { return tls_refusal_; }
  std::string relay() const;  // "mail.internal[192.0.2.7]:25"

 private:
  void on_connected() override;
  size_t on_data(std::string_view data) override;
  void on_drained() override;
  void on_secured(const TlsFacts& tls) override;
  void on_end(StreamEnd end) override;
  void on_reply(smtp::Step step, const smtp::Reply& reply) override;
  void on_text_refused(const smtp::Reply& reply) override;
  void on_nonsense(std::string_view what) override;

  void try_next();
  void on_banner(const smtp::Reply& reply);
  void say_hello(smtp::Step step);
  void on_ehlo(const smtp::Reply& reply);
  void on_helo(const smtp::Reply& reply);
  void greeted();
  void say_xclient();
  void on_xclient(const smtp::Reply& reply);
  void on_starttls(const smtp::Reply& reply);
  void in_the_clear(std::string_view why);
  void secure();
  void become_ready();
  void count(smtp::Step step, const smtp::Reply& reply);
  void refused(Lost::Why why, const smtp::Reply& reply, std::string_view where = {});
  void lose(Lost::Why why, std::string said = {}, std::optional<smtp::Reply> refusal = {});
  // Takes the connection from whoever has it.
  static BackendConnection& end(ConnectionPtr connection) noexcept;

  friend class ConnectionList;
  ConnectionList::Place listed_;
  ConnectionList& ending_;
  std::shared_ptr<Backend> backend_;
  Permit permit_;  // above stream_: given back after the connection is closed
  Claim claim_;
  Reactor& reactor_;
  Connector& connector_;
  const std::string hostname_;
  ConnectionUser* user_;
  Facts facts_;
  Introduction introduction_;
  smtp::BackendDialog dialog_;
  Pipeline pipeline_;
  std::unique_ptr<Stream> stream_;
  std::vector<dns::Endpoint> untried_;  // last first
  std::chrono::milliseconds connect_limit_{};
  std::vector<std::string> xclient_;  // lines still to be said, last first
  dns::Time since_{};                 // connected, or idle
  bool connecting_ = true;
  bool ready_ = false;
  bool secure_next_ = false;  // once this input is read, and nothing came behind the 220
  bool securing_ = false;
  std::string tls_refusal_;
  bool leaving_ = false;  // in |ending_|
  bool ended_ = false;    // the stream has
  bool lost_ = false;
  bool spoiled_ = false;
};

}  // namespace ravelin::proxy
