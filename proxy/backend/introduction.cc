#include "proxy/backend/introduction.h"

#include <algorithm>

#include "proxy/backend/xforward.h"
#include "proxy/event/proxy_header.h"

namespace ravelin::proxy {
namespace {

// The other end of the client's connection, in the client's family: behind a load balancer it may
// be of another one, and a header cannot hold both.
dns::Endpoint server_of(const ClientIdentity& client) {
  const bool v4 = client.address.address.is_v4();
  if (client.server && client.server->address.is_v4() == v4) return *client.server;
  return {v4 ? dns::IpAddress::v4({}) : dns::IpAddress::v6({}), 0};
}

// "[TEMPUNAVAIL]": for a name that the DNS did not say nobody shall be refused.
std::string name_of(const ClientIdentity& client) {
  if (client.name.empty() && client.name_unsure) return "[TEMPUNAVAIL]";
  return attribute_text(client.name);
}

std::string value_of(std::string_view name, const ClientIdentity& client) {
  if (name == "NAME" || name == "REVERSE_NAME") return name_of(client);
  if (name == "DESTADDR")
    return attribute_text(client.server ? attribute_address(client.server->address) : "");
  if (name == "DESTPORT")
    return attribute_text(client.server ? std::to_string(client.server->port) : "");
  return attribute_text(attribute_of(name, client));
}

}  // namespace

std::string Introduction::header() const {
  if (!proxy_header) return {};
  return client ? proxy_v2_header(client->address, server_of(*client)) : proxy_v2_local_header();
}

// Who has sent ADDR is a stranger from then on, and may send no XCLIENT any more: so it comes last,
// in the last line if one line does not hold them all.
std::vector<std::string> xclient_lines(const smtp::Capabilities& backend,
                                       const ClientIdentity& client) {
  static constexpr std::string_view kNames[] = {"HELO",     "PROTO", "PORT",         "DESTADDR",
                                                "DESTPORT", "NAME",  "REVERSE_NAME", "ADDR"};
  const auto& offered = backend.xclient;
  const auto offers = [&](std::string_view name) {
    return std::find(offered.begin(), offered.end(), name) != offered.end();
  };
  std::vector<std::string> lines;
  if (!offers("ADDR")) return lines;
  for (const auto name : kNames)
    if (offers(name))
      add_attribute(lines, "XCLIENT", std::string(name) + "=" + value_of(name, client));
  return lines;
}

}  // namespace ravelin::proxy
