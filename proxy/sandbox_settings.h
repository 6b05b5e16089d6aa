// The [sandbox] section: what the process gives up beside root.
#pragma once

#include <cstdint>

#include "proxy/config/config.h"

namespace ravelin::proxy {

enum class Seccomp : uint8_t { Off, Log, Enforce };

struct SandboxSettings {
  Seccomp seccomp;
};

const SandboxSettings& sandbox_settings(const Config& config);

}  // namespace ravelin::proxy
