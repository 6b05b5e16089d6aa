#include "proxy/live_backend.h"

#include <utility>

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

LiveBackend::LiveBackend(std::string hostname, std::string domain, std::string nobody,
                         bool xforward, std::function<void()> done)
    : hostname_(std::move(hostname)),
      domain_(std::move(domain)),
      nobody_(std::move(nobody)),
      xforward_(xforward),
      done_(std::move(done)),
      dialog_(smtp::ReplyLimits{}, *this) {}

void LiveBackend::connect(Connector& connector, const dns::Endpoint& to,
                          std::chrono::milliseconds limit) {
  stream_ = connector.connect(to, limit, *this);
  dialog_.send(smtp::Step::Ehlo, "EHLO " + hostname_);
}

size_t LiveBackend::on_data(std::string_view data) {
  if (dialog_.feed(data)) flush();
  return data.size();
}

void LiveBackend::on_end(StreamEnd end) {
  if (!done_) return;
  found_.trouble = end_text(end);
  conclude();
}

// Banner, EHLO, XFORWARD if wanted, then twice MAIL and RCPT. Anything unforeseen is the trouble.
void LiveBackend::on_reply(smtp::Step step, const smtp::Reply& reply) {
  switch (step) {
    case smtp::Step::Rcpt:
      return on_recipient(reply);
    case smtp::Step::Ehlo:
      if (reply.positive()) return after_ehlo(reply);
      break;
    case smtp::Step::Xforward:
      found_.forwarded = reply.positive();
      return;
    default:
      break;
  }
  if (!reply.positive())
    fail(std::string(smtp::step_name(step)) + ": " + std::to_string(reply.code) + ' ' +
         reply.status() + ' ' + reply.text());
}

void LiveBackend::after_ehlo(const smtp::Reply& reply) {
  found_.offers = smtp::parse_ehlo_reply(reply);
  if (xforward_ && !found_.offers.xforward.empty())
    dialog_.send(smtp::Step::Xforward, "XFORWARD ADDR=127.0.0.1");
  ask();
}

void LiveBackend::ask() {
  const auto local = postmaster_asked_ ? nobody_ : "postmaster";
  dialog_.send(smtp::Step::Mail, "MAIL FROM:<>");
  dialog_.send(smtp::Step::Rcpt, "RCPT TO:<" + local + '@' + domain_ + '>');
}

void LiveBackend::on_recipient(const smtp::Reply& reply) {
  if (std::exchange(postmaster_asked_, true)) {
    found_.nobody = reply;
    return finish();
  }
  found_.postmaster = reply;
  dialog_.send(smtp::Step::Rset, "RSET");
  ask();
}

void LiveBackend::flush() {
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
