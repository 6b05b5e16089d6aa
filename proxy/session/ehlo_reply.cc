#include "proxy/session/ehlo_reply.h"

#include <algorithm>

#include "smtp/trace.h"

namespace ravelin::proxy {

// As smtp::ehlo_reply() announces it: what was announced is what is enforced. Room for the line
// that we add is needed in the backends' limit only; ours is for what the client sends.
uint64_t message_limit(uint64_t ours, uint64_t backends) {
  if (backends == 0) return ours;
  const auto theirs = backends > smtp::kTraceRoom ? backends - smtp::kTraceRoom : 1;
  return ours == 0 ? theirs : std::min(ours, theirs);
}

std::string_view EhloReply::wire(std::string_view hostname, const smtp::Capabilities& backends,
                                 uint64_t message_size, uint32_t recipients, bool starttls,
                                 bool xclient) {
  if (wire_.empty() || hostname != hostname_ || message_size != message_size_ ||
      recipients != recipients_ || starttls != starttls_ || xclient != xclient_ ||
      backends != backends_) {
    hostname_ = hostname;
    message_size_ = message_size;
    recipients_ = recipients;
    starttls_ = starttls;
    xclient_ = xclient;
    backends_ = backends;
    wire_ = to_wire(smtp::ehlo_reply(
        hostname, backends, {message_size, smtp::kTraceRoom, starttls, recipients, xclient}));
  }
  return wire_;
}

}  // namespace ravelin::proxy
