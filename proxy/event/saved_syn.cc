#include "proxy/event/saved_syn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "proxy/event/sys.h"

namespace ravelin::proxy {

// 1: from the network header on. 2 would add the link's, which says nothing of a client far away.
void keep_syns(int listener) {
  const int from_network_header = 1;
  (void)sys.setsockopt(listener, IPPROTO_TCP, TCP_SAVE_SYN, &from_network_header,
                       sizeof from_network_header);
}

size_t take_saved_syn(int accepted, std::span<uint8_t> room) {
  auto size = static_cast<socklen_t>(room.size());
  if (sys.getsockopt(accepted, IPPROTO_TCP, TCP_SAVED_SYN, room.data(), &size) != 0) return 0;
  return std::min<size_t>(size, room.size());
}

}  // namespace ravelin::proxy
