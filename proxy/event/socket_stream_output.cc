// Writing: one send() at the end of a turn, then, if the kernel is full, whenever it has room.
#include <cerrno>
#include <utility>

#include "proxy/event/socket_stream.h"

namespace ravelin::proxy {

// MSG_NOSIGNAL: a peer that is gone is an error code, not a SIGPIPE. MSG_MORE: the last words leave
// with the FIN that follows at once, in one packet.
ssize_t SocketStream::raw_write(const char* bytes, size_t size) {
  if (tls_ && phase_ != Phase::Securing) return tls_->write(bytes, size);
  const int more = phase_ == Phase::Finishing ? MSG_MORE : 0;
  return sys.send(fd_.get(), bytes, size, MSG_NOSIGNAL | more);
}

// What is written after the end of the connection, or after finish(), goes nowhere.
bool SocketStream::takes_output() const {
  if (phase_ > Phase::Open || broken_ || (due_ & kEnd) != 0) return false;
  assert(phase_ != Phase::Securing);
  return phase_ != Phase::Securing;  // it would leave in the clear
}

void SocketStream::write(std::string_view bytes) {
  if (bytes.empty() || !takes_output()) return;
  if (sent_ > unsent()) {  // moving the rest to the front costs less than what was sent
    output_.erase(0, sent_);
    sent_ = 0;
  }
  output_.append(bytes);
  output_grew();
}

void SocketStream::write_whole(std::string bytes) {
  if (!output_.empty()) return write(bytes);
  if (bytes.empty() || !takes_output()) return;
  output_ = std::move(bytes);
  output_grew();
}

void SocketStream::output_grew() {
  if (unsent() > loop_.core().watermarks.high) congested_ = true;
  if (!blocked_) schedule(kFlush);
}

void SocketStream::flush() {
  due_ &= static_cast<uint8_t>(~kFlush);
  if (phase_ == Phase::Connecting || phase_ == Phase::Ended) return;
  if (!blocked_ && !send_output()) return;
  go_on();
}

void SocketStream::on_writable() {
  if (phase_ == Phase::Connecting) return on_connect_result();
  if (send_output()) go_on();
}

// What waited for output.
void SocketStream::go_on() {
  if (closing()) {
    answering_ = false;
    return continue_closing();
  }
  if (phase_ == Phase::Securing && unsent() == 0) return shake_hands();
  if (unsent() > 0 || !std::exchange(answering_, false)) return;
  start_reading() ? on_readable() : fail(StreamEnd::Reset);
}

// False if the stream is gone or broken.
bool SocketStream::send_output() {
  if (unsent() > 0) {
    const ssize_t sent = raw_write(output_.data() + sent_, unsent());
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      output_failed(errno);
      return false;
    }
    if (sent > 0) sent_ += static_cast<uint32_t>(sent);
  }
  if (unsent() == 0) {
    drop_output();
  } else if (!await_writable()) {
    fail(StreamEnd::Reset);
    return false;
  }
  if (!congested_ || unsent() > loop_.core().watermarks.low) return true;
  congested_ = false;
  return tell([this] { events_->on_drained(); });
}

// A peer that hangs up on us may have said why, and the kernel still has it ("421 ... closing" and
// a RST for the command that crossed it): reading goes on and finds the end behind it.
void SocketStream::output_failed(int error) {
  broken_ = true;
  congested_ = false;
  drop_output();
  const bool gone = error == EPIPE || error == ECONNRESET;
  const bool may_read = gone && phase_ == Phase::Open && paused_ == 0;
  if (!may_read || !start_reading()) fail(StreamEnd::Reset);
}

bool SocketStream::await_writable() {
  if (blocked_) return true;
  const auto make = [this] {
    write_event_ =
        std::make_unique<Event>(loop_.base(), fd_.get(), EV_WRITE | EV_PERSIST,
                                &trampoline<SocketStream, &SocketStream::on_writable>, this);
  };
  blocked_ = loop_.core().guarded(make) && write_event_->add();
  return blocked_;
}

void SocketStream::stop_awaiting_writable() {
  blocked_ = false;
  write_event_.reset();
}

// The memory goes too: between two replies a dialog holds none.
void SocketStream::drop_output() {
  stop_awaiting_writable();
  sent_ = 0;
  if (!output_.empty()) std::string().swap(output_);
}

}  // namespace ravelin::proxy
