#include "proxy/live_backend.h"

#include <utility>

#include "proxy/event/proxy_header.h"

namespace ravelin::proxy {
namespace {

std::string_view end_text(StreamEnd end) {
  switch (end) {
    case StreamEnd::ConnectRefused:
      return "cannot connect";
    case StreamEnd::ConnectTimeout:
      return "connecting takes too long";
    case StreamEnd::NoAddress:
      return "this machine cannot open a connection";
    default:
      return "the connection was closed";
  }
}

}  // namespace

LiveBackend::LiveBackend(LiveQuestions questions, std::function<void()> done)
    : questions_(std::move(questions)),
      done_(std::move(done)),
      dialog_(smtp::ReplyLimits{}, *this) {}

void LiveBackend::connect(Connector& connector, const dns::Endpoint& to,
                          std::chrono::milliseconds limit) {
  stream_ = connector.connect(to, limit, *this);
  say_hello();
}

void LiveBackend::say_hello() {
  dialog_.send(smtp::Step::Ehlo, (questions_.lmtp ? "LHLO " : "EHLO ") + questions_.hostname);
}

void LiveBackend::on_connected() {
  if (questions_.proxy_header) stream_->write(proxy_v2_local_header());
}

size_t LiveBackend::on_data(std::string_view data) {
  if (!dialog_.feed(data)) return data.size();
  flush();
  if (done_ && std::exchange(secure_next_, false)) {
    const auto& secrecy = *questions_.secrecy;
    found_.tls_failed = true;  // until it has not
    stream_->start_tls(*secrecy.client, secrecy.name_at(questions_.host));
  }
  return data.size();
}

void LiveBackend::on_secured(const TlsFacts& tls) {
  found_.tls_failed = false;
  found_.tls = tls.version;
  say_hello();
  flush();
}

void LiveBackend::on_end(StreamEnd end) {
  if (!done_) return;
  found_.trouble = found_.tls_failed ? "STARTTLS fails: " + stream_->trouble() : end_text(end);
  conclude();
}

// Banner, EHLO, XFORWARD if wanted, then transactions. Anything unforeseen is the trouble.
void LiveBackend::on_reply(smtp::Step step, const smtp::Reply& reply) {
  ++replies_;
  switch (step) {
    case smtp::Step::Rcpt:
      return on_recipient(reply);
    case smtp::Step::Ehlo:
      if (reply.positive()) return after_ehlo(reply);
      break;
    case smtp::Step::Starttls:
      secure_next_ = reply.code == 220;
      if (secure_next_) return;
      found_.tls_failed = true;
      if (!reply.positive()) break;
      return fail("STARTTLS: " + std::to_string(reply.code));
    case smtp::Step::Xforward:
      found_.forwarded = reply.positive();
      return;
    default:
      break;
  }
  const bool lhlo = step == smtp::Step::Ehlo && questions_.lmtp;
  if (!reply.positive())
    fail(std::string(lhlo ? "LHLO" : smtp::step_name(step)) + ": " + std::to_string(reply.code) +
         ' ' + reply.status() + ' ' + reply.text());
}

void LiveBackend::after_ehlo(const smtp::Reply& reply) {
  found_.offers = smtp::parse_ehlo_reply(reply);
  if (wants_tls()) return;
  if (questions_.xforward && !found_.offers.xforward.empty())
    dialog_.send(smtp::Step::Xforward, "XFORWARD ADDR=127.0.0.1");
  begin(false);
  ask_next();
}

// True: the dialog goes on there, or it is over.
bool LiveBackend::wants_tls() {
  const auto& secrecy = *questions_.secrecy;
  if (secrecy.mode == BackendTls::Off || !found_.tls.empty()) return false;
  if (found_.offers.starttls && secrecy.client) {
    dialog_.send(smtp::Step::Starttls, "STARTTLS");
  } else if (secrecy.optional()) {
    return false;
  } else {
    found_.tls_failed = true;
    fail(secrecy.client ? "it offers no STARTTLS" : secrecy.trouble);
  }
  return true;
}

void LiveBackend::begin(bool anew) {
  if (anew) dialog_.send(smtp::Step::Rset, "RSET");
  dialog_.send(smtp::Step::Mail, "MAIL FROM:<>");
  accepted_ = 0;
}

void LiveBackend::ask(const std::string& local, const std::string& domain) {
  dialog_.send(smtp::Step::Rcpt, "RCPT TO:<" + local + '@' + domain + '>');
}

void LiveBackend::ask_next() {
  const auto asked = found_.postmasters.size();
  if (asked < questions_.domains.size() && refused_ < kMostRefused)
    return ask("postmaster", questions_.domains[asked]);
  last_ = true;
  begin(true);
  ask(questions_.nobody, questions_.domains.front());
}

// Some servers take one recipient only from <>, so a refusal counts if it was the first one.
void LiveBackend::on_recipient(const smtp::Reply& reply) {
  if (last_) {
    found_.nobody = reply;
    return finish();
  }
  if (!reply.positive() && accepted_ > 0) {
    begin(true);
  } else {
    found_.postmasters.push_back({questions_.domains[found_.postmasters.size()], reply});
    ++(reply.positive() ? accepted_ : refused_);
  }
  ask_next();
}

void LiveBackend::flush() {
  if (!done_) return;  // QUIT was the last word
  if (const auto output = dialog_.take_output(); !output.empty()) stream_->write(output);
}

void LiveBackend::fail(std::string_view why) {
  if (!done_) return;
  found_.trouble = why;
  finish();
}

void LiveBackend::finish() {
  stream_->write("QUIT\r\n");
  stream_->finish();
  conclude();
}

void LiveBackend::conclude() {
  const auto done = std::exchange(done_, nullptr);
  done();
}

}  // namespace ravelin::proxy
