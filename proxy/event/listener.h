// Accepts connections.
//
// An accept loop of our own: libevent's has no budget, so that a connection flood keeps its loop
// from everything else, and on EMFILE it spins.
#pragma once

#include <functional>
#include <memory>

#include "dns/ip.h"
#include "proxy/event/fd.h"
#include "proxy/event/loop.h"

namespace ravelin::proxy {

class Listener {
 public:
  // The connection, non-blocking, for accepted_stream(), and its peer; the peer of a UNIX-domain
  // socket is Endpoint{} (event/credentials.h knows more).
  using OnAccept = std::function<void(Fd, const dns::Endpoint&)>;

  // |socket| comes from open_listener() or open_unix_listener(). |loop| must outlive the listener,
  // and the listener its own calls of |on_accept| (destroy it by Loop::retire() from there). Throws
  // std::bad_alloc.
  Listener(Loop& loop, Fd socket, OnAccept on_accept);
  ~Listener();

  // Takes what the kernel has accepted for us, up to the length of its queue, which close() would
  // reset: at the end each of those clients is to be told. For the time before destruction: the
  // listener accepts nothing afterwards.
  void drain_backlog(const OnAccept& tell);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ravelin::proxy
