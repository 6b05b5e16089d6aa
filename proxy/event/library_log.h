// What libevent has to say. By default it goes to stderr, which a daemon's administrator never
// sees.
#pragma once

#include <functional>
#include <string_view>

namespace ravelin::proxy {

// Warnings and errors of libevent go to |say| while this lives, which must be able to take them
// from any thread. Errors go to stderr as well: libevent ends the process after them, and nobody
// else's queue is written then. One at a time in a process.
class LibraryLog {
 public:
  explicit LibraryLog(std::function<void(std::string_view text)> say);
  ~LibraryLog();
  LibraryLog(const LibraryLog&) = delete;
  LibraryLog& operator=(const LibraryLog&) = delete;

 private:
  static void on_message(int severity, const char* text) noexcept;
};

}  // namespace ravelin::proxy
