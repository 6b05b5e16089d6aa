// A byte stream to a peer, as dialogs and backends see it: no sockets, no libevent.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dns/ip.h"
#include "dns/reactor.h"
#include "proxy/event/tls.h"

namespace ravelin::proxy {

using dns::Handle;
using dns::Reactor;
using dns::Time;

// A connection between two streams, on its way from one thread to another.
struct Detached {
  int fd = -1;  // of whoever holds this; -1: none
  TlsParcel tls{nullptr, nullptr};
};

enum class StreamEnd : uint8_t {
  Eof,             // the peer closed its side
  Reset,           // RST, or any other error of the connection
  ConnectRefused,  // and the other ways in which connecting fails
  ConnectTimeout,
  NoAddress,  // EADDRNOTAVAIL, EMFILE and the like: our own trouble, before the peer saw anything
  TlsFailed,  // the handshake; trouble() says why
  Closed,     // our own finish() is done
};

// Called by the stream, on the loop's thread, never from inside a call into the stream.
class StreamEvents {
 public:
  virtual void on_connected() {}                                   // of an outgoing stream, once
  virtual void on_secured(const TlsFacts& facts) { (void)facts; }  // after start_tls()
  // |data| is all input not taken yet. Returns how much of it was taken; the rest comes again, with
  // what has come since, at the next arrival or after the last pause reason is cleared. |data| dies
  // with the call. Not called while a pause reason is set; if one is set during the call, the call
  // returns what it took so far.
  virtual size_t on_data(std::string_view data) = 0;
  // Output has fallen below the low watermark after it had been above the high one.
  virtual void on_drained() {}
  // The end; nothing is called after it. A peer that is gone ends waits: Reset comes at once, and
  // input not yet taken is lost. Eof comes while reading is paused only if all input was taken: who
  // has sent everything and closed its side may still read, so the rest is delivered first. Whoever
  // closed both sides answers our next write with a RST. With Pause::Custody Eof does not come at
  // all.
  virtual void on_end(StreamEnd end) = 0;

 protected:
  ~StreamEvents() = default;
};

// Why reading is paused. Each pauser clears its own bit only.
enum class Pause : uint8_t {
  Waiting = 1,   // a command waits for its answer
  Pressure = 2,  // the other side's output is above its high watermark
  Greeting = 4,
  Custody = 8,  // the last reply is waited for, and meant for a peer that has closed its side, too
};

// Destroying a stream closes it at once (a RST, if input is unread): orderly ends use finish().
class Stream : public dns::Retirable {
 public:
  virtual ~Stream() = default;

  virtual void set_events(StreamEvents* events) = 0;  // not null from the first turn on

  // Appends to the output. It leaves in one write at the end of this turn of the loop.
  virtual void write(std::string_view bytes) = 0;
  // The same, without a copy where it can be had.
  virtual void write_whole(std::string bytes) { write(bytes); }
  // The kernel had no room for all of it: the peer does not read, or not as fast.
  virtual bool blocked() const = 0;
  // Above the high watermark writers should stop until on_drained(); the output itself never
  // refuses bytes.
  virtual bool congested() const = 0;

  virtual void pause(Pause reason) = 0;
  virtual void resume(Pause reason) = 0;
  // Has the peer closed its side, and do we have all that came before?
  virtual bool half_closed() const { return false; }
  // The most that one read takes from the socket: small for commands, large for mail.
  virtual void set_read_size(size_t bytes) = 0;

  // "Reply, then close": sends the output, shuts the write side down, discards input up to 64 kB or
  // 5 s, closes, and then calls on_end(Closed). A plain close with unread input would send a RST,
  // which destroys the reply on its way.
  virtual void finish() = 0;
  // Waits, for at most |limit|, for the peer to close first, which leaves TIME_WAIT with it; then
  // as finish(). For QUIT towards a backend. The default is finish().
  virtual void finish_after_peer(std::chrono::milliseconds limit) {
    (void)limit;
    finish();
  }

  // Drops the output that has not left, shuts the write side down, and waits, for at most |limit|,
  // for the peer to close, so that it counts the connection no longer than we do; then on_end().
  // For a connection that is of no further use. Never throws. The default is finish().
  virtual void cut(std::chrono::milliseconds limit) {
    (void)limit;
    finish();
  }

  // From here on the connection is TLS: what was written before leaves in the clear, then the
  // handshake runs, and on_secured() or on_end() follows. All input must have been taken: what the
  // peer sent in the clear behind its STARTTLS is not for TLS (RFC 3207 §5), and what is still on
  // its way will fail the handshake. Until on_secured() nothing can be written, and finish() just
  // closes. After the peer's close_notify nothing on this connection is input any more.
  virtual void start_tls(const TlsServer& server, std::string_view context) {
    (void)server, (void)context;
    assert(!"no TLS on this stream");
  }
  virtual void start_tls(const TlsClient& client, const std::string& host) {
    (void)client, (void)host;
    assert(!"no TLS on this stream");
  }
  // What went wrong with TLS, in OpenSSL's words, or "".
  virtual std::string trouble() const { return {}; }

  // Of our end of a connection that is up; nothing if there is no such address.
  virtual std::optional<dns::IpAddress> local_address() const { return {}; }

  // The IP and TCP headers of the SYN that opened it, once; their size, or 0 if they are not known.
  virtual size_t saved_syn(std::span<uint8_t> room) {
    (void)room;
    return 0;
  }

  // Takes the connection out of the stream, so that another thread's Connector can adopt() it. None
  // (no descriptor) if there are bytes that wait in either direction, or if the stream has no
  // descriptor. Afterwards only destroy the stream.
  virtual Detached detach() { return {}; }
};

// Opens outgoing streams. Returns at once; on_connected() or on_end() follows.
class Connector {
 public:
  virtual ~Connector() = default;
  virtual std::unique_ptr<Stream> connect(const dns::Endpoint& to, std::chrono::milliseconds limit,
                                          StreamEvents& events) = 0;
  // A connection that another thread's stream gave up with detach(). Without memory it is closed.
  virtual std::unique_ptr<Stream> adopt(Detached parcel, StreamEvents& events) = 0;
};

}  // namespace ravelin::proxy
