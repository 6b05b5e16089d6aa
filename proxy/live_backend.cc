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
  dialog_.send(smtp::Step::Ehlo, "EHLO " + questions_.hostname);
}

void LiveBackend::on_connected() {
  if (questions_.proxy_header) stream_->write(proxy_v2_local_header());
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

// Banner, EHLO, XFORWARD if wanted, then transactions. Anything unforeseen is the trouble.
void LiveBackend::on_reply(smtp::Step step, const smtp::Reply& reply) {
  ++replies_;
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
  if (questions_.xforward && !found_.offers.xforward.empty())
    dialog_.send(smtp::Step::Xforward, "XFORWARD ADDR=127.0.0.1");
  begin(false);
  ask_next();
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
