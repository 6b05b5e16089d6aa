// Reading: pauses, the one recv() of a firing, and what the owner leaves untaken.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/event/socket_stream.h"

namespace ravelin::proxy {
namespace {

bool would_block(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

ssize_t SocketStream::raw_read(char* buffer, size_t size, int flags) {
  if (tls_) return tls_->read(buffer, size, (flags & MSG_PEEK) != 0);
  return sys.recv(fd_.get(), buffer, size, flags);
}

// Input that no readiness of the socket will tell of.
bool SocketStream::pending() const { return tls_ && phase_ == Phase::Open && tls_->pending(); }

bool SocketStream::start_reading() {
  if (!reading_) reading_ = read_event_.add();
  return reading_;
}

void SocketStream::stop_reading() {
  if (std::exchange(reading_, false)) read_event_.remove();
}

void SocketStream::set_read_size(size_t bytes) {
  read_size_ = static_cast<uint32_t>(std::clamp<size_t>(bytes, 1, LoopCore::kReadBuffer));
}

// Costs nothing: most pauses are over before the peer says more.
void SocketStream::pause(Pause reason) { paused_ |= static_cast<uint8_t>(reason); }

void SocketStream::resume(Pause reason) {
  const auto before = std::exchange(paused_, paused_ & ~static_cast<unsigned>(reason));
  if (before == 0 || paused_ != 0 || phase_ != Phase::Open || (due_ & kEnd) != 0) return;
  if (!start_reading()) return fail(StreamEnd::Reset);
  // Inside on_data() there may be a rest that is not held yet.
  if (held() > 0 || pending() || gone_ != nullptr) schedule(kDeliver);
}

void SocketStream::on_readable() {
  if (phase_ == Phase::Securing) return on_handshake_readable();
  if (closing()) return discard_input();
  if (paused_ != 0) return peek();
  read_input();
}

// The rest of the earlier input is set before the new, so that the owner sees one piece. The read
// size bounds both together; an owner that leaves a whole read untaken, and does not pause, gets
// more nevertheless (its line may be longer), until the buffer is full.
void SocketStream::read_input() {
  if ((due_ & kDeliver) != 0) return;  // the rest first; the socket stays readable
  const size_t kept = held();
  const size_t wanted = kept < read_size_ ? read_size_ - kept : read_size_;
  const size_t room = std::min(wanted, LoopCore::kReadBuffer - kept);
  if (room == 0) return end(StreamEnd::Reset);  // nothing will ever make the owner take it

  char* buffer = loop_.core().read_buffer();
  if (kept > 0) std::memcpy(buffer, input_.data() + taken_, kept);
  const ssize_t got = raw_read(buffer + kept, room, 0);
  if (got < 0 && would_block(errno)) return await_answer_of_tls();
  if (got == 0) return at_peers_end();
  if (got < 0) return end(StreamEnd::Reset);
  deliver({buffer, kept + static_cast<size_t>(got)});
}

// An answer to a KeyUpdate waits for room in the kernel, and our input for it. The socket may stay
// readable, and to look again before there is room would be to look all the time.
void SocketStream::await_answer_of_tls() {
  if (!tls_ || !tls_->wants_write()) return;
  answering_ = true;
  stop_reading();
  if (!await_writable()) fail(StreamEnd::Reset);
}

// |data| is in the loop's buffer, with all that was held: the owner may turn to TLS in the call,
// and then nothing may be held any more.
void SocketStream::deliver(std::string_view data) {
  size_t took = 0;
  taken_ = static_cast<uint32_t>(input_.size());
  if (!tell([&] { took = events_->on_data(data); })) return;
  assert(took <= data.size());
  if (pending() && paused_ == 0) schedule(kDeliver);
  if (took == data.size() || phase_ != Phase::Open) return drop_input();
  taken_ = 0;
  if (!loop_.core().guarded([&] { input_.assign(data.substr(took)); })) fail(StreamEnd::Reset);
}

// The rest goes back as it came, without a copy: many small commands in one read are answered one
// by one, each after a pause.
void SocketStream::redeliver() {
  if (paused_ != 0 || phase_ != Phase::Open) return;
  if (pending()) return read_input();
  if (held() == 0) return;
  std::string input = std::exchange(input_, {});
  const auto from = std::exchange(taken_, 0);
  size_t took = 0;
  if (!tell([&] { took = events_->on_data(std::string_view(input).substr(from)); })) return;
  assert(took <= input.size() - from);
  if (from + took == input.size() || phase_ != Phase::Open) return;
  input_ = std::move(input);
  taken_ = from + static_cast<uint32_t>(took);
}

// Something came while reading is paused. The end of the connection is told, because it ends what
// the owner waits for; data is left to the kernel, whose window then holds the peer back. A peer
// that closed its side while we hold input of it may still listen ("printf ... | nc -N"): its end
// comes behind that input, when it is read for; in custody it comes behind the last reply.
void SocketStream::peek() {
  if (broken_) return end(StreamEnd::Reset);
  char byte;
  const ssize_t got = raw_read(&byte, 1, MSG_PEEK);
  const bool may_listen = held() > 0 || (paused_ & static_cast<unsigned>(Pause::Custody)) != 0;
  if (got > 0 || (got == 0 && may_listen)) return stop_reading();
  if (got == 0) return at_peers_end();
  if (!would_block(errno)) return end(StreamEnd::Reset);
  await_answer_of_tls();
}

// In TLS the end is the close_notify, whether or not the connection stays open behind it. Who broke
// it off has closed its side as well.
bool SocketStream::half_closed() const {
  if (phase_ != Phase::Open || held() > 0) return false;
  char byte;
  const auto got = tls_ ? tls_->read(&byte, sizeof byte, /*peek=*/true)
                        : sys.recv(fd_.get(), &byte, sizeof byte, MSG_PEEK);
  return got == 0 || (got < 0 && !would_block(errno));
}

// A peer may shut its side down and still listen: what this turn has written so far is sent.
void SocketStream::at_peers_end() {
  if (broken_) return end(StreamEnd::Reset);
  if (unsent() > 0 && !blocked_) (void)raw_write(output_.data() + sent_, unsent());
  end(StreamEnd::Eof);
}

void SocketStream::drop_input() {
  taken_ = 0;
  if (!input_.empty()) std::string().swap(input_);
}

}  // namespace ravelin::proxy
