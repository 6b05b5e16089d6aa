#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kMaxSessions = 1'000'000;
constexpr uint64_t kMB = 1'000'000;

constexpr Param kRows[] = {
    integer_param<&Limits::sessions>(
        "sessions", "Clients at once in all; 0: as many as file descriptors allow.", "4000", 0,
        kMaxSessions),
    integer_param<&Limits::sessions_per_client>(
        "sessions_per_client", "At once from one IPv4 address or one IPv6 /64; 0: no such limit.",
        "30", 0, kMaxSessions),
    integer_param<&Limits::sessions_per_network>(
        "sessions_per_network",
        "At once from one IPv4 /24 or one IPv6 /64, clients in good standing aside; 0: no such "
        "limit.",
        "90", 0, kMaxSessions),
    share_param<&Limits::reserved_for_known>(
        "reserved_for_known",
        "Share of the places that only clients in good standing and allow-listed ones get, and "
        "connections that wait for their PROXY header.",
        "\"25%\"", 0, 0.9),
    integer_param<&Limits::recipients>(
        "recipients",  // RFC 5321 §4.5.3.1.8 asks for at least 100
        "Recipients taken in one transaction; the next RCPT gets 452 4.5.3. RFC 5321 §4.5.3.1.8 "
        "asks for at least 100.",
        "1000", 100, 50'000),
    size_param<&Limits::message_size>(
        "message_size",  // §4.5.3.1.7 asks for at least 64K octets
        "Largest message taken. It is announced with SIZE (RFC 1870) unless a backend takes less.",
        "\"50MB\"", kMB / 10, 10'000 * kMB),
    integer_param<&Limits::errors>(
        "errors",
        "Errors of a client until it is dropped with 421. Counted are syntax, sequence, relay "
        "attempts and unknown recipients, never a 4xx of ours; and not unknown recipients while "
        "they are less than standing.good_unknown of those that the backend knew or did not, and "
        "less than half.",
        "20", 1, 10'000),
    integer_param<&Limits::junk_commands>(
        "junk_commands",
        "Commands without use until a client is dropped with 421; a message that is taken begins "
        "the count anew. Counted are HELO, EHLO, RSET, NOOP, VRFY, HELP, XCLIENT and unknown ones, "
        "MAIL that is too big or beyond null_senders, and RCPT beyond twice recipients or "
        "under the shield of [harvest].",
        "100", 1, 10'000),
    duration_param<&Limits::command_timeout>(
        "command_timeout",  // §4.5.3.2.7 recommends 5 minutes; overload shortens it
        "How long a client may take to send its next command. RFC 5321 §4.5.3.2.7 asks for 5 "
        "minutes; overload shortens it.",
        "\"5m\"", 1s, 1h),
    duration_param<&Limits::data_timeout>(
        "data_timeout",  // §4.5.3.2.5
        "How long a client may send nothing in the middle of a message. RFC 5321 §4.5.3.2.5 asks "
        "for 3 minutes.",
        "\"3m\"", 1s, 1h),
    duration_param<&Limits::handshake_timeout>(
        "handshake_timeout", "How long a client's TLS handshake may take.", "\"30s\"", 1s, 5min),
    duration_param<&Limits::dialog_time>(
        "dialog_time",
        "How long a client's whole dialog may take, in mid-text too, however lively it is; then "
        "421. "
        "Only the backend's reply to a text is waited for beyond it.",
        "\"2h\"", 1min, 24h),
    integer_param<&Limits::handshakes>(
        "handshakes",
        "TLS handshakes under way at once in all, less the share of reserved_for_known for clients "
        "without good standing; beyond it STARTTLS gets 454. 0: any.",
        "500", 0, kMaxSessions),
    size_param<&Limits::data_min_rate>(
        "data_min_rate",
        "Slowest average speed of a message, per second; 0: any. Slower clients are dropped with "
        "421, but not before data_timeout is over; time in which the backend takes nothing does "
        "not count.",
        "\"500B\"", 0, 10 * kMB),
    share_param<&Limits::null_senders>(
        "null_senders",
        "Of the places that clients without any standing may have, the share for those who send "
        "with "
        "the null sender; beyond it, and unless another network has more than its own share, MAIL "
        "gets "
        "451 4.3.2. So neither a flood of bounces nor one of other mail takes all.",
        "\"50%\"", 0.01, 1),
    rate_param<&Limits::refusals_rate>("refusals_rate",
                                       "How many clients that get no place are told so with a 421; "
                                       "beyond it their connections are "
                                       "closed without a word.",
                                       "\"1000/s\"", 0, 1'000'000),
};

}  // namespace

constinit const BuiltinSection kLimitsSection = {
    {"limits", "Who may take how much. All take effect on reload, without dropping anyone.", kRows},
    [](Config& config) -> void* { return &config.limits; }};

}  // namespace ravelin::proxy
