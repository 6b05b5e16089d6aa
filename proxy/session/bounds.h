// Bounds of one dialog that are not for an operator to set.
#pragma once

#include <chrono>
#include <cstddef>

#include "smtp/command.h"

namespace ravelin::proxy {

inline constexpr smtp::SyntaxLimits kSyntax{};
// One read of commands, and of message text.
inline constexpr size_t kCommandRead = 4096;
inline constexpr size_t kTextRead = 65536;
// How long the rest of a refused message is read, so that the reply is heard.
inline constexpr std::chrono::seconds kDiscardTime{30};
// An answer that is so long overdue was lost on its way, when there was no memory to carry it.
inline constexpr std::chrono::seconds kOverdue{5};
inline constexpr size_t kPregreetText = 100;  // octets of early talk that the log shows
inline constexpr uint32_t kMaxReceived = 50;  // RFC 5321 §6.3
inline constexpr size_t kVerbs = static_cast<size_t>(smtp::Verb::Unknown) + 1;

}  // namespace ravelin::proxy
