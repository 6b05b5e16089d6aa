#include "proxy/reload.h"

#include "proxy/sandbox_settings.h"

namespace ravelin::proxy {

std::vector<std::string> needs_restart(const Config& now, const Config& next) {
  std::vector<std::string> changed;
  const auto compare = [&](const char* name, bool same) {
    if (!same) changed.push_back(std::string(name) + ": needs restart; nothing was changed");
  };
  compare("listen.smtp", now.listen.smtp == next.listen.smtp);
  compare("listen.workers", now.listen.workers == next.listen.workers);
  compare("user", now.user == next.user);
  compare("state.path", now.state.path == next.state.path);
  compare("capture.directory", now.capture.directory == next.capture.directory);
  compare("admin.socket", now.admin.socket == next.admin.socket);
  compare("admin.http", now.admin.http == next.admin.http);
  compare("sandbox.seccomp", sandbox_settings(now).seccomp == sandbox_settings(next).seccomp);
  compare("sandbox.chroot", sandbox_settings(now).chroot == sandbox_settings(next).chroot);
  return changed;
}

}  // namespace ravelin::proxy
