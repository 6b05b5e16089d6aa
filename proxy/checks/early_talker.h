// Does the client talk before our greeting? A mail server waits for it (RFC 5321 §3.1); much of
// what sends abuse does not.
#pragma once

#include <string_view>

#include "proxy/checks/check.h"

namespace ravelin::proxy {

// The session itself sees who talks when; it takes what to do from here.
struct EarlyTalkerSettings {
  Action action;
  milliseconds pause;  // before the greeting
};

inline constexpr std::string_view kEarlyTalkerPath = "checks.early_talker";
// As a check of the connect stage: its name in findings and its words.
extern const CheckDef kEarlyTalker;
extern const Sign kTalkedEarly;

// In place of the greeting: 554, or 421 for Action::Defer (RFC 5321 §3.1 knows 220, 421 and 554
// there).
smtp::Reply early_talk_refusal(Action action);

}  // namespace ravelin::proxy
