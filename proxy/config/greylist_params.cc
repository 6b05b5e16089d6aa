#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kScopes[] = {"unknown", "suspicious", "off"};
constexpr std::string_view kNullSender[] = {"data", "rcpt"};

constexpr Param kRows[] = {
    choice_param<&GreylistSettings::apply_to>(
        "apply_to",
        "Whom greylisting applies to. \"unknown\": clients without standing; \"suspicious\": "
        "those of them that some check marked with \"greylist\"; \"off\": nobody.",
        "\"unknown\"", kScopes),
    duration_param<&GreylistSettings::delay>(
        "delay",
        "How long a stranger must wait until a retry passes. Each loss of standing, its own or its "
        "network's, doubles it, up to 1h and half of window.",
        "\"4m\"", 1s, 1h),
    duration_param<&GreylistSettings::window>(
        "window", "How long after the first try a retry still counts. It must be above delay.",
        "\"24h\"", 2s, 30 * 24h),
    duration_param<&GreylistSettings::keep>(
        "keep", "How long a pass is remembered after its last use. It must not be below window.",
        "\"36d\"", 1min, 400 * 24h),
    choice_param<&GreylistSettings::null_sender>(
        "null_sender",
        "When mail from <> is greylisted. With \"data\" other sites can still verify the senders "
        "of your users' mail, which they do with MAIL and RCPT only.",
        "\"data\"", kNullSender),
    text_list_param<&GreylistSettings::except_recipients>(
        "except_recipients",
        "Recipients that are not greylisted: \"user@domain\", \"user@\", \"@domain\". postmaster "
        "and abuse never are.",
        "[]", check_mailbox_pattern),
    text_list_param<&GreylistSettings::except_senders>(
        "except_senders",
        "Senders that are not greylisted: \"user@domain\", \"user@\", \"@domain\". Anyone can "
        "write anything there.",
        "[]", check_mailbox_pattern),
    text_list_param<&GreylistSettings::except_clients>(
        "except_clients",
        "Clients that are not greylisted: addresses, networks, confirmed names. A leading dot "
        "means all names below.",
        "[]", check_client_pattern),
    integer_param<&GreylistSettings::max_tuples>(
        "max_tuples",
        "Tuples remembered at once, about 40 bytes of memory each; a client, sender and recipient "
        "take two, or three with an organisation. Beyond it those that were never retried go "
        "first, and where one network (IPv4 /24, IPv6 /48) has a good part of all, its own that "
        "wait.",
        "1000000", 1'000, 100'000'000),
};

}  // namespace

constinit const BuiltinSection kGreylistSection = {
    {"greylist", "Strangers are asked to come back: most bots do not.", kRows},
    [](Config& config) -> void* { return &config.greylist; }};

}  // namespace ravelin::proxy
