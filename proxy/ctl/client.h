// Asks the daemon one question over its control socket.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "smtp/expected.h"

namespace ravelin::proxy {

struct Unreachable {
  std::string why;  // and what to do about it; one or more lines
};

// Sends |request|, JSON, and returns the answer's JSON, or why there is none. Blocks for |limit| at
// the most, raises no SIGPIPE, and takes no answer longer than kMaxControlResponse.
smtp::Expected<std::string, Unreachable> ask_daemon(const std::string& socket_path,
                                                    std::string_view request,
                                                    std::chrono::milliseconds limit);

// Likewise for an answer in parts: |take| gets each message and says whether another one follows.
// |limit| holds for each. "" or why it ended before its end.
std::string ask_daemon_on(const std::string& socket_path, std::string_view request,
                          std::chrono::milliseconds limit,
                          const std::function<bool(const std::string& message)>& take);

}  // namespace ravelin::proxy
