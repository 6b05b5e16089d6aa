// Where streams on sockets come from.
#pragma once

#include <memory>

#include "proxy/event/fd.h"
#include "proxy/event/loop.h"
#include "proxy/event/stream.h"

namespace ravelin::proxy {

// A stream on a connection that a Listener accepted, or on one end of a socketpair. set_events()
// follows in the same turn. |loop| must outlive it.
std::unique_ptr<Stream> accepted_stream(Loop& loop, Fd fd);

// Opens TCP connections; for one loop, which must outlive it and its streams.
class SocketConnector final : public Connector {
 public:
  explicit SocketConnector(Loop& loop) : loop_(loop) {}

  // |limit| > 0 is for the TCP handshake.
  std::unique_ptr<Stream> connect(const dns::Endpoint& to, std::chrono::milliseconds limit,
                                  StreamEvents& events) override;
  // There is no on_connected(): the connection is there. Input that has come meanwhile does come.
  std::unique_ptr<Stream> adopt(Detached parcel, StreamEvents& events) override;

 private:
  Loop& loop_;
};

}  // namespace ravelin::proxy
