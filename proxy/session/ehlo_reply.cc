#include "proxy/session/ehlo_reply.h"

#include "smtp/trace.h"

namespace ravelin::proxy {

// As smtp::ehlo_reply() announces it: what was announced is what is enforced.
uint64_t message_limit(uint64_t ours, uint64_t backends) {
  if (ours == 0 || (backends > 0 && backends < ours)) ours = backends;
  if (ours == 0) return 0;
  return ours > smtp::kTraceRoom ? ours - smtp::kTraceRoom : 1;
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
