#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr Param kRows[] = {
    fixed_at_start(text_param<&StateSettings::path>(
        "path", "Where standing and greylisting are kept; empty: memory only.",
        "\"/var/lib/ravelin/state.db\"")),
};

}  // namespace

constinit const BuiltinSection kStateSection = {
    {"state", "What outlives a restart.", kRows},
    [](Config& config) -> void* { return &config.state; }};

}  // namespace ravelin::proxy
