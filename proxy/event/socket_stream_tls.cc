// From the clear to TLS. How long a handshake may take is the owner's to say.
#include <cerrno>
#include <utility>

#include "proxy/event/socket_stream.h"

namespace ravelin::proxy {

void SocketStream::start_tls(const TlsServer& server, std::string_view context) {
  secure(server.accept(context));
}

void SocketStream::start_tls(const TlsClient& client, const std::string& host) {
  secure(client.connect(host));
}

void SocketStream::continue_tls(TlsParcel channel) { tls_.reset(channel.release()); }

std::string SocketStream::trouble() const { return tls_ ? tls_->trouble() : std::string(); }

// The handshake begins at the end of the turn, behind the output: never from inside this call.
void SocketStream::secure(std::unique_ptr<TlsChannel> channel) {
  assert(phase_ == Phase::Open && !tls_ && held() == 0);
  if (broken_ || (due_ & kEnd) != 0) return;
  phase_ = Phase::Securing;
  if (channel == nullptr || !channel->attach(fd_.get())) return fail(StreamEnd::TlsFailed);
  tls_ = std::move(channel);
  schedule(kFlush);
}

// Before our last words in the clear have left, nothing of the handshake is looked at.
void SocketStream::on_handshake_readable() {
  if (unsent() > 0) return stop_reading();
  shake_hands();
}

void SocketStream::shake_hands() {
  const bool now = loop_.core().take_handshake();
  switch (now ? tls_->shake_hands() : TlsChannel::Step::Again) {
    case TlsChannel::Step::Failed:
      return end(StreamEnd::TlsFailed);
    case TlsChannel::Step::Again:
      if (tls_->wants_write() ? !await_writable() : !start_reading()) end(StreamEnd::TlsFailed);
      return;
    case TlsChannel::Step::Done:
      break;
  }
  stop_awaiting_writable();
  phase_ = Phase::Open;
  if (!start_reading()) return end(StreamEnd::TlsFailed);
  if (!tell([this] { events_->on_secured(tls_->facts()); })) return;
  if (pending() && paused_ == 0) schedule(kDeliver);
}

}  // namespace ravelin::proxy
