#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kModes[] = {"enforce", "shadow"};

constexpr Param kRows[] = {
    required(text_param<&Config::hostname>(
                 "hostname",
                 "Our own name: in the greeting, in EHLO to backends and in Received (RFC 5321 "
                 "§4.1.1.1). It should be the name that the MX record and the PTR record have.",
                 "", check_hostname),
             "\"mx.example.net\""),
    choice_param<&Config::mode>(
        "mode",
        "Whether verdicts are carried out or only logged. With \"shadow\" nobody is refused by "
        "checks, greylisting or deny (also \"ravelinctl deny add\"); relay domains, framing, "
        "sizes, [harvest], [limits], [pressure] and the backend's verdicts hold as ever.",
        "\"enforce\"", kModes),
    fixed_at_start(text_param<&Config::user>(
        "user",
        "The user to become after the ports are bound; empty: stay. Only root can change; --user "
        "on the command line goes before it.",
        "\"\"", check_word)),
};

}  // namespace

constinit const BuiltinSection kGeneralSection = {
    {"", "Keys at the top of the file, before the first section.", kRows},
    [](Config& config) -> void* { return &config; }};

}  // namespace ravelin::proxy
