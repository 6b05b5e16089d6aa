// A living dialog as an administrator sees it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// The message that it is about.
struct MailView {
  Id id = 0;
  std::string from;                     // "" for the null sender
  std::vector<std::string> recipients;  // accepted ones, the first few
  size_t accepted = 0;                  // all of them
  uint64_t octets = 0;                  // of the text, so far
};

// Values only: made on the worker's thread, read on another.
struct SessionView {
  static constexpr size_t kRecipients = 5;  // shown

  DialogInfo dialog;
  std::string_view phase;               // "greeting", "command", ...; see docs/control.md
  std::string_view standing;            // "unknown", "passed", "good", "allowed"
  std::chrono::nanoseconds age{};       // since it came
  std::chrono::nanoseconds in_phase{};  // since the phase began, or since it last sent text
  std::optional<MailView> mail;
};

}  // namespace ravelin::proxy
