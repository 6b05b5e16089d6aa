// The system calls of this folder, as a table: a test replaces an entry to make the Nth call fail.
// A call through it costs one load more than a direct one. Not virtual functions: an entry is
// replaced without repeating the others.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <csignal>
#include <cstddef>

namespace ravelin::proxy {

// Each entry is the call of the same name: its result, and its errno.
struct Sys {
  int (*socket)(int domain, int type, int protocol);
  int (*bind)(int fd, const sockaddr* address, socklen_t size);
  int (*listen)(int fd, int backlog);
  int (*accept4)(int fd, sockaddr* address, socklen_t* size, int flags);
  int (*connect)(int fd, const sockaddr* address, socklen_t size);
  ssize_t (*recv)(int fd, void* buffer, size_t size, int flags);
  ssize_t (*send)(int fd, const void* bytes, size_t size, int flags);
  int (*shutdown)(int fd, int how);
  int (*close)(int fd);
  int (*getsockopt)(int fd, int level, int name, void* value, socklen_t* size);
  int (*setsockopt)(int fd, int level, int name, const void* value, socklen_t size);
  ssize_t (*read)(int fd, void* buffer, size_t size);
  ssize_t (*write)(int fd, const void* bytes, size_t size);
  int (*open)(const char* path, int flags);
  int (*eventfd)(unsigned initial, int flags);
  int (*signalfd)(int fd, const sigset_t* mask, int flags);
};

// Shared by all threads; changed only by tests, while no other thread runs.
extern Sys sys;

}  // namespace ravelin::proxy
