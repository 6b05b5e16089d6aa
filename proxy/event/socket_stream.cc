// A stream's life: its phases, its timer, its end. Input, output, TLS and closing are in files of
// their own beside this one.
#include "proxy/event/socket_stream.h"

#include <cerrno>

#include "proxy/event/connect_failure.h"

namespace ravelin::proxy {

static_assert(sizeof(SocketStream) < 350);  // of an idle dialog's 1.2 kB

SocketStream::SocketStream(Loop& loop, Fd fd, From from)
    : loop_(loop),
      fd_(std::move(fd)),
      phase_(from == From::Connecting ? Phase::Connecting : Phase::Open),
      read_event_(loop.base(), fd_.get(), EV_READ | EV_PERSIST,
                  &trampoline<SocketStream, &SocketStream::on_readable>, this) {
  if (!fd_) return;  // the connector calls fail()
  const bool watched = phase_ == Phase::Open ? start_reading() : await_writable();
  if (!watched) fail(StreamEnd::NoAddress);
}

// The members after |fd_| take the events out of the loop before it is closed.
SocketStream::~SocketStream() {
  if (gone_ != nullptr) *gone_ = true;
}

// A stream waits in one list at a time: |dirty| if output is all that is due, else |ready|, from
// which run_pending() sends it on.
void SocketStream::schedule(Due what) {
  due_ |= what;
  if (what != kFlush)
    loop_.core().ready.push_back(*this);
  else if (!linked())
    loop_.core().dirty.push_back(*this);
}

void SocketStream::run_pending() {
  if ((due_ & kEnd) != 0) return end(failure_);
  if ((due_ & kFlush) != 0) loop_.core().dirty.push_back(*this);
  if ((due_ & kDeliver) == 0) return;
  due_ &= static_cast<uint8_t>(~kDeliver);
  redeliver();
}

void SocketStream::fail(StreamEnd how) {
  if (phase_ == Phase::Ended || (due_ & kEnd) != 0) return;
  failure_ = how;
  timer_.reset();
  stop_reading();
  stop_awaiting_writable();
  schedule(kEnd);
}

void SocketStream::end(StreamEnd how) {
  phase_ = Phase::Ended;
  due_ = 0;
  unlink();
  stop_reading();
  stop_awaiting_writable();
  timer_.reset();
  fd_.reset();
  drop_input();
  drop_output();
  tell([this, how] { events_->on_end(how); });
}

// Connected or not, SO_ERROR says so; getpeername() would not give the reason.
void SocketStream::on_connect_result() {
  stop_awaiting_writable();
  timer_.reset();
  int error = 0;
  socklen_t size = sizeof error;
  if (sys.getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return end(connect_failure(error));
  phase_ = Phase::Open;
  if (!start_reading()) return end(StreamEnd::NoAddress);
  if (unsent() > 0) schedule(kFlush);
  tell([this] { events_->on_connected(); });
}

void SocketStream::limit_connecting(std::chrono::milliseconds time) { limit(time); }

void SocketStream::limit(std::chrono::milliseconds time) {
  const auto start = [this, time] { timer_ = loop_.timer(time, [this] { on_time_limit(); }); };
  if (loop_.core().guarded(start)) return;
  fail(phase_ == Phase::Connecting ? StreamEnd::NoAddress : StreamEnd::Closed);
}

void SocketStream::on_time_limit() {
  timer_.reset();
  switch (phase_) {
    case Phase::Connecting:
      return end(StreamEnd::ConnectTimeout);
    case Phase::AwaitingPeer:
      phase_ = Phase::Finishing;
      return continue_closing();
    case Phase::Finishing:  // the peer does not take our output
      return end(StreamEnd::Reset);
    case Phase::Cut:
    case Phase::Lingering:
      return end(StreamEnd::Closed);
    case Phase::Securing:
    case Phase::Open:
    case Phase::Ended:
      break;
  }
  assert(false);
}

// While the owner is in on_data(), what it will leave untaken is not known yet.
Detached SocketStream::detach() {
  const bool waits = held() > 0 || unsent() > 0 || pending() || gone_ != nullptr;
  if (phase_ != Phase::Open || waits || broken_ || (due_ & kEnd) != 0) return {};
  phase_ = Phase::Ended;
  due_ = 0;
  unlink();
  stop_reading();
  return {fd_.release(), to_parcel(std::move(tls_))};
}

}  // namespace ravelin::proxy
