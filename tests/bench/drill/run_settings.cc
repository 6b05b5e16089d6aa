#include "tests/bench/drill/run_settings.h"

#include <algorithm>
#include <numeric>

#include "tests/bench/drill/names.h"
#include "tests/bench/drill/sources.h"

namespace ravelin::drill {
namespace {

constexpr const char* kScriptNames[] = {"retrying", "harvesting", "slow",  "early",
                                        "valid",    "tls",        "silent"};
constexpr const char* kGoodNames[] = {"known", "new", "late"};
constexpr uint64_t kMostClients = 100'000;

template <size_t N>
std::optional<size_t> index_of(const char* const (&names)[N], std::string_view name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return std::nullopt;
  return static_cast<size_t>(found - std::begin(names));
}

// "retrying=200" into the entry of that name.
template <size_t N, class T, class Parse>
auto named(const char* const (&names)[N], std::array<T, N>& where, Parse parse,
           const char* wanted) {
  return [&names, &where, parse, wanted](std::string_view text) -> std::string {
    const auto pair = parse_pair(text);
    const auto index = pair ? index_of(names, pair->first) : std::nullopt;
    const auto value = pair ? parse(pair->second) : std::nullopt;
    if (!index || !value) return std::string("wants ") + wanted;
    where[*index] = static_cast<T>(*value);
    return {};
  };
}

auto number(uint64_t least, uint64_t most) {
  return [least, most](std::string_view text) {
    const auto value = parse_number(text, most);
    return value && *value >= least ? value : std::nullopt;
  };
}

// "0s=10%,30s=100%", times growing.
std::string take_stages(RunSettings& settings, std::string_view text) {
  settings.stages.clear();
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto pair = parse_pair(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto at = pair ? parse_duration(pair->first) : std::nullopt;
    const auto share = pair ? parse_share(pair->second) : std::nullopt;
    if (!at || !share || (!settings.stages.empty() && *at <= settings.stages.back().first))
      return "wants growing times with shares, such as 0s=10%,30s=100%";
    settings.stages.emplace_back(*at, *share);
  }
  return {};
}

std::string take_place(RunSettings& settings, std::string_view text) {
  static constexpr const char* kPlaces[] = {"apart", "one-24", "bots-16", "bots-24"};
  const auto index = index_of(kPlaces, text);
  if (!index) return "wants apart, one-24, bots-16 or bots-24";
  settings.good_place = static_cast<GoodPlace>(*index);
  return {};
}

auto time_of(Seconds& where) {
  return store(where, parse_duration, "a time such as 500ms, 10s or 2m");
}

void add_run_options(RunSettings& s, std::vector<Option>& rows) {
  rows = {
      {"target", "ADDR:PORT", "", "The server to try: 127.0.0.1:2525 or [::1]:2525.",
       store(s.target, parse_endpoint, "an address and a port such as 127.0.0.1:2525")},
      {"i-own-this-target", "", "",
       "Allows a target that is not on loopback. All clients then come from this machine's own "
       "address.",
       [&s](std::string_view) { return s.own_target = true, std::string(); }},
      {"domain", "NAME", "", "The domain that recipients are in.",
       [&s](std::string_view text) { return s.domain = text, std::string(); }},
      {"bots", "SCRIPT=N", "",
       "N bots of a script, each with an address of its own. May be given for each of: retrying, "
       "harvesting, slow, early, valid, tls, silent.",
       named(kScriptNames, s.bots, number(0, kMostClients),
             "SCRIPT=N with retrying, harvesting, slow, early, valid, tls or silent")},
      {"good", "KIND=N", "",
       "N good senders: known (with a warm-up), new, or late: those come for the first time during "
       "the first half of the load, one after the other.",
       named(kGoodNames, s.good, number(0, 4096), "KIND=N with known, new or late")},
      {"onset", "TIME", "10s", "When the hostile load begins; good mail flows from the beginning.",
       time_of(s.onset)},
      {"duration", "TIME", "60s", "How long the hostile load lasts.", time_of(s.duration)},
      {"quiet", "TIME", "10s", "How long good mail goes on after the hostile load.",
       time_of(s.quiet)},
      {"drain", "TIME", "10s", "How long good senders may then take to empty their queues.",
       time_of(s.drain)},
      {"stages", "LIST", "0s=100%",
       "From when on, after the onset, which share of each script's bots is active: "
       "0s=10%,30s=100%.",
       [&s](std::string_view text) { return take_stages(s, text); }},
      {"ramp", "TIME", "2s", "The bots of a stage begin spread over this time.", time_of(s.ramp)},
      {"seed", "N", "1", "What chance is made from: the same seed, the same clients and mails.",
       store(s.seed, number(0, UINT64_MAX), "a number")},
      {"json", "FILE", "", "Writes the whole report there, with a figure for each second.",
       [&s](std::string_view text) { return s.json = text, std::string(); }},
  };
}

void add_bot_options(RunSettings& s, std::vector<Option>& rows) {
  const std::vector<Option> more = {
      {"per-bot", "N", "1", "Dialogs that each bot has at once.",
       store(s.per_bot, number(1, 1000), "a number from 1 to 1000")},
      {"networks", "N", "40", "Networks (/24) that the bots are spread over.",
       store(s.networks, number(1, 16384), "a number from 1 to 16384")},
      {"wide-networks", "N", "8", "Networks (/16) that those are spread over.",
       store(s.wide_networks, number(1, 64), "a number from 1 to 64")},
      {"pause", "TIME", "1s", "Between two dialogs of a bot, give or take a half.",
       time_of(s.pause)},
      {"retry", "TIME", "20s", "After which a bot tries a deferred message again.",
       time_of(s.retry)},
      {"null-senders", "SHARE", "50%", "Of bots' messages that have a null sender.",
       store(s.null_senders, parse_share, "a share such as 50%")},
      {"no-quit", "SHARE", "30%", "Of bots' dialogs that end without QUIT.",
       store(s.no_quit, parse_share, "a share such as 30%")},
      {"rcpts", "N", "20", "Recipients that a harvesting bot tries in a dialog.",
       store(s.rcpts, number(1, 10000), "a number from 1 to 10000")},
      {"recipient-pool", "N", "0", "Random recipients come from so many; 0: never one twice.",
       store(s.pool, number(0, 10'000'000), "a number")},
      {"hold", "TIME", "30s", "Between two commands of slow bots.", time_of(s.hold)},
      {"drip", "TIME", "5s", "Between two octets of slow bots.", time_of(s.drip)},
      {"tls-stalls", "SHARE", "25%", "Of tls bots that stop in the middle of the handshake.",
       store(s.tls_stalls, parse_share, "a share such as 25%")},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

void add_good_options(RunSettings& s, std::vector<Option>& rows) {
  const std::vector<Option> more = {
      {"rate", "KIND=R", "", "Messages a second that each good sender gets. Default 0.5 for each.",
       named(kGoodNames, s.rate, parse_rate, "KIND=R such as known=0.5")},
      {"mailboxes", "LIST", "good*",
       "Local parts that exist: alice,bob or @FILE, one a line; good* means good0 to good49.",
       [&s](std::string_view text) -> std::string {
         s.mailboxes = parse_mailboxes(text);
         return s.mailboxes.empty() ? "names no mailbox, or a file that cannot be read" : "";
       }},
      {"warm-up", "N", "0", "Known senders first deliver N messages each, before the clock starts.",
       store(s.warm_up, number(0, 1000), "a number up to 1000")},
      {"warm-up-limit", "TIME", "10m", "How long the warm-up may take.", time_of(s.warm_up_limit)},
      {"turned", "N", "0",
       "So many of the known senders turn bad when the load begins: retrying bots at their "
       "addresses, and no good mail from there any more.",
       store(s.turned, number(0, 4096), "a number up to 4096")},
      {"parallel", "N", "2", "Dialogs that each good sender has at most.",
       store(s.parallel, number(1, 100), "a number from 1 to 100")},
      {"good-retry", "TIME", "10s", "First wait of a deferred good message; it doubles each time,",
       time_of(s.good_retry)},
      {"good-retry-max", "TIME", "5m", "up to this.", time_of(s.good_retry_max)},
      {"patience", "TIME", "5m", "How long clients wait for a reply, but for those who hold.",
       time_of(s.patience)},
      {"size", "SIZE", "4KB", "Of good messages.", store(s.size, parse_size, "a size such as 4KB")},
      {"bounces", "SHARE", "0%", "Of good messages that have a null sender.",
       store(s.bounces, parse_share, "a share such as 20%")},
      {"good-tls", "", "", "Good senders use STARTTLS where it is offered.",
       [&s](std::string_view) { return s.good_tls = true, std::string(); }},
      {"good-place", "WHERE", "apart",
       "Good senders' networks: apart from the bots', each sender in its own or all of a kind in "
       "one-24; or in the bots' own bots-16 or bots-24.",
       [&s](std::string_view text) { return take_place(s, text); }},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

}  // namespace

const char* name_of(Script script) { return kScriptNames[static_cast<size_t>(script)]; }
const char* name_of(GoodKind kind) { return kGoodNames[static_cast<size_t>(kind)]; }

uint64_t RunSettings::dialogs() const {
  const uint64_t all_bots = std::accumulate(bots.begin(), bots.end(), uint64_t{0});
  const uint64_t all_good = std::accumulate(good.begin(), good.end(), uint64_t{0});
  return (all_bots + turned) * per_bot + all_good * parallel;
}

Command run_command(RunSettings& settings) {
  Command command{
      "run", "Puts hostile clients and good senders on a server, and reports for both.", {}};
  settings.rate.fill(0.5);
  add_run_options(settings, command.options);
  add_bot_options(settings, command.options);
  add_good_options(settings, command.options);
  return command;
}

std::string contradiction(const RunSettings& s, size_t descriptors) {
  constexpr uint64_t kSpareDescriptors = 32;
  if (s.target.size == 0) return "--target is missing";
  if (s.domain.empty()) return "--domain is missing";
  if (!s.target.loopback() && !s.own_target)
    return s.target.text() +
           " is not on loopback: if it is yours to try, say so with --i-own-this-target";
  if (s.dialogs() == 0) return "no clients: give --bots and --good";
  const uint64_t all_bots = std::accumulate(s.bots.begin(), s.bots.end(), uint64_t{0});
  if (all_bots > Sources::room(s))
    return std::to_string(all_bots) + " bots do not fit into " + std::to_string(s.networks) +
           " networks of " + std::to_string(Sources::kBotsPerNetwork) + ": give more --networks";
  if (*std::max_element(s.good.begin(), s.good.end()) > Sources::good_room(s))
    return "so many good senders have no room at this --good-place";
  if (s.turned > s.good[static_cast<size_t>(GoodKind::Known)])
    return "--turned wants as many known good senders";
  if (s.networks > s.wide_networks * 253)  // the last three are for good senders
    return "--wide-networks " + std::to_string(s.wide_networks) + " have no room for --networks " +
           std::to_string(s.networks);
  if (s.dialogs() + kSpareDescriptors > descriptors)
    return std::to_string(s.dialogs()) + " dialogs need more than the " +
           std::to_string(descriptors) + " descriptors allowed: see ulimit -n";
  return {};
}

}  // namespace ravelin::drill
