// Abuse reports to the owners of networks, in the extended abuse reporting format (X-ARF), version
// 4: category infrastructure, type botnet. Nobody sends them but the admin, by means of his own.
// What goes to strangers names their addresses and times, and nothing of ours: no mailbox, no
// sender, no backend.                                     https://xarf.org, core schema and
// types/botnet
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |result| is the answer to "report"; "asked" in it has what the command line said: "org",
// "contact" and "domain" of the reporter, "by": "network" or "as". One report a line, each a JSON
// object. |random|: 32 bits of chance for the ids.
std::string report_xarf(const nlohmann::json& result, const std::function<uint32_t()>& random);
std::string report_xarf(const nlohmann::json& result);

// Why |asked| is no way to ask for a report; "" if it is one.
std::string report_usage(const nlohmann::json& asked);

}  // namespace ravelin::proxy
