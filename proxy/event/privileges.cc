#include "proxy/event/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

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
  return User{name, found->pw_uid, found->pw_gid};
}

std::string become(const User& user) {
  if (initgroups(user.name.c_str(), user.gid) != 0) return failed("initgroups");
  if (setresgid(user.gid, user.gid, user.gid) != 0) return failed("setresgid");
  // From a uid of 0 to another one in all three ids: the kernel clears every capability.
  if (setresuid(user.uid, user.uid, user.uid) != 0) return failed("setresuid");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("PR_SET_NO_NEW_PRIVS");
  if (user.uid != 0 && setuid(0) == 0) return "root could be regained";
  return "";
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
