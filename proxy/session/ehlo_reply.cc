#include "proxy/session/ehlo_reply.h"

#include <algorithm>

#include "smtp/trace.h"

namespace ravelin::proxy {

// As smtp::ehlo_reply() announces it: what was announced is what is enforced.
uint64_t message_limit(uint64_t ours, const smtp::Capabilities& backends) {
  uint64_t limit = ours;
  if (backends.size_limit > 0)
    limit = limit > 0 ? std::min(limit, backends.size_limit) : backends.size_limit;
  if (limit == 0) return 0;
  return limit > smtp::kTraceRoom ? limit - smtp::kTraceRoom : 1;
}

std::string_view EhloReply::wire(std::string_view hostname, const smtp::Capabilities& backends,
                                 uint64_t message_size) {
  if (wire_.empty() || hostname != hostname_ || message_size != message_size_ ||
      backends != backends_) {
    hostname_ = hostname;
    message_size_ = message_size;
    backends_ = backends;
    wire_ = to_wire(smtp::ehlo_reply(hostname, backends, message_size, smtp::kTraceRoom));
  }
  return wire_;
}

}  // namespace ravelin::proxy
