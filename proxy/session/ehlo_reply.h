// Our EHLO reply, built anew only when what it says has changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/capabilities.h"

namespace ravelin::proxy {

// Octets that a client may send: |ours|, or what the |backends| take less the room for our
// Received: line, whichever is less. 0 means no limit, in all three.
uint64_t message_limit(uint64_t ours, uint64_t backends);

class EhloReply {
 public:
  // The wire form. The view holds until the next call. |recipients|: of a transaction.
  std::string_view wire(std::string_view hostname, const smtp::Capabilities& backends,
                        uint64_t message_size, uint32_t recipients, bool starttls, bool xclient);

 private:
  std::string hostname_;
  smtp::Capabilities backends_;
  uint64_t message_size_ = 0;
  uint32_t recipients_ = 0;
  bool starttls_ = false;
  bool xclient_ = false;
  std::string wire_;
};

}  // namespace ravelin::proxy
