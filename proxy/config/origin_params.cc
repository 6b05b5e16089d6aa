#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

constexpr Param kRows[] = {
    text_param<&OriginSettings::country>(
        "country",
        "A database in MaxMind's format with countries, as GeoLite2-Country.mmdb is one; empty: "
        "none. It is read into memory at start and at a reload; one that cannot be used is told "
        "of, and does no harm.",
        "\"\""),
    text_param<&OriginSettings::asn>(
        "asn", "Likewise with autonomous systems and who has them, as GeoLite2-ASN.mmdb is one.",
        "\"\""),
};

}  // namespace

constinit const BuiltinSection kOriginSection = {
    {"origin", "Where clients come from, for reports. Nobody is refused by it.", kRows},
    [](Config& config) -> void* { return &config.origin; }};

}  // namespace ravelin::proxy
