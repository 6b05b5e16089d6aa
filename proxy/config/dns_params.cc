#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr Param kRows[] = {
    text_list_param<&DnsSettings::servers>(
        "servers",
        "Resolvers, \"ADDRESS\" or \"ADDRESS:PORT\"; empty: those of /etc/resolv.conf. One on "
        "this machine is best: its answers cannot be forged on the way.",
        "[]", check_dns_server),
    duration_param<&DnsSettings::timeout>(
        "timeout",
        "Time for all DNS questions of one dialog together. What is not known by then never "
        "counts against a client. 0: nothing is looked up.",
        "\"5s\"", 0ms, 60s),
};

}  // namespace

constinit const BuiltinSection kDnsSection = {{"dns", "Where the checks ask.", kRows},
                                              [](Config& config) -> void* { return &config.dns; }};

}  // namespace ravelin::proxy
