// How connections to a backend are secured.                                              RFC 3207
#pragma once

#include <memory>
#include <string>

#include "proxy/config/config.h"
#include "proxy/event/tls.h"

namespace ravelin::proxy {

// Immutable and shared: a connection keeps the one that it was opened under, and is left when the
// configuration has another.
struct Secrecy {
  BackendTls mode = BackendTls::Off;
  std::string name;  // that the certificate must be for; "": the backend's host
  std::string ca;    // PEM; "": the system's
  std::unique_ptr<const TlsClient> client;  // null if off, or in |trouble|
  std::string trouble;

  static std::shared_ptr<const Secrecy> from(const RouteSettings& route);
  bool same(const RouteSettings& route) const {
    return mode == route.tls && name == route.tls_name && ca == route.tls_ca;
  }
  // May mail go in the clear if it cannot be secured?
  bool optional() const { return mode <= BackendTls::May; }
};

}  // namespace ravelin::proxy
