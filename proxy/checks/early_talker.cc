#include "proxy/checks/early_talker.h"

#include <chrono>

#include "smtp/replies.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr Param kParams[] = {
    action_param<&EarlyTalkerSettings::action>("action",
                                               "What to do with a client that talks before the "
                                               "greeting. It hears 554 at once, or 421 with "
                                               "\"defer\". With any value but \"off\" it loses "
                                               "standing, in shadow mode too.",
                                               "\"reject\""),
    duration_param<&EarlyTalkerSettings::pause>(
        "pause",
        "How long the greeting is held back to see who talks first. Clients in good standing and "
        "allow-listed ones do not wait. RFC 5321 §4.5.3.2.1 gives a client 5 minutes of patience.",
        "\"2s\"", 0s, 60s),
};

constexpr Section kSection{kEarlyTalkerPath, "A pause before the greeting, and who cannot wait.",
                           kParams, &make_settings<EarlyTalkerSettings>};
const RegisterSection registered{kSection};

}  // namespace

// Not registered as a check: nothing starts it, it happens.
const CheckDef kEarlyTalker{"early_talker", Stage::Connect, false, kSection, nullptr};

// 554 5.5.1 and the words that log readers know for protocol errors of a client.
constexpr Sign kTalkedEarly{.test = "",
                            .enhanced = {5, 1},
                            .reason = "Client host rejected",
                            .text = "Protocol error: you spoke before the greeting",
                            .reject_code = 554};

smtp::Reply early_talk_refusal(Action action) {
  auto refusal = smtp::replies::early_talker();
  if (action == Action::Defer) refusal.code = 421;
  return refusal;
}

}  // namespace ravelin::proxy
