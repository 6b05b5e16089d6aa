#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr Param kRows[] = {
    integer_param<&StandingSettings::good_deliveries>(
        "good_deliveries", "A client is in good standing after this many deliveries,", "5", 1,
        1000),
    integer_param<&StandingSettings::good_days>(
        "good_days", "on at least this many different days,", "2", 1, 30),
    share_param<&StandingSettings::good_unknown>(
        "good_unknown", "with less than this share of unknown recipients.", "\"10%\"", 0.01, 1),
    integer_param<&StandingSettings::max_clients>(
        "max_clients",
        "Clients remembered at once. Beyond it those in good standing are forgotten last.",
        "1000000", 1'000, 100'000'000),
};

}  // namespace

constinit const BuiltinSection kStandingSection = {
    {"standing",
     "What it takes to be in good standing: a reserved place, no pause, priority, calm limits. It "
     "belongs to one IPv4 address or one IPv6 /64.",
     kRows},
    [](Config& config) -> void* { return &config.standing; }};

}  // namespace ravelin::proxy
