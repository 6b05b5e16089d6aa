// The chroot. Its rule: every file is named in the configuration as it is seen from outside, and is
// below the directory. So one row more changes no other, --check needs no root, and ravelinctl,
// logrotate and whoever renews certificates find what they read in the configuration. Names from
// inside would be shorter, and every other tool would have to know of it.
#include "proxy/sandbox_settings.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/ip.h"
#include "proxy/config/document.h"
#include "proxy/config/report.h"
#include "proxy/config/root.h"
#include "proxy/config/section.h"
#include "proxy/tls_settings.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kPath = "sandbox";
constexpr std::string_view kSeccompNames[] = {"off", "log", "enforce"};

constexpr Param kRows[] = {
    fixed_at_start(choice_param<&SandboxSettings::seccomp>(
        "seccomp",
        "A filter of system calls, from the moment when all is open: the list is in "
        "docs/sandbox.md. log: the kernel's log says what is not in it; enforce: refused.",
        "\"off\"", kSeccompNames)),
    fixed_at_start(text_param<&SandboxSettings::chroot>(
        "chroot",
        "A directory that becomes the root of the process; empty: none. Every file, the "
        "configuration too, is named as seen from outside and lies below it. Takes root at start, "
        "a user, and dev/urandom in the directory; etc/resolv.conf too if dns.servers is empty or "
        "a backend has a name; and tls_ca_file in each route with tls = \"verify\".",
        "\"\"")),
};

struct NamedFile {
  std::string_view row;
  std::string_view path;
};

std::vector<NamedFile> files_of(const Config& config) {
  std::vector<NamedFile> files = {{"state.path", config.state.path},
                                  {"admin.socket", config.admin.socket},
                                  {"access.allow_file", config.access.allow_file},
                                  {"access.deny_file", config.access.deny_file},
                                  {"origin.country", config.origin.country},
                                  {"origin.asn", config.origin.asn},
                                  {"capture.directory", config.capture.directory}};
  files.push_back({"log.syslog", config.log.syslog});
  if (config.log.file != "-") files.push_back({"log.file", config.log.file});
  for (const auto& route : config.routes) {
    files.push_back({"route.domains_file", route.domains_file});
    files.push_back({"route.recipients_file", route.recipients_file});
    files.push_back({"route.tls_ca_file", route.tls_ca_file});
  }
  const auto& tls = tls_settings(config);
  for (const auto& file : tls.certificates) files.push_back({"tls.certificates", file});
  for (const auto& file : tls.keys) files.push_back({"tls.keys", file});
  std::erase_if(files, [](const NamedFile& file) { return file.path.empty(); });
  return files;
}

bool needs_resolv_conf(const Config& config) {
  const auto named = [](const std::string& backend) { return !dns::Endpoint::parse(backend); };
  return config.dns.servers.empty() ||
         std::any_of(config.routes.begin(), config.routes.end(), [&](const auto& route) {
           return std::any_of(route.backends.begin(), route.backends.end(), named);
         });
}

// The system's are looked up by OpenSSL itself, one by one as they are needed.
bool needs_system_certificates(const Config& config) {
  return std::any_of(config.routes.begin(), config.routes.end(), [](const auto& route) {
    return route.tls == BackendTls::Verify && route.tls_ca_file.empty();
  });
}

// c-ares takes the ids of its questions from this device whenever it makes a channel, at a reload
// too; without it they are those of rand(), for every forger to compute.
bool is_random_device(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 9);
}

bool is_there(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0;
}

std::vector<std::string> faults_of(const std::string& chroot, const Config& config) {
  if (!is_plain_path(chroot))
    return {"chroot: not an absolute path without \"..\" and final \"/\": " + quoted(chroot)};
  std::vector<std::string> faults;
  for (const auto& [row, path] : files_of(config))
    if (!is_below(path, chroot) || !is_plain_path(path))
      faults.push_back(fmt::format("chroot: {} is not below it: {}", row, quoted(path)));
  if (!is_random_device(seen_here(chroot + "/dev/urandom")))
    faults.push_back("chroot: dev/urandom is missing there (mknod -m 444 dev/urandom c 1 9)");
  if (needs_resolv_conf(config) && !is_there(seen_here(chroot + "/etc/resolv.conf")))
    faults.push_back(
        "chroot: etc/resolv.conf is missing there: dns.servers is empty, or a backend "
        "has a name");
  if (needs_system_certificates(config))
    faults.push_back(
        "chroot: with tls = \"verify\" a route needs tls_ca_file: the system's certificates are "
        "outside");
  return faults;
}

void complete(const Value& root, const Config& config, void* raw, Report& report) {
  const auto& chroot = static_cast<SandboxSettings*>(raw)->chroot;
  if (chroot.empty()) return;
  const Value* const table = root.find(kPath);
  const Value* const value = table != nullptr ? table->find("chroot") : nullptr;
  const auto place = value != nullptr ? value->place : Place{};
  for (auto& fault : faults_of(chroot, config)) report.error(place, std::move(fault));
}

constinit const Section kSection = {kPath, "What the process gives up beside root.", kRows,
                                    make_settings<SandboxSettings>, complete};
const RegisterSection registered(kSection);

}  // namespace

const SandboxSettings& sandbox_settings(const Config& config) {
  return config.section<SandboxSettings>(kPath);
}

std::string chroot_fault(const Config& config, const std::string& file, const std::string& user) {
  const auto& chroot = sandbox_settings(config).chroot;
  if (chroot.empty()) return "";
  if (!is_plain_path(file) || !is_below(file, chroot))
    return "sandbox.chroot: the configuration must be below it, and be named by its whole path";
  if (config.user.empty() && user.empty())
    return "sandbox.chroot: name a user to become with user = or --user: root can leave a chroot";
  return "";
}

}  // namespace ravelin::proxy
