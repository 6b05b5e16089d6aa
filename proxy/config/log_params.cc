#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kFormats[] = {"postfix", "json"};
constexpr std::string_view kFacilities[] = {"mail",   "daemon", "user",   "local0",
                                            "local1", "local2", "local3", "local4",
                                            "local5", "local6", "local7"};

constexpr Param kRows[] = {
    text_param<&LogSettings::file>(
        "file",
        "Where the log goes; \"-\" is stderr, \"\" is nowhere but syslog. USR1 reopens a file.",
        "\"-\""),
    choice_param<&LogSettings::format>(
        "format",
        "How a line of file looks. \"postfix\" lines suit the tools that read Postfix logs.",
        "\"postfix\"", kFormats),
    text_param<&LogSettings::syslog>("syslog",
                                     "The socket of this machine's syslogd (\"/dev/log\"), which "
                                     "gets the log as well, in Postfix' "
                                     "form; empty: none. USR1 connects it anew.",
                                     "\"\"", check_socket_path),
    choice_param<&LogSettings::syslog_facility>(
        "syslog_facility", "What syslogd sorts the lines by.", "\"mail\"", kFacilities),
    rate_param<&LogSettings::flood>(
        "flood", "Lines a second beyond which reasons are counted and summed up instead.",
        "\"10000/s\"", 10, 10'000'000),
    text_param<&LogSettings::syslog_name>(
        "syslog_name", "The name before the slash in Postfix-shaped lines (\"postfix/smtpd\").",
        "\"postfix\"", check_word),
    boolean_param<&LogSettings::rfc3339>(
        "rfc3339", "Stamps as 2026-01-31T23:59:59.123456+01:00 instead of Jan 31 23:59:59.",
        "false"),
};

}  // namespace

constinit const BuiltinSection kLogSection = {{"log", "What is written down.", kRows},
                                              [](Config& config) -> void* { return &config.log; }};

}  // namespace ravelin::proxy
