// A connection that speaks for one client: the backend takes it for that client's own, so its
// verdict is about the client and not about us.                Postfix XCLIENT_README; HAProxy's
//                                                              "The PROXY protocol", version 2
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/verifier.h"
#include "smtp/capabilities.h"

namespace ravelin::proxy {

// How a new connection begins.
struct Introduction {
  // The backend wants a PROXY header in front of everything, on our own connections, too.
  bool proxy_header = false;
  // Whom it speaks for, by the header or by XCLIENT; nobody: it is our own.
  std::optional<ClientIdentity> client{};

  // "" if there is to be none.
  std::string header() const;
};

// The command lines, no CRLF, with those attributes that the backend takes. Empty if it takes no
// address: then nothing that it is told would make it see the client.
std::vector<std::string> xclient_lines(const smtp::Capabilities& backend,
                                       const ClientIdentity& client);

}  // namespace ravelin::proxy
