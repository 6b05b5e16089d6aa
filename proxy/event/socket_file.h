// The name of a UNIX-domain socket in the file system, which no close() removes.
#pragma once

#include <sys/types.h>

#include <string>

namespace ravelin::proxy {

// Removes the file when it goes, if it still is the socket that was there when it came. To be
// destroyed before the socket is closed: as long as somebody answers, nobody else takes the name.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path);
  ~SocketFile() { remove(); }
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;

  void remove();

 private:
  std::string path_;  // "": none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace ravelin::proxy
