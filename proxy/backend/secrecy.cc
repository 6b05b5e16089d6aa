#include "proxy/backend/secrecy.h"

#include <utility>

namespace ravelin::proxy {

std::shared_ptr<const Secrecy> Secrecy::from(const RouteSettings& route) {
  auto made = std::make_shared<Secrecy>();
  made->mode = route.tls;
  made->name = route.tls_name;
  made->ca = route.tls_ca;
  if (made->mode == BackendTls::Off) return made;
  TlsClientSettings settings;
  settings.verify = route.tls == BackendTls::Verify;
  settings.ca = {route.tls_ca_file, route.tls_ca};
  if (auto client = TlsClient::make(settings))
    made->client = *std::move(client);
  else
    made->trouble = client.error();
  return made;
}

}  // namespace ravelin::proxy
