#include "proxy/event/socket_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace ravelin::proxy {

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat file {};
  if (lstat(path_.c_str(), &file) != 0) path_.clear();
  device_ = file.st_dev;
  inode_ = file.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

// Where the directory belongs to somebody else it stays, and the next start replaces it.
void SocketFile::remove() {
  struct stat file {};
  const auto path = std::exchange(path_, {});
  if (path.empty() || lstat(path.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) unlink(path.c_str());
}

}  // namespace ravelin::proxy
