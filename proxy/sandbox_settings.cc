#include "proxy/sandbox_settings.h"

#include "proxy/config/section.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kPath = "sandbox";
constexpr std::string_view kSeccompNames[] = {"off", "log", "enforce"};

constexpr Param kRows[] = {
    choice_param<&SandboxSettings::seccomp>(
        "seccomp",
        "A filter of system calls, from the moment when all is open: the list is in "
        "docs/sandbox.md. log: the kernel's log says what is not in it; enforce: refused. "
        "A change needs a restart.",
        "\"off\"", kSeccompNames),
};

constinit const Section kSection = {kPath, "What the process gives up beside root.", kRows,
                                    make_settings<SandboxSettings>};
const RegisterSection registered(kSection);

}  // namespace

const SandboxSettings& sandbox_settings(const Config& config) {
  return config.section<SandboxSettings>(kPath);
}

}  // namespace ravelin::proxy
