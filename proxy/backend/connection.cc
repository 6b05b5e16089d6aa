#include "proxy/backend/connection.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include "proxy/backend/client_text.h"
#include "smtp/address.h"

namespace ravelin::proxy {
namespace {

using smtp::Reply;
using smtp::Step;
using namespace std::chrono_literals;

constexpr auto kFarewell = 2s;  // for the other side's FIN; the permit is held that long

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

// "mx.example.com Hello ravelin.example.net [192.0.2.25], pleased to meet you": who we are there.
std::optional<dns::IpAddress> address_in(std::string_view line) {
  const auto open = line.find('[');
  const auto close = line.find(']', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  auto text = line.substr(open + 1, close - open - 1);
  if (text.starts_with("IPv6:")) text.remove_prefix(5);
  return dns::IpAddress::parse(text);
}

}  // namespace

ConnectFault Lost::fault() const {
  if (why == Why::Busy) return ConnectFault::Full;
  if (why == Why::NoPort) return ConnectFault::Ours;
  if (why == Why::Stranger) return ConnectFault::None;
  return ConnectFault::Down;
}

std::string_view Lost::text() const {
  switch (why) {
    case Why::Connect:
      return "cannot be connected to";
    case Why::NoPort:
      return "no local port or descriptor to connect from";
    case Why::Busy:
      return "takes no more connections";
    case Why::Rejected:
      return "refuses our connection";
    case Why::Nonsense:
      return "does not speak SMTP";
    case Why::Refused:
      return "refused the text half-way";
    case Why::Closed:
      return "closed the connection";
    case Why::Silent:
      return "does not answer";
    case Why::Stranger:
      return "does not take the client that we name";
    case Why::Tls:
      return "cannot be talked to in TLS";
  }
  return "";
}

BackendConnection::BackendConnection(std::shared_ptr<Backend> backend, const Place& place,
                                     Permit permit, ConnectionUser& user)
    : ending_(place.ending),
      backend_(std::move(backend)),
      permit_(std::move(permit)),
      reactor_(place.reactor),
      connector_(place.connector),
      hostname_(place.hostname),
      user_(&user),
      dialog_(smtp::ReplyLimits{}, *this) {
  facts_.secrecy = backend_->settings().secrecy;
}

BackendConnection::BackendConnection(const std::shared_ptr<Backend>& backend, const Place& place,
                                     HandedOver& parcel)
    : ending_(place.ending),
      backend_(backend),
      permit_(std::move(parcel.permit)),
      reactor_(place.reactor),
      connector_(place.connector),
      hostname_(place.hostname),
      user_(nullptr),
      facts_(std::move(parcel.facts)),
      dialog_(smtp::ReplyLimits{}, *this, /*expect_banner=*/false),
      connecting_(false),
      ready_(true) {
  dialog_.set_pipelining(facts_.offers.pipelining);
  stream_ = connector_.adopt({parcel.fd.release(), std::move(parcel.tls)}, *this);
  touch();
}

// --- from connect() to ready
// ----------------------------------------------------------------------

void BackendConnection::connect(std::vector<dns::Endpoint> addresses,
                                std::chrono::milliseconds limit) {
  assert(!addresses.empty());
  std::reverse(addresses.begin(), addresses.end());
  untried_ = std::move(addresses);
  connect_limit_ = limit;
  ++backend_->counters.connects;
  try_next();
}

void BackendConnection::try_next() {
  facts_.peer = untried_.back();
  untried_.pop_back();
  if (stream_) reactor_.retire(std::shared_ptr<Stream>(std::move(stream_)));
  stream_ = connector_.connect(facts_.peer, connect_limit_, *this);
}

void BackendConnection::on_connected() {
  connecting_ = false;
  facts_.opened = reactor_.now();
  facts_.local = stream_->local_address();
  touch();
  if (!introduction_.proxy_header) return;
  whole([this] {
    stream_->write(introduction_.header());
    facts_.introduced = introduction_.client.has_value();
  });
}

void BackendConnection::on_banner(const Reply& reply) {
  if (!reply.positive() || reply.code / 100 != 2)
    return refused(reply.transient() ? Lost::Why::Busy : Lost::Why::Rejected, reply);
  facts_.greeting_name = smtp::to_lower(first_word(reply.lines.front()));
  facts_.exim = reply.text().find("Exim") != std::string::npos;
  facts_.lmtp = backend_->settings().lmtp;
  say_hello(Step::Ehlo);
}

// Who speaks for a client says its name, too: backends judge it, and log it.
void BackendConnection::say_hello(Step step) {
  const bool named = facts_.introduced && !introduction_.client->helo.empty();
  const auto verb = facts_.lmtp ? "LHLO" : smtp::step_name(step);
  send(step, std::string(verb) + ' ' + (named ? introduction_.client->helo : hostname_));
}

void BackendConnection::on_ehlo(const Reply& reply) {
  const bool unknown = reply.code == 500 || reply.code == 502;
  if (unknown && !facts_.lmtp) return say_hello(Step::Helo);
  if (reply.code / 100 != 2)
    return refused(Lost::Why::Rejected, reply, facts_.lmtp ? " (in reply to LHLO)" : "");
  facts_.offers = smtp::parse_ehlo_reply(reply);
  if (!facts_.verified) facts_.offers.requiretls = false;  // RFC 8689 §4.2.1
  // To one that speaks for a client it names the client.
  if (!facts_.introduced) facts_.our_address = address_in(reply.lines.front());
  dialog_.set_pipelining(facts_.offers.pipelining);
  const auto& secrecy = *facts_.secrecy;
  if (secrecy.mode == BackendTls::Off || !facts_.tls.empty()) return greeted();
  if (!facts_.offers.starttls) return in_the_clear("it offers no STARTTLS");
  if (secrecy.optional() && backend_->shuns_tls(reactor_.now())) return greeted();
  if (!secrecy.client) return lose(Lost::Why::Tls, secrecy.trouble);
  send(Step::Starttls, "STARTTLS");
}

void BackendConnection::on_helo(const Reply& reply) {
  if (reply.code / 100 != 2) return refused(Lost::Why::Rejected, reply);
  if (!facts_.introduced) facts_.our_address = address_in(reply.lines.front());
  facts_.tls.empty() ? in_the_clear("it knows no EHLO") : greeted();
}

// The backend does not offer more.
void BackendConnection::in_the_clear(std::string_view why) {
  facts_.secrecy->optional() ? greeted() : lose(Lost::Why::Tls, std::string(why));
}

// A handshake in the middle of feed() would read what came behind the 220, in the clear and perhaps
// from somebody in between, as if it had been said in TLS. The dialog takes such bytes for
// nonsense.
void BackendConnection::on_starttls(const Reply& reply) {
  if (reply.code == 220) {
    secure_next_ = true;
    return;
  }
  if (reply.code == 421) return lose(Lost::Why::Busy, to_log(reply));
  if (!facts_.secrecy->optional() || reply.positive()) return lose(Lost::Why::Tls, to_log(reply));
  backend_->shun_tls(reactor_.now());
  tls_refusal_ = to_log(reply);
  greeted();
}

void BackendConnection::secure() {
  if (!std::exchange(secure_next_, false)) return;
  securing_ = true;
  const auto& secrecy = *facts_.secrecy;
  stream_->start_tls(*secrecy.client, secrecy.name_at(backend_->host()));
}

// What was offered in the clear counts no more.                                     RFC 3207 §4.2
void BackendConnection::on_secured(const TlsFacts& tls) {
  if (lost_ || leaving_) return;
  const auto alive = shared_from_this();
  whole([&] {
    securing_ = false;
    facts_.tls = tls.version;
    facts_.verified = tls.verified && facts_.secrecy->mode == BackendTls::Verify;
    facts_.offers = {};
    ++backend_->counters.secured;
    dialog_.set_pipelining(false);
    say_hello(Step::Ehlo);
    flush();
  });
}

// In TLS, if that is to be.
void BackendConnection::greeted() {
  if (introduction_.client && !facts_.introduced) return say_xclient();
  become_ready();
}

// Mail must not come to a backend that judges clients as if it were ours: without XCLIENT it goes
// nowhere.
void BackendConnection::say_xclient() {
  xclient_ = xclient_lines(facts_.offers, *introduction_.client);
  std::reverse(xclient_.begin(), xclient_.end());
  if (xclient_.empty()) return lose(Lost::Why::Stranger, "it offers no XCLIENT to us");
  send(Step::Xclient, xclient_.back());
}

// After the last line the dialog is where it was at the banner, and what was offered is forgotten.
void BackendConnection::on_xclient(const Reply& reply) {
  if (reply.code / 100 != 2) return lose(Lost::Why::Stranger, to_log(reply));
  xclient_.pop_back();
  if (!xclient_.empty()) return send(Step::Xclient, xclient_.back());
  facts_.introduced = true;
  facts_.offers = {};
  dialog_.set_pipelining(false);
  say_hello(Step::Ehlo);
}

void BackendConnection::become_ready() {
  ready_ = true;
  touch();
  permit_.connected(reactor_.now());
  backend_->worked(facts_.peer);
  if (!facts_.introduced) backend_->learn(facts_.offers);  // to one client it may offer less
  if (user_ != nullptr) user_->on_ready(*this);
}

// --- the stream
// ------------------------------------------------------------------------------------

// It lives until its own callback has returned, whatever becomes of it there.
size_t BackendConnection::on_data(std::string_view data) {
  const auto alive = shared_from_this();
  whole([&] {
    if (!dialog_.feed(data)) return;
    flush();
    secure();
  });
  return data.size();
}

void BackendConnection::on_drained() {
  if (user_ != nullptr && !lost_) user_->on_room(*this);
}

void BackendConnection::on_end(StreamEnd end) {
  const auto alive = shared_from_this();
  backend_->see(reactor_.now());
  if (leaving_) return reactor_.retire(ending_.take(*this));
  if (connecting_ && end != StreamEnd::NoAddress && !untried_.empty()) {
    try {
      return try_next();
    } catch (const std::bad_alloc&) {
      end = StreamEnd::NoAddress;
    }
  }
  ended_ = true;
  if (securing_) return lose(Lost::Why::Tls, smtp::sanitise(stream_->trouble()));
  if (!connecting_) return lose(Lost::Why::Closed);
  lose(end == StreamEnd::NoAddress ? Lost::Why::NoPort : Lost::Why::Connect);
}

void BackendConnection::on_reply(Step step, const Reply& reply) {
  if (lost_) return;
  switch (step) {
    case Step::Banner:
      return on_banner(reply);
    case Step::Ehlo:
      return on_ehlo(reply);
    case Step::Helo:
      return on_helo(reply);
    case Step::Xclient:
      return on_xclient(reply);
    case Step::Starttls:
      return on_starttls(reply);
    default:
      count(step, reply);
      if (user_ != nullptr) user_->on_reply(*this, step, reply);
  }
}

// What the backend's patience depends on, whoever uses the connection.
void BackendConnection::count(Step step, const Reply& reply) {
  backend_->heard(reactor_.now());
  if (!reply.positive()) ++facts_.refusals;  // Postfix counts all, 4xx too, as the client's errors
  switch (step) {
    case Step::Rset:
      facts_.mail_open = false;
      break;
    case Step::Mail:
      facts_.mail_open = reply.positive();
      if (!reply.positive()) backend_->refused_sender(reactor_.now());
      break;
    case Step::Rcpt:
      if (reply.permanent()) ++backend_->counters.refusals;
      break;
    case Step::Dot:
      // By LMTP it is said again for each recipient, and is one message all the same.
      if (reply.code / 100 == 2 && facts_.mail_open) {
        facts_.message_accepted();
        ++backend_->counters.messages;
      }
      if (dialog_.outstanding() == 0) facts_.mail_open = false;
      break;
    default:
      break;
  }
}

void BackendConnection::on_nonsense(std::string_view what) {
  lose(Lost::Why::Nonsense, std::string(what));
}

void BackendConnection::on_text_refused(const Reply& reply) {
  lose(Lost::Why::Refused, to_log(reply), reply);
}

// What is said to one client, at its greeting, is no word about the backend.
void BackendConnection::refused(Lost::Why why, const Reply& reply, std::string_view where) {
  lose(facts_.introduced ? Lost::Why::Stranger : why, to_log(reply) + std::string(where));
}

void BackendConnection::overdue() { lose(securing_ ? Lost::Why::Tls : Lost::Why::Silent); }

void BackendConnection::lose(Lost::Why why, std::string said, std::optional<Reply> refusal) {
  if (std::exchange(lost_, true)) return;
  const Lost lost{why, std::move(said), std::move(refusal)};
  // A backend that mail can reach in the clear is not down, nor is one that refuses a client.
  const bool up = why == Lost::Why::Tls && facts_.secrecy->optional();
  const bool strange = facts_.introduced || !xclient_.empty();
  if (!ready_ && !up) permit_.failed(strange ? ConnectFault::None : lost.fault(), reactor_.now());
  if (user_ != nullptr) user_->on_lost(*this, lost);
}

// --- its user
// --------------------------------------------------------------------------------------

void BackendConnection::send(Step step, std::string_view line) {
  if (step == Step::Rset) ++facts_.resets;
  if (step == Step::Mail) ++facts_.mails, facts_.rcpts = 0;
  if (step == Step::Rcpt) ++facts_.rcpts;
  whole([&] { dialog_.send(step, line); });
}

void BackendConnection::send_text(std::string_view text, bool last, size_t replies) {
  whole([&] { dialog_.send_text(text, last, replies); });
}

void BackendConnection::flush() {
  if (!stream_) return;
  whole([&] {
    auto output = dialog_.take_output();
    if (!output.empty()) stream_->write_whole(std::move(output));
  });
}

// --- its end
// --------------------------------------------------------------------------------------

BackendConnection& BackendConnection::end(ConnectionPtr connection) noexcept {
  auto& ending = *connection;
  ending.user_ = nullptr;
  ending.backend_->see(ending.reactor_.now());
  ending.claim_.end();
  ending.pipeline_.cut_off();
  if (ending.ended_ || ending.stream_ == nullptr) {
    ending.reactor_.retire(std::move(connection));
  } else {
    ending.leaving_ = true;
    ending.ending_.push_back(std::move(connection));
  }
  return ending;
}

void BackendConnection::quit(ConnectionPtr connection) noexcept {
  if (!connection->usable()) return drop(std::move(connection));
  auto& ending = end(std::move(connection));
  try {
    if (ending.idle()) ending.send(Step::Quit, "QUIT");
    ending.flush();
  } catch (const std::bad_alloc&) {
    ending.spoiled_ = true;
  }
  ending.lost_ = true;
  if (ending.leaving_) ending.stream_->finish_after_peer(kFarewell);
}

void BackendConnection::drop(ConnectionPtr connection) noexcept {
  auto& ending = end(std::move(connection));
  ending.lost_ = true;
  if (ending.leaving_) ending.stream_->cut(kFarewell);
}

bool BackendConnection::detach(HandedOver& parcel) noexcept {
  if (!idle()) return false;
  auto detached = stream_->detach();
  if (detached.fd < 0) return false;
  parcel.facts = std::move(facts_);
  parcel.claim = std::move(claim_);
  parcel.permit = std::move(permit_);
  parcel.tls = std::move(detached.tls);
  parcel.fd = Fd(detached.fd);
  lost_ = ended_ = true;
  return true;
}

std::string BackendConnection::relay() const {
  return backend_->host() + "[" + facts_.peer.address.to_string() +
         "]:" + std::to_string(facts_.peer.port);
}

}  // namespace ravelin::proxy
