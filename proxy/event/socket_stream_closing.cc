// "Reply, then close". A close() with unread input makes the kernel send a RST, and the RST makes
// the peer's kernel throw away the reply that it has not read. So our side is shut down first, and
// what still comes is read and forgotten until the peer closes too.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/event/socket_stream.h"

namespace ravelin::proxy {

void SocketStream::finish() { start_closing(Phase::Finishing); }

void SocketStream::finish_after_peer(std::chrono::milliseconds time) {
  if (phase_ != Phase::Open) return finish();
  start_closing(Phase::AwaitingPeer);
  if (phase_ == Phase::AwaitingPeer) limit(time);
}

void SocketStream::cut(std::chrono::milliseconds time) {
  if (phase_ == Phase::Ended || phase_ == Phase::Lingering) return;
  drop_output();
  start_closing(Phase::Cut);
  if (phase_ == Phase::Cut) limit(time);
}

// The rest happens at the end of the turn: on_end() must not come from inside finish().
void SocketStream::start_closing(Phase phase) {
  if (phase_ < Phase::Open) return fail(StreamEnd::Closed);
  if (broken_) return fail(StreamEnd::Reset);
  if (phase_ == Phase::Ended || phase_ >= Phase::Cut || phase_ == phase) return;
  phase_ = phase;
  timer_.reset();
  congested_ = false;
  drop_input();
  schedule(kFlush);
}

void SocketStream::continue_closing() {
  const bool may_read = !peer_closed_ && discarded_ < loop_.core().closing_limits.discard;
  if (may_read && !start_reading()) return end(StreamEnd::Reset);
  if (unsent() > 0) {
    if (!timer_) limit(loop_.core().closing_limits.send);
    return;
  }
  if (!may_read) return end(StreamEnd::Closed);
  if (phase_ == Phase::Finishing || phase_ == Phase::Cut) shut_down_output();
}

// It fails only if the connection is no more. Whoever cut the connection has set the limit.
void SocketStream::shut_down_output() {
  if (tls_) tls_->close_notify();
  if (sys.shutdown(fd_.get(), SHUT_WR) != 0) return end(StreamEnd::Closed);
  const bool limited = std::exchange(phase_, Phase::Lingering) == Phase::Cut;
  if (!limited) limit(loop_.core().closing_limits.linger);
}

// A peer may keep the connection open until its close_notify has been answered.  RFC 8446 §6.1
void SocketStream::await_notify() {
  char* const buffer = loop_.core().read_buffer();
  const ssize_t got = tls_->read(buffer, LoopCore::kReadBuffer, /*peek=*/false);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return await_answer_of_tls();
  if (got > 0) {
    discarded_ += static_cast<uint32_t>(got);
    return continue_closing();
  }
  notified_ = true;  // from here on what counts is the end of the connection
  tls_->close_notify();
}

// One recv() a firing here too. At the limit, or at the peer's end, output that still waits for
// the peer's window goes on waiting.
void SocketStream::discard_input() {
  LoopCore& core = loop_.core();
  if (phase_ == Phase::AwaitingPeer && tls_ && !notified_) return await_notify();
  const uint32_t left = core.closing_limits.discard - discarded_;
  const size_t room = std::min<size_t>(left, LoopCore::kReadBuffer);
  const ssize_t got = sys.recv(fd_.get(), core.read_buffer(), room, 0);  // TLS or not
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return end(unsent() > 0 ? StreamEnd::Reset : StreamEnd::Closed);
  peer_closed_ = got == 0;
  discarded_ += static_cast<uint32_t>(got);
  if (!peer_closed_ && static_cast<size_t>(got) < left) return;
  stop_reading();
  continue_closing();
}

}  // namespace ravelin::proxy
