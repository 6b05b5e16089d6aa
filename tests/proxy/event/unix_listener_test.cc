#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "dialog.h"
#include "proxy/event/credentials.h"
#include "proxy/event/listener.h"
#include "proxy/event/open_listener.h"
#include "support/temp_dir.h"

using namespace ravelin;
using proxy::Fd;
using proxy::open_unix_listener;

namespace {

struct Directory {
  const test::TempDir place;
  const std::string socket = place.file("ctl.sock");
  mode_t mode() const {
    struct stat file = {};
    return stat(socket.c_str(), &file) == 0 ? file.st_mode & 07777 : 0;
  }
};

Fd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

}  // namespace

TEST_CASE(
    "a UNIX socket has its mode whatever the umask, and serves streams that know their peer") {
  const Directory directory;
  const mode_t old = umask(0177);
  auto socket = open_unix_listener(directory.socket, 0660);
  umask(old);
  REQUIRE(socket);
  CHECK(directory.mode() == 0660);

  test::Turns turns;
  test::Recorder owner;
  std::unique_ptr<proxy::Stream> stream;
  uid_t uid = 0;
  pid_t pid = 0;
  const proxy::Listener listener(turns.loop, *std::move(socket),
                                 [&](Fd fd, const dns::Endpoint& peer) {
                                   CHECK(peer == dns::Endpoint{});
                                   const auto who = proxy::peer_credentials(fd.get());
                                   uid = who->uid;
                                   pid = who->pid;
                                   stream = proxy::accepted_stream(turns.loop, std::move(fd));
                                   stream->set_events(&owner);
                                 });
  const Fd client = connect_to(directory.socket);
  REQUIRE(test::send_all(client, "status"));
  REQUIRE(turns.until([&] { return owner.taken == "status"; }));
  CHECK(uid == getuid());
  CHECK(pid == getpid());
}

TEST_CASE("a socket file that nobody answers on is replaced") {
  const Directory directory;
  open_unix_listener(directory.socket)->reset();  // as after a SIGKILL: closed, not removed
  REQUIRE(directory.mode() != 0);
  const auto again = open_unix_listener(directory.socket);
  REQUIRE(again);
  CHECK(connect_to(directory.socket));
}

TEST_CASE("a socket that somebody answers on is left alone") {
  const Directory directory;
  const auto first = open_unix_listener(directory.socket);
  REQUIRE(first);
  const auto second = open_unix_listener(directory.socket);
  REQUIRE_FALSE(second);
  CHECK(second.error() == directory.socket + ": in use, another process answers on it");
  CHECK(connect_to(directory.socket));
}

TEST_CASE("a file that is no socket is left alone") {
  const Directory directory;
  std::ofstream(directory.socket) << "precious";
  const auto socket = open_unix_listener(directory.socket);
  REQUIRE_FALSE(socket);
  CHECK(socket.error() == directory.socket + ": File exists");
  CHECK(std::ifstream(directory.socket).good());
}

TEST_CASE("a path that no address can hold is an error") {
  CHECK(open_unix_listener("/tmp/" + std::string(200, 'x')).error().ends_with("name too long"));
  CHECK_FALSE(open_unix_listener(""));
}
