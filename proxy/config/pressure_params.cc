// How hard we are pressed, and what each level changes. The three levels have the same rows with
// other defaults.
#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kMaxCount = 1'000'000;
constexpr uint64_t kMB = 1'000'000;

constexpr std::string_view kModes[] = {"auto", "calm", "busy", "attack", "siege"};
constexpr std::string_view kOrders[] = {"configured", "after-greylist", "before-greylist"};

constexpr Param kRows[] = {
    choice_param<&PressureSettings::level>(
        "level",
        "\"auto\": measured once a second. Any other fixes the level by hand; \"calm\" is as if "
        "there were no pressure.",
        "\"auto\"", kModes),
    duration_param<&PressureSettings::hold>("hold",
                                            "How long a level lasts after the last moment that "
                                            "asked for it; twice as long, up to eight "
                                            "times, if it comes again soon.",
                                            "\"5m\"", 1s, 24h),
    share_param<&PressureSettings::busy_places>(
        "busy_places", "busy: this share of all places is in use.", "\"50%\"", 0.01, 1),
    duration_param<&PressureSettings::busy_wait>(
        "busy_wait",
        "busy: recipients wait so long for the backend's answer on average. Four times that, and "
        "an attack is a siege.",
        "\"5s\"", 10ms, 5min),
    duration_param<&PressureSettings::busy_lag>(
        "busy_lag",
        "busy: a worker comes so late to what is due. Four times that, and an attack is a siege.",
        "\"250ms\"", 10ms, 1min),
    size_param<&PressureSettings::memory>(
        "memory",
        "What this process may use: four fifths of it are busy, and with nineteen twentieths an "
        "attack is a siege. 0: three quarters of the machine's.",
        "0", 0, 1'000'000 * kMB),
    share_param<&PressureSettings::attack_strangers>(
        "attack_strangers",
        "attack: clients that are neither allow-listed nor in good standing hold this share of the "
        "places that they may have. With 98 % of them, it is a siege.",
        "\"90%\"", 0.01, 1),
    share_param<&PressureSettings::attack_unknown>(
        "attack_unknown",
        "attack: this share of the recipients that the backend was asked for is unknown to it,",
        "\"50%\"", 0.01, 1),
    share_param<&PressureSettings::attack_null_senders>(
        "attack_null_senders", "or this share of the senders without standing is null,", "\"80%\"",
        0.01, 1),
    integer_param<&PressureSettings::attack_sources>(
        "attack_sources",
        "or this many times as many new sources come as usual; and of what counts there are in "
        "each "
        "case four times as many as usual,",
        "10", 2, 1000),
    rate_param<&PressureSettings::attack_rate>("attack_rate", "and at least so many.", "\"5/s\"", 1,
                                               kMaxCount),
};

struct Defaults {
  std::string_view command_timeout, data_timeout, handshake_timeout, dialog_time, data_min_rate,
      errors, junk_commands, sessions_per_client, sessions_per_network, pause, order;
};

constexpr std::array<Param, 11> overlay_rows(const Defaults& defaults) {
  return {{
      duration_param<&PressureOverlay::command_timeout>(
          "command_timeout", "See limits.command_timeout.", defaults.command_timeout, 1s, 1h),
      duration_param<&PressureOverlay::data_timeout>("data_timeout", "See limits.data_timeout.",
                                                     defaults.data_timeout, 1s, 1h),
      duration_param<&PressureOverlay::handshake_timeout>("handshake_timeout",
                                                          "See limits.handshake_timeout.",
                                                          defaults.handshake_timeout, 1s, 5min),
      duration_param<&PressureOverlay::dialog_time>("dialog_time", "See limits.dialog_time.",
                                                    defaults.dialog_time, 10s, 24h),
      size_param<&PressureOverlay::data_min_rate>("data_min_rate", "See limits.data_min_rate.",
                                                  defaults.data_min_rate, 0, 10 * kMB),
      integer_param<&PressureOverlay::errors>("errors", "See limits.errors.", defaults.errors, 1,
                                              10'000),
      integer_param<&PressureOverlay::junk_commands>("junk_commands", "See limits.junk_commands.",
                                                     defaults.junk_commands, 1, 10'000),
      integer_param<&PressureOverlay::sessions_per_client>(
          "sessions_per_client", "See limits.sessions_per_client; 0: as there.",
          defaults.sessions_per_client, 0, kMaxCount),
      integer_param<&PressureOverlay::sessions_per_network>(
          "sessions_per_network", "See limits.sessions_per_network; 0: as there.",
          defaults.sessions_per_network, 0, kMaxCount),
      duration_param<&PressureOverlay::pause>("pause", "See checks.early_talker.pause.",
                                              defaults.pause, 0s, 60s),
      choice_param<&PressureOverlay::order>("order", "See verify.order; \"configured\": as there.",
                                            defaults.order, kOrders),
  }};
}

constexpr auto kBusyRows = overlay_rows({.command_timeout = "\"2m\"",
                                         .data_timeout = "\"2m\"",
                                         .handshake_timeout = "\"20s\"",
                                         .dialog_time = "\"1h\"",
                                         .data_min_rate = "\"1kB\"",
                                         .errors = "10",
                                         .junk_commands = "50",
                                         .sessions_per_client = "20",
                                         .sessions_per_network = "60",
                                         .pause = "\"2s\"",
                                         .order = "\"configured\""});
constexpr auto kAttackRows = overlay_rows({.command_timeout = "\"30s\"",
                                           .data_timeout = "\"1m\"",
                                           .handshake_timeout = "\"10s\"",
                                           .dialog_time = "\"20m\"",
                                           .data_min_rate = "\"2kB\"",
                                           .errors = "5",
                                           .junk_commands = "10",
                                           .sessions_per_client = "10",
                                           .sessions_per_network = "30",
                                           .pause = "\"5s\"",
                                           .order = "\"after-greylist\""});
// Five at once are what Postfix begins with: a server that is new here has a few messages, too.
constexpr auto kSiegeRows = overlay_rows({.command_timeout = "\"10s\"",
                                          .data_timeout = "\"20s\"",
                                          .handshake_timeout = "\"5s\"",
                                          .dialog_time = "\"5m\"",
                                          .data_min_rate = "\"5kB\"",
                                          .errors = "3",
                                          .junk_commands = "5",
                                          .sessions_per_client = "5",
                                          .sessions_per_network = "10",
                                          .pause = "\"3s\"",
                                          .order = "\"after-greylist\""});

template <size_t Index>
void* overlay_of(Config& config) {
  return &config.pressure.overlays[Index];
}

}  // namespace

constinit const BuiltinSection kPressureSection = {
    {"pressure",
     "How hard we are pressed: calm, busy, attack, siege. Each level has a section that says what "
     "it makes stricter; what is stricter already stays. Clients with standing and allow-listed "
     "ones keep what holds in calm.",
     kRows},
    [](Config& config) -> void* { return &config.pressure; }};

constinit const BuiltinSection kBusySection = {
    {"pressure.busy", "Much to do, whoever it is for.", kBusyRows}, &overlay_of<0>};
constinit const BuiltinSection kAttackSection = {
    {"pressure.attack", "Many strangers, and they do what mail servers do not.", kAttackRows},
    &overlay_of<1>};
constinit const BuiltinSection kSiegeSection = {
    {"pressure.siege", "An attack, and we are at the end of what we have.", kSiegeRows},
    &overlay_of<2>};

}  // namespace ravelin::proxy
