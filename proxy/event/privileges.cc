#include "proxy/event/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/event/capabilities.h"

namespace ravelin::proxy {
namespace {

// Never through a link that somebody else may have put there, never waiting for a FIFO's reader.
constexpr int kQuietly = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

std::string failed(const std::string& what) { return what + ": " + std::strerror(errno); }

// What a link leads to (/dev/stdout) is not ours to give away; whether it can be written shows
// later.
std::string not_opened(const std::string& path) { return errno == ELOOP ? "" : failed(path); }

// Closes |fd|. What somebody else owns stays theirs: it was set up so on purpose.
std::string give_open(int fd, const std::string& path, const User& user) {
  struct stat now {};
  const bool ours = fstat(fd, &now) == 0 && now.st_uid == 0 && S_ISREG(now.st_mode);
  const bool given = !ours || fchown(fd, user.uid, user.gid) == 0;
  const auto why = given ? std::string() : failed(path);
  close(fd);
  return why;
}

}  // namespace

bool running_as_root() { return geteuid() == 0; }
bool is_us(const User& user) { return geteuid() == user.uid; }

std::optional<User> find_user(const std::string& name) {
  const passwd* found = getpwnam(name.c_str());
  if (found == nullptr) return {};
  User user{name, found->pw_uid, found->pw_gid, std::vector<gid_t>(64)};
  auto count = static_cast<int>(user.groups.size());
  if (getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<size_t>(count));  // what it takes
    getgrouplist(user.name.c_str(), user.gid, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

std::string become(const User& user) {
  empty_bounding_set(user.uid);
  if (setgroups(user.groups.size(), user.groups.data()) != 0) return failed("setgroups");
  if (setresgid(user.gid, user.gid, user.gid) != 0) return failed("setresgid");
  if (setresuid(user.uid, user.uid, user.uid) != 0) return failed("setresuid");
  // The kernel has cleared what root had, not what may be inherited.
  if (auto why = give_up_capabilities(); !why.empty()) return why;
  if (user.uid != 0 && setuid(0) == 0) return "root could be regained";
  return "";
}

std::string enter_root(const std::string& directory) {
  if (chroot(directory.c_str()) != 0) return failed(directory);
  return chdir("/") == 0 ? "" : failed("/");
}

std::string stay_as_we_are() {
  empty_bounding_set(geteuid());
  return give_up_capabilities();
}

std::string give_file(const std::string& path, const User& user, mode_t mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | kQuietly, mode);
  return fd < 0 ? not_opened(path) : give_open(fd, path, user);
}

std::string give_existing(const std::string& path, const User& user) {
  const int fd = open(path.c_str(), O_WRONLY | kQuietly);
  if (fd < 0) return errno == ENOENT ? "" : not_opened(path);
  return give_open(fd, path, user);
}

std::string give_socket(const std::string& path, const User& user) {
  return lchown(path.c_str(), user.uid, user.gid) == 0 ? "" : failed(path);
}

std::string make_directory(const std::string& path, const std::optional<User>& user, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) return errno == EEXIST ? "" : failed(path);
  return !user || chown(path.c_str(), user->uid, user->gid) == 0 ? "" : failed(path);
}

}  // namespace ravelin::proxy
