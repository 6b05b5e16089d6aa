// The [tls] section: certificates for STARTTLS towards clients.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/event/tls.h"

namespace ravelin::proxy {

struct TlsSettings {
  std::vector<std::string> certificates;
  std::vector<std::string> keys;
  TlsVersion min_version;
  std::vector<std::string> required;
  std::vector<TlsCertificate> loaded;  // as |certificates|
};

const TlsSettings& tls_settings(const Config& config);
// What TlsServer::make() wants.
TlsServerSettings server_settings(const TlsSettings& settings);
// Is TLS required on |listener| ("ADDRESS:PORT")?
bool requires_tls(const TlsSettings& settings, std::string_view listener);

// One line for each certificate that has expired or soon will.
std::vector<std::string> expiry_warnings(const TlsSettings& settings, Wall now);
// Why |next| must not take the place of |now| at a reload: a certificate that is new there and has
// expired already is a slip, and the one in use is better.
std::vector<std::string> expired_anew(const TlsSettings& now, const TlsSettings& next, Wall time);

}  // namespace ravelin::proxy
