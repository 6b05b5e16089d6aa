// Sockets that wait for connections. Opened before threads start and before the uid changes: the
// kernel wants one uid for all reuse-port sockets of an address.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "dns/ip.h"
#include "proxy/event/fd.h"
#include "smtp/expected.h"

namespace ravelin::proxy {

using smtp::Expected;

// Connections that the kernel keeps for us, at most; net.core.somaxconn may hold it lower. A client
// beyond it gets no answer and tries again by itself.
constexpr int kBacklog = 4096;

// A listening TCP socket, non-blocking, or why not ("0.0.0.0:25: Permission denied"). An IPv6
// address takes IPv6 only, so that 0.0.0.0 and [::] can be listened on together. With |reuse_port|
// each worker opens its own on the same address and the kernel shares connections out; without it
// a second one fails, also from another process. Port 0: the kernel chooses. SYNs are kept, where
// the kernel can (saved_syn.h).
Expected<Fd, std::string> open_listener(const dns::Endpoint& at, bool reuse_port);

// Does somebody listen at |at| already? With |reuse_port| a second process of the same user would
// get its share of the connections, and would reset them when it then fails to start. Asks without
// taking part: what is only bound gets no connection.
bool is_taken(const dns::Endpoint& at);

// The address that a listening socket got.
dns::Endpoint local_endpoint(int fd);

// A listening UNIX-domain socket at |path|, with exactly |mode| as permissions. A socket file that
// nobody answers on is replaced; one that somebody answers on, and a file of another kind, is an
// error.
Expected<Fd, std::string> open_unix_listener(const std::string& path, mode_t mode = 0660);

}  // namespace ravelin::proxy
