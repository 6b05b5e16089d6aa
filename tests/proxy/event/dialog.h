// One stream, its owner, and the peer's end of the socket.
#pragma once

#include <memory>
#include <utility>

#include "proxy/event/connector.h"
#include "recorder.h"
#include "socket_pair.h"
#include "turns.h"

namespace ravelin::test {

struct Dialog {
  Turns turns;
  SocketPair pair;
  Recorder owner;
  std::unique_ptr<proxy::Stream> stream;

  explicit Dialog(SocketPair made = tcp_pair()) : pair(std::move(made)) {
    stream = proxy::accepted_stream(turns.loop, std::move(pair.ours));
    stream->set_events(&owner);
  }
  bool ended() const { return owner.end.has_value(); }
  bool until_end() {
    return turns.until([this] { return ended(); });
  }
};

}  // namespace ravelin::test
