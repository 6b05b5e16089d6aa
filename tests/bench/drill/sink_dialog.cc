#include "tests/bench/drill/sink_dialog.h"

#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ravelin::drill {
namespace {

constexpr size_t kInputAhead = 65536;
// Postfix: smtpd_soft_error_limit, smtpd_hard_error_limit, smtpd_error_sleep_time.
constexpr uint32_t kPunishedFrom = 10;
constexpr uint32_t kHungUpAt = 20;
constexpr Seconds kPunishment(1);
char buffer[65536];

bool is(std::string_view line, std::string_view verb) {
  return line.size() >= verb.size() && strncasecmp(line.data(), verb.data(), verb.size()) == 0;
}

}  // namespace

SinkDialog::SinkDialog(Sink& sink, int fd, bool welcome)
    : sink_(sink), fd_(fd), welcome_(welcome), timer_(sink.loop_), arrival_(sink.loop_) {
  const auto fire = [](evutil_socket_t, short, void* self) {
    static_cast<SinkDialog*>(self)->on_readable();
  };
  event_assign(&readable_, sink_.loop_.base(), fd_, EV_READ | EV_PERSIST, fire, this);
  event_add(&readable_, nullptr);
  over_ = !welcome;
  write(welcome ? "220 sink.example ESMTP\r\n"
                : "421 4.7.0 sink.example: too many connections\r\n");
  if (!welcome) shutdown(fd_, SHUT_WR);
}

SinkDialog::~SinkDialog() {
  event_del(&readable_);
  close(fd_);
}

void SinkDialog::on_readable() {
  const auto got = recv(fd_, buffer, sizeof buffer, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return sink_.forget(this);
  if (over_) return;  // reads to the end, so that the last reply is not lost by a RST
  const std::string_view bytes(buffer, static_cast<size_t>(got));
  if (sink_.settings_.latency <= Seconds(0)) return void(take(bytes));
  under_way_.emplace_back(sink_.loop_.now() + sink_.settings_.latency, bytes);
  if (under_way_.size() == 1) arrival_.set(sink_.settings_.latency, [this] { arrive(); });
}

void SinkDialog::arrive() {
  const auto now = sink_.loop_.now();
  while (!under_way_.empty() && under_way_.front().first <= now) {
    const auto bytes = std::move(under_way_.front().second);
    under_way_.pop_front();
    if (!take(bytes)) return;
  }
  if (!under_way_.empty()) arrival_.set(under_way_.front().first - now, [this] { arrive(); });
}

// False when the dialog is gone.
bool SinkDialog::take(std::string_view bytes) {
  input_.append(bytes);
  if (!waiting_ && !work()) return sink_.forget(this), false;
  watch_input();
  return true;
}

void SinkDialog::watch_input() {
  const bool wanted = input_.size() < kInputAhead;
  if (wanted == reading_) return;
  reading_ = wanted;
  if (wanted) {
    event_add(&readable_, nullptr);
  } else {
    event_del(&readable_);
  }
}

bool SinkDialog::work() {
  while (!waiting_ && !over_) {
    if (state_ == State::Text) {
      if (!take_text()) return true;
      if (!begin(".")) return false;
      continue;
    }
    const auto end = input_.find('\n');
    if (end == input_.npos) return true;
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    if (!input_.empty()) ++sink_.counts_.ahead;
    if (!begin(line)) return false;
  }
  return true;
}

// True when the final dot is there.
bool SinkDialog::take_text() {
  static constexpr std::string_view kEnd = "\r\n.\r\n";
  // |input_| begins with the line end of DATA or what is kept of the text before.
  const auto end = input_.find(kEnd);
  if (end == input_.npos) {
    const auto kept = std::min(input_.size(), kEnd.size() - 1);
    sink_.counts_.octets += input_.size() - kept;
    input_.erase(0, input_.size() - kept);
    return false;
  }
  sink_.counts_.octets += end;
  input_.erase(0, end + kEnd.size());
  return true;
}

Seconds SinkDialog::cost() const {
  const bool punished = sink_.settings_.punish && refused_ >= kPunishedFrom;
  if (punished) ++sink_.counts_.punished;
  return punished ? std::max(kPunishment, sink_.settings_.delay) : sink_.settings_.delay;
}

bool SinkDialog::begin(std::string_view line) {
  pending_ = line;
  const Seconds time = cost();
  if (time <= Seconds(0)) return finish();
  waiting_ = true;
  timer_.set(time, [this] {
    waiting_ = false;
    if (!finish() || !work()) return sink_.forget(this);
    watch_input();
  });
  return true;
}

bool SinkDialog::finish() {
  const bool sent = write(state_ == State::Text ? answer_dot() : answer(pending_));
  if (over_) shutdown(fd_, SHUT_WR);
  return sent;
}

std::string SinkDialog::answer_dot() {
  state_ = State::Commands;
  reset();
  ++sink_.counts_.messages;
  refused_ = 0;
  return "250 2.0.0 Ok: kept nowhere\r\n";
}

std::string SinkDialog::answer(std::string_view line) {
  SinkCounts& counts = sink_.counts_;
  if (is(line, "EHLO") || is(line, "HELO") || is(line, "LHLO")) {
    reset();
    return std::string("250-sink.example\r\n") +
           (sink_.settings_.pipelining ? "250-PIPELINING\r\n" : "") +
           "250-SIZE 100000000\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n";
  }
  if (is(line, "MAIL")) {
    ++counts.mails;
    if (sender_) return "503 5.5.1 One sender at a time\r\n";
    sender_ = true;
    return "250 2.1.0 Ok\r\n";
  }
  if (is(line, "RCPT")) return answer_rcpt(line);
  if (is(line, "DATA")) {
    ++counts.datas;
    if (accepted_ == 0) return "554 5.5.1 No valid recipients\r\n";
    state_ = State::Text;
    input_.insert(0, "\r\n");  // an empty message ends with its first line
    return "354 Go on\r\n";
  }
  if (is(line, "RSET")) {
    ++counts.rsets;
    reset();
    return "250 2.0.0 Ok\r\n";
  }
  if (is(line, "NOOP")) return "250 2.0.0 Ok\r\n";
  if (is(line, "QUIT")) {
    over_ = true;
    return "221 2.0.0 Bye\r\n";
  }
  return "502 5.5.2 Not known here\r\n";
}

std::string SinkDialog::answer_rcpt(std::string_view line) {
  const auto open = line.find('<'), shut = line.rfind('>');
  const bool formed = open != line.npos && shut != line.npos && open < shut;
  const auto address = formed ? line.substr(open + 1, shut - open - 1) : std::string_view();
  if (!sender_) return "503 5.5.1 MAIL first\r\n";
  const bool known = sink_.settings_.mailboxes.has(address);
  sink_.count_question(known);
  if (known) {
    ++accepted_;
    return "250 2.1.5 Ok\r\n";
  }
  if (++refused_ >= kHungUpAt && sink_.settings_.punish) {
    ++sink_.counts_.hung_up;
    over_ = true;
    return "550 5.1.1 User unknown\r\n421 4.7.0 sink.example Error: too many errors\r\n";
  }
  return "550 5.1.1 <" + std::string(address) + ">: User unknown\r\n";
}

// Replies are short and the peer reads them: a full send buffer means that it does not.
bool SinkDialog::write(std::string_view reply) {
  return send(fd_, reply.data(), reply.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(reply.size());
}

}  // namespace ravelin::drill
