#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr Param kRows[] = {
    integer_param<&HarvestSettings::unknown>(
        "unknown",
        "So many unknown recipients of one client within time, or three times as many of several "
        "clients of one network (IPv4 /24, IPv6 /48), and more than half of its recipients: then "
        "it gets 451 4.7.1 for every recipient, and the backend is not asked. Bounces, and "
        "questions whether a sender exists, count apart, and shield against more of them only, "
        "unless most recipients of other mail are unknown, too. 0: off.",
        "20", 0, 100'000),
    duration_param<&HarvestSettings::time>(
        "time",
        "How long that lasts, and what it looks at. Each time that it comes back at once it lasts "
        "twice as long, up to sixteen times.",
        "\"10m\"", 1s, 24h),
};

}  // namespace

constinit const BuiltinSection kHarvestSection = {
    {"harvest",
     "A shield against those who try names. Never for clients with standing or allow-listed ones, "
     "nor for postmaster and abuse.",
     kRows},
    [](Config& config) -> void* { return &config.harvest; }};

}  // namespace ravelin::proxy
