#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kOrders[] = {"after-greylist", "before-greylist"};

constexpr Param kRows[] = {
    choice_param<&VerifySettings::order>(
        "order",
        "Whether the backend is asked for a recipient after or before greylisting. After is "
        "cheaper; before lets unknown recipients cost standing at the first try.",
        "\"after-greylist\"", kOrders),
    duration_param<&VerifySettings::timeout>(
        "timeout",  // the client's own wait for RCPT is 5 minutes: RFC 5321 §4.5.3.2.3
        "How long a question may wait for the backend's answer, then 451. Clients wait 5 minutes "
        "(RFC 5321 §4.5.3.2.3).",
        "\"60s\"", 1s, 5min),
    duration_param<&VerifySettings::hold>(
        "hold",
        "How long a backend connection waits for a client's DATA after an accepted RCPT. Later "
        "the transaction is repeated on another one.",
        "\"10s\"", 0s, 5min),
    duration_param<&VerifySettings::negative_ttl>(
        "negative_ttl",
        "How long \"no such user\" is remembered for clients without standing; 0s: not at all. "
        "Only if the mail server said it with a code of route.unknown_codes.",
        "\"5m\"", 0s, 1h),
};

}  // namespace

constinit const BuiltinSection kVerifySection = {
    {"verify", "Each recipient is checked with the mail server behind.", kRows},
    [](Config& config) -> void* { return &config.verify; }};

}  // namespace ravelin::proxy
