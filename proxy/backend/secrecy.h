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
  std::string name;                         // route.tls_name; "": the backend's host
  std::string ca;                           // PEM; "": the system's
  std::unique_ptr<const TlsClient> client;  // null if off, or in |trouble|
  std::string trouble;

  static std::shared_ptr<const Secrecy> from(const RouteSettings& route);
  bool same(const RouteSettings& route) const {
    return mode == route.tls && name == route.tls_name && ca == route.tls_ca;
  }
  // Whom the certificate must be for, at a backend that is called |host| in the route.
  const std::string& name_at(const std::string& host) const { return name.empty() ? host : name; }
  // May mail go in the clear if it cannot be secured?
  bool optional() const { return mode <= BackendTls::May; }
};

}  // namespace ravelin::proxy
