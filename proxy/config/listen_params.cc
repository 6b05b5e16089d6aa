#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr Param kRows[] = {
    fixed_at_start(text_list_param<&ListenSettings::smtp>(
        "smtp",
        "Where SMTP clients are taken: \"ADDRESS:PORT\", IPv6 as \"[ADDRESS]:PORT\". [::] takes "
        "IPv6 only; the port must be in front of everything that the MX record reaches.",
        "[\"0.0.0.0:25\", \"[::]:25\"]", check_endpoint)),
    fixed_at_start(integer_param<&ListenSettings::workers>(
        "workers", "Threads that serve clients; 0: one per core.", "0", 0, 256)),
};

}  // namespace

constinit const BuiltinSection kListenSection = {
    {"listen", "Addresses and threads.", kRows},
    [](Config& config) -> void* { return &config.listen; }};

}  // namespace ravelin::proxy
