// The report of an episode, for people and for other programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ravelin::proxy {

// |result| is the answer to "report"; "format" in it says which of the forms below is wanted.
// Nothing else in it is trusted.
std::string report(const nlohmann::json& result);

std::string report_text(const nlohmann::json& result);
std::string report_html(const nlohmann::json& result);  // one page that needs nothing else
std::string report_csv(const nlohmann::json& result);   // a line for each source; RFC 4180
// A file for nft -f: a set of all sources, IPv4 and IPv6 apart. What it is used for is not said.
std::string report_nft(const nlohmann::json& result);

}  // namespace ravelin::proxy
