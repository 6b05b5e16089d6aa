#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kLineEndings[] = {"reject", "normalise"};

constexpr Param kRows[] = {
    duration_param<&RelaySettings::final_timeout>(
        "final_timeout",  // RFC 5321 §4.5.3.2.6
        "How long the backend may take to answer the final dot. Clients wait 10 minutes (RFC 5321 "
        "§4.5.3.2.6), so stay below that.",
        "\"9m\"", 1s, 10min),
    choice_param<&RelaySettings::line_endings>(
        "line_endings",
        "What a bare LF in a message gets: refused, or made CRLF. A bare CR is refused and the end "
        "of data is CRLF.CRLF in both.",
        "\"reject\"", kLineEndings),
    duration_param<&RelaySettings::drain_timeout>(
        "drain_timeout",
        "How long transactions may go on after TERM. A message whose final dot was sent is always "
        "waited for.",
        "\"60s\"", 0s, 1h),
};

}  // namespace

constinit const BuiltinSection kRelaySection = {
    {"relay", "How messages go to the mail server.", kRows},
    [](Config& config) -> void* { return &config.relay; }};

}  // namespace ravelin::proxy
