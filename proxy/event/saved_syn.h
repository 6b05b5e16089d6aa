// The SYN that opened an accepted connection: the kernel keeps its headers where it is asked to
// (tcp(7) does not tell; Linux 4.3). It shows which system's TCP stack is at the other end, needs
// no right, and nobody is sent anything for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ravelin::proxy {

// Asks for it, on a listening socket. A kernel that does not know the option keeps none.
void keep_syns(int listener);

// The IP and TCP headers of the SYN of |accepted|; the size, or 0 if there is none: it was taken
// before, is larger than |room|, or came as a SYN cookie (RFC 4987 §3.6), for which nothing is
// kept.
size_t take_saved_syn(int accepted, std::span<uint8_t> room);

}  // namespace ravelin::proxy
