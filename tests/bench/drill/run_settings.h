// What one run is to do.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/drill/options.h"
#include "tests/bench/drill/units.h"

namespace ravelin::drill {

enum class Script : uint8_t { Retrying, Harvesting, Slow, Early, Valid, Tls, Silent };
constexpr size_t kScripts = 7;
const char* name_of(Script script);

// Known senders have a record from the warm-up; new ones come for the first time, late ones in the
// midst of the load.
enum class GoodKind : uint8_t { Known, New, Late };
constexpr size_t kGoodKinds = 3;
const char* name_of(GoodKind kind);

enum class GoodPlace : uint8_t { Apart, OneNetwork, BotsWide, BotsNetworks };

struct RunSettings {
  Endpoint target;
  bool own_target = false;
  std::string domain;
  uint64_t seed = 1;
  std::string json;

  Seconds onset{}, duration{}, quiet{}, drain{};
  std::vector<std::pair<Seconds, double>> stages;  // from then on this share of the bots is active
  Seconds ramp{};

  std::array<uint32_t, kScripts> bots{};
  uint32_t per_bot = 1;
  uint32_t networks = 40, wide_networks = 8;
  Seconds pause{}, retry{}, hold{}, drip{};
  double null_senders = 0, tls_stalls = 0, no_quit = 0;
  uint32_t rcpts = 20;
  uint32_t pool = 0;

  std::array<uint32_t, kGoodKinds> good{};
  std::array<double, kGoodKinds> rate{};
  uint32_t turned = 0;  // of the known ones, the last
  std::vector<std::string> mailboxes;
  uint32_t warm_up = 0;
  Seconds warm_up_limit{}, good_retry{}, good_retry_max{}, patience{};
  uint32_t parallel = 2;
  uint64_t size = 4000;
  bool good_tls = false;
  double bounces = 0;  // share of good messages
  GoodPlace good_place = GoodPlace::Apart;

  uint64_t dialogs() const;  // open at most
};

// |settings| outlives the command.
Command run_command(RunSettings& settings);
// What does not fit together, in one line; "" if all does.
std::string contradiction(const RunSettings& settings, size_t descriptors);

}  // namespace ravelin::drill
