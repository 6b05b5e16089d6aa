#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMB = 1'000'000;
constexpr uint64_t kTB = 1'000'000 * kMB;

constexpr Param kRows[] = {
    size_param<&HistorySettings::memory>("memory",
                                         "For the latest dialogs, and as much again, 4MB at least, "
                                         "for those that wait for a disk; 0: "
                                         "dialogs are not put down at all.",
                                         "\"16MB\"", 0, 10'000 * kMB),
    size_param<&HistorySettings::size>(
        "size",
        "Most of history.db, beside state.path; the oldest dialogs go first. 0: memory only.",
        "\"1GB\"", 0, kTB),
    duration_param<&HistorySettings::keep>("keep", "How long dialogs stay in history.db.",
                                           "\"14d\"", 1h, 24h * 3650),
    size_param<&HistorySettings::disk_free>(
        "disk_free",
        "With less than that left on the disk history.db is not written: mail, state and log come "
        "first.",
        "\"500MB\"", 0, kTB),
    boolean_param<&HistorySettings::hash_addresses>(
        "hash_addresses",
        "Puts a keyed hash in the place of the local part of each mail address, and leaves out "
        "texts that may quote one. `ravelinctl explain` still finds an address that it is given.",
        "false"),
    duration_param<&HistorySettings::keep_reports>(
        "keep_reports",
        "How long reports of episodes stay in history.db, where they name sources when their "
        "dialogs are gone: fifty at most, and a tenth of history.size.",
        "\"365d\"", 1h, 24h * 3650),
};

}  // namespace

constinit const BuiltinSection kHistorySection = {
    {"history", "What became of dialogs, for `ravelinctl explain`.", kRows},
    [](Config& config) -> void* { return &config.history; }};

}  // namespace ravelin::proxy
