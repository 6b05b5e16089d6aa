// ask_daemon() against a daemon of a few lines: a thread that serves one connection.
#include "proxy/ctl/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

#include "proxy/observe/control_protocol.h"
#include "support/temp_dir.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

class Server {
 public:
  Server() {
    path = folder_.file("ctl.sock");
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Server() {
    if (thread_.joinable()) thread_.join();
    close(fd_);
  }
  // Answers one connection with |answer| in pieces of |chunk|, whatever it asks, then closes it
  // (or, if |hang|, waits for the client to close).
  void serve(std::string answer, size_t chunk, bool hang = false) {
    REQUIRE(listen(fd_, 1) == 0);
    thread_ = std::thread([this, answer = std::move(answer), chunk, hang] {
      const int peer = accept(fd_, nullptr, nullptr);
      char buffer[4096];
      auto got = recv(peer, buffer, sizeof buffer, 0);
      if (got > 0) asked.assign(buffer, static_cast<size_t>(got));
      for (size_t at = 0; at < answer.size(); at += chunk)
        send(peer, answer.data() + at, std::min(chunk, answer.size() - at), MSG_NOSIGNAL);
      while (hang && got > 0) got = recv(peer, buffer, sizeof buffer, 0);
      close(peer);
    });
  }
  void wait() { thread_.join(); }

  std::string path;
  std::string asked;

 private:
  test::TempDir folder_;
  int fd_ = -1;
  std::thread thread_;
};

std::string frames(std::string_view message) {
  std::string out;
  do append_frame(out, message);
  while (!message.empty());
  return out;
}

TEST_CASE("ask_daemon sends a frame and takes the answer, however it arrives") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 1000);
  Server server;
  server.serve(frames("{\"ok\":true}"), chunk);
  const auto answer = ask_daemon(server.path, "{}", 10s);
  REQUIRE(answer);
  CHECK(*answer == "{\"ok\":true}");
  server.wait();
  CHECK(server.asked == frames("{}"));
}

TEST_CASE("ask_daemon takes an answer of several pages") {
  const std::string text(2 * kControlPage + 1, 'x');
  Server server;
  server.serve(frames(text), 100'000);
  const auto answer = ask_daemon(server.path, "{}", 30s);
  REQUIRE(answer);
  CHECK(*answer == text);
}

TEST_CASE("ask_daemon says why there is no answer") {
  Server server;
  SECTION("nothing at that path") {
    const auto answer = ask_daemon(server.path + "x", "{}", 10s);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().why ==
          server.path +
              "x: No such file or directory\n"
              "Is ravelin running, and is admin.socket this path? (--socket PATH)");
  }
  SECTION("nobody listens") {
    const auto answer = ask_daemon(server.path, "{}", 10s);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().why.find("ravelin is not running") != std::string::npos);
  }
  SECTION("no socket") {
    const auto answer = ask_daemon("/etc/passwd", "{}", 10s);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().why == "/etc/passwd is not a socket");
  }
  SECTION("a path that no socket can have") {
    CHECK_FALSE(ask_daemon(std::string(200, 'x'), "{}", 10s));
    CHECK_FALSE(ask_daemon("", "{}", 10s));
  }
  SECTION("closed without an answer, or in its middle") {
    server.serve(GENERATE(std::string(), std::string("\0\0\0\5{", 5)), 100);
    const auto answer = ask_daemon(server.path, "{}", 10s);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().why == "the daemon closed the connection without an answer");
  }
  SECTION("it is something else that listens") {
    server.serve("HTTP/1.0 400 Bad request\r\n", 100);
    CHECK_FALSE(ask_daemon(server.path, "{}", 10s));
  }
  SECTION("silence") {
    server.serve("", 1, true);
    const auto answer = ask_daemon(server.path, "{}", 50ms);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().why == "the daemon did not answer in time");
  }
}

}  // namespace
}  // namespace ravelin::proxy
