// The [sandbox] section: what the process gives up beside root.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/config/config.h"

namespace ravelin::proxy {

enum class Seccomp : uint8_t { Off, Log, Enforce };

struct SandboxSettings {
  Seccomp seccomp;
  std::string chroot;  // "": none
};

const SandboxSettings& sandbox_settings(const Config& config);

// What the file itself cannot show: "" or why |config|, read from |file|, with |user| of the
// command line or "", cannot run in its chroot.
std::string chroot_fault(const Config& config, const std::string& file, const std::string& user);

}  // namespace ravelin::proxy
