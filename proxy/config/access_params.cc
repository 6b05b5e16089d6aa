#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr Param kRows[] = {
    text_list_param<&AccessSettings::allow>(
        "allow",
        "Addresses and networks that the checks of the connection (early talk, reverse DNS), "
        "greylisting, the limits per client and network and those of [pressure] do not apply to. "
        "The checks of HELO and of the sender's domain, relay domain, verification, framing, size, "
        "errors, junk commands and the total limit still do.",
        "[]", check_cidr),
    text_list_param<&AccessSettings::deny>(
        "deny",
        "Addresses and networks that are refused at once. Of all entries of allow and deny the "
        "longest network that a client is in decides; of equal ones that of allow.",
        "[]", check_cidr),
    text_param<&AccessSettings::allow_file>(
        "allow_file", "A file with more of allow, one entry a line, # comments.", "\"\""),
    text_param<&AccessSettings::deny_file>(
        "deny_file", "A file with more of deny, one entry a line, # comments.", "\"\""),
    text_list_param<&AccessSettings::normalise_line_endings>(
        "normalise_line_endings",
        "Clients whose bare LF in a message is taken as CRLF, as with relay.line_endings. End of "
        "data is CRLF.CRLF for them too.",
        "[]", check_cidr),
    text_list_param<&AccessSettings::proxy_from>(
        "proxy_from",
        "Load balancers in front of Ravelin. A connection from one of these addresses must begin "
        "with a PROXY header, version 1 or 2, and the client is who it names; a header from "
        "anybody else is an error of syntax. A connection that waits for its header, at most 10 s, "
        "counts towards limits.sessions and no other limit.",
        "[]", check_cidr),
    text_list_param<&AccessSettings::xclient_from>(
        "xclient_from",
        "Mail proxies in front of Ravelin that may say by XCLIENT who the client is; the dialog "
        "then goes on as if that client had connected. It is not offered to anybody else, nor "
        "behind a PROXY header. Until it has said so, a proxy is a client with a client's limits: "
        "list it in allow, too, if it opens many connections at once.",
        "[]", check_cidr),
};

}  // namespace

constinit const BuiltinSection kAccessSection = {
    {"access", "Clients that are known by address.", kRows},
    [](Config& config) -> void* { return &config.access; }};

}  // namespace ravelin::proxy
