#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMB = 1'000'000;
constexpr uint64_t kTB = 1'000'000 * kMB;
constexpr std::string_view kWhenNames[] = {"episodes", "always"};

constexpr Param kRows[] = {
    fixed_at_start(text_param<&CaptureSettings::directory>(
        "directory",
        "Where messages are kept that nobody here was meant to get: see docs/capture.md. Empty: "
        "none are taken.",
        "\"\"")),
    choice_param<&CaptureSettings::when>(
        "when", "sample and first_per_print hold during episodes only, or always.", "\"episodes\"",
        kWhenNames),
    integer_param<&CaptureSettings::first_per_print>(
        "first_per_print",
        "Of clients with the same habits so many messages are taken; 0: none for that reason.", "3",
        0, 1000),
    share_param<&CaptureSettings::sample>(
        "sample", "The share of doomed transactions that is taken by chance.", "\"0%\""),
    text_list_param<&CaptureSettings::sources>(
        "sources", "Addresses and networks whose doomed transactions are taken at any time.", "[]",
        check_cidr),
    integer_param<&CaptureSettings::at_once>(
        "at_once", "Messages under way at once; each may take message_size of memory.", "8", 1,
        1000),
    size_param<&CaptureSettings::message_size>("message_size",
                                               "Kept of one message; the rest is read and let go.",
                                               "\"256kB\"", 1000, 100 * kMB),
    integer_param<&CaptureSettings::messages>(
        "messages", "Kept in the directory; the oldest go first.", "1000", 1, 100'000),
    size_param<&CaptureSettings::size>("size", "Of all of them; the oldest go first.", "\"100MB\"",
                                       kMB, kTB),
    duration_param<&CaptureSettings::keep>("keep", "How long a message stays there.", "\"30d\"", 1h,
                                           24h * 3650),
    size_param<&CaptureSettings::disk_free>(
        "disk_free", "With less than that left on the disk nothing is taken.", "\"1GB\"", 0, kTB),
};

}  // namespace

constinit const BuiltinSection kCaptureSection = {
    {"capture", "What did they want to send? Messages to recipients that are refused anyhow.",
     kRows},
    [](Config& config) -> void* { return &config.capture; }};

}  // namespace ravelin::proxy
