#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr Param kRows[] = {
    fixed_at_start(text_param<&AdminSettings::socket>(
        "socket", "The UNIX socket of ravelinctl, mode 0660; empty: none.",
        "\"/run/ravelin/ctl.sock\"", check_socket_path)),
    fixed_at_start(text_param<&AdminSettings::http>(
        "http",
        "\"ADDRESS:PORT\" where a browser or Prometheus reads, on a loopback address; empty: none.",
        "\"\"", check_loopback)),
};

}  // namespace

constinit const BuiltinSection kAdminSection = {
    {"admin", "How the running program is asked and told.", kRows},
    [](Config& config) -> void* { return &config.admin; }};

}  // namespace ravelin::proxy
