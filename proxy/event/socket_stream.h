// A Stream on a non-blocking socket, TCP or UNIX. Included in this folder only: others get theirs
// from connector.h.
//
// Not bufferevent, which takes 1072 bytes and half again as much CPU for each request; an idle
// stream here takes 304, and its buffers exist only while there is something in them.
//
// Reading: one persistent event, added once. Pausing is a bit and costs no system call; only if the
// socket becomes readable while paused is the event removed, after a look at whether what came is
// the end. Each firing does one recv(), into the loop's common buffer, so a busy peer gets one read
// a turn and no more.
//
// Writing: write() fills a buffer, the end of the turn sends it in one call, and only if the kernel
// does not take all is its readiness waited for.
#pragma once

#include <cassert>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/event/event.h"
#include "proxy/event/fd.h"
#include "proxy/event/link.h"
#include "proxy/event/loop.h"
#include "proxy/event/loop_core.h"
#include "proxy/event/stream.h"
#include "proxy/event/tls_channel.h"

namespace ravelin::proxy {

class SocketStream final : public Stream, public Link {
 public:
  enum class From : uint8_t { Connected, Connecting };

  // |fd| is a non-blocking stream socket, connected or connecting. |loop| must outlive the stream.
  SocketStream(Loop& loop, Fd fd, From from = From::Connected);
  ~SocketStream() override;

  void set_events(StreamEvents* events) override { events_ = events; }
  void write(std::string_view bytes) override;
  void write_whole(std::string bytes) override;
  size_t unsent() const { return output_.size() - sent_; }  // bytes
  bool blocked() const override { return blocked_; }
  bool congested() const override { return congested_; }
  void pause(Pause reason) override;
  void resume(Pause reason) override;
  bool half_closed() const override;
  void set_read_size(size_t bytes) override;
  void finish() override;
  void finish_after_peer(std::chrono::milliseconds limit) override;
  void cut(std::chrono::milliseconds limit) override;
  void start_tls(const TlsServer& server, std::string_view context) override;
  void start_tls(const TlsClient& client, const std::string& host) override;
  std::string trouble() const override;
  std::optional<dns::IpAddress> local_address() const override;
  size_t saved_syn(std::span<uint8_t> room) override;
  Detached detach() override;

  // The end, told at the end of this turn. The first cause counts.
  void fail(StreamEnd end);
  // A stream that is still connecting after |limit| ends with ConnectTimeout.
  void limit_connecting(std::chrono::milliseconds limit);

  // What was detached from another stream is TLS, if |channel| is there.
  void continue_tls(TlsParcel channel);

  // For the loop, at the end of a turn.
  void run_pending();
  void flush();

 private:
  enum class Phase : uint8_t {
    Connecting,
    Securing,  // start_tls(): output on its way in the clear, then the handshake
    Open,
    AwaitingPeer,  // finish_after_peer(): the peer is to close first
    Finishing,     // finish(): output is on its way
    Cut,           // cut(): as Finishing, with nothing to send
    Lingering,     // our side is shut down; input is discarded until the peer's is
    Ended,
  };
  enum Due : uint8_t { kDeliver = 1, kFlush = 2, kEnd = 4 };  // at the end of this turn

  bool closing() const { return phase_ >= Phase::AwaitingPeer && phase_ < Phase::Ended; }
  size_t held() const { return input_.size() - taken_; }
  void schedule(Due what);
  void end(StreamEnd how);
  void limit(std::chrono::milliseconds time);
  void on_time_limit();

  // The socket, or TLS above it.
  ssize_t raw_read(char* buffer, size_t size, int flags);
  ssize_t raw_write(const char* bytes, size_t size);
  bool pending() const;

  // socket_stream_tls.cc
  void secure(std::unique_ptr<TlsChannel> channel);
  void shake_hands();
  void on_handshake_readable();

  void on_readable();
  bool start_reading();
  void stop_reading();
  void read_input();
  void await_answer_of_tls();
  void peek();
  void at_peers_end();
  void discard_input();
  void await_notify();
  void deliver(std::string_view data);
  void redeliver();
  void drop_input();

  bool takes_output() const;
  void output_grew();
  void on_writable();
  void go_on();
  void on_connect_result();
  bool await_writable();
  void stop_awaiting_writable();
  bool send_output();
  void output_failed(int error);
  void drop_output();

  void start_closing(Phase phase);
  void continue_closing();
  void shut_down_output();

  // Calls the owner, which may destroy the stream or run out of memory in the call; false then.
  template <class Call>
  bool tell(const Call& call) {
    assert(gone_ == nullptr);  // the owner is never called from inside a call to it
    LoopCore& core = loop_.core();
    bool gone = false;
    gone_ = &gone;
    const bool done = core.guarded(call);
    if (gone) return false;
    gone_ = nullptr;
    if (!done) fail(StreamEnd::Reset);
    return done;
  }

  Loop& loop_;
  StreamEvents* events_ = nullptr;
  Fd fd_;
  Phase phase_;
  uint8_t due_ = 0;     // Due bits
  uint8_t paused_ = 0;  // Pause bits
  StreamEnd failure_ = StreamEnd::Closed;
  bool reading_ = false;    // |read_event_| is added
  bool blocked_ = false;    // |write_event_| is added
  bool notified_ = false;   // the peer's close_notify was answered
  bool congested_ = false;  // above the high watermark, and since then not below the low one
  bool broken_ = false;     // sending has failed; reading goes on to its end
  bool peer_closed_ = false;
  bool answering_ = false;  // reading waits for room for an answer of TLS
  uint32_t read_size_ = 4096;
  uint32_t discarded_ = 0;  // bytes, while closing
  // Small, as all that an idle dialog has.
  uint32_t taken_ = 0;  // of input_
  uint32_t sent_ = 0;   // of output_
  std::string input_;
  std::string output_;
  bool* gone_ = nullptr;  // not null while the owner is called; the destructor sets it
  Event read_event_;
  std::unique_ptr<Event> write_event_;  // seldom needed
  Handle timer_;                        // of connecting and closing
  std::unique_ptr<TlsChannel> tls_;     // null: in the clear
};

}  // namespace ravelin::proxy
