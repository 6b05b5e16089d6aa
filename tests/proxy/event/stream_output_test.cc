#include <catch2/catch.hpp>

#include "dialog.h"
#include "faults.h"
#include "proxy/event/socket_stream.h"

using namespace ravelin;
using proxy::Pause;
using proxy::SocketStream;
using proxy::StreamEnd;
using test::Dialog;

namespace {

int sends = 0;
int send_error = 0;   // if not 0, every send() fails with it
size_t send_at_most;  // bytes of one send()

ssize_t scripted_send(int fd, const void* bytes, size_t size, int flags) {
  ++sends;
  if (send_error != 0) {
    errno = send_error;
    return -1;
  }
  return ::send(fd, bytes, std::min(size, send_at_most), flags);
}

struct ScriptedSend : test::SysGuard {
  explicit ScriptedSend(size_t at_most = 1 << 20, int error = 0) {
    sends = 0;
    send_error = error;
    send_at_most = at_most;
    proxy::sys.send = scripted_send;
  }
};

// As the peer, reads until |size| bytes have come.
std::string receive(Dialog& dialog, size_t size) {
  std::string bytes;
  dialog.turns.poll_until([&] {
    bytes += test::read_all(dialog.pair.theirs).bytes;
    return bytes.size() >= size;
  });
  return bytes;
}

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

}  // namespace

TEST_CASE("all that a turn writes leaves in one send, at its end") {
  const ScriptedSend script;
  Dialog dialog;
  dns::Handle later;
  const auto first = dialog.turns.loop.defer([&] {
    dialog.stream->write("250-a\r\n");
    dialog.stream->write("250 b\r\n");
    later = dialog.turns.loop.defer([&] { dialog.stream->write("220 c\r\n"); });
  });
  const auto meanwhile =
      dialog.turns.loop.defer([&] { CHECK_FALSE(dialog.stream->blocked()); });  // it is only kept
  CHECK(sends == 0);
  dialog.turns.loop.turn();
  CHECK(sends == 1);
  CHECK_FALSE(dialog.stream->blocked());
  CHECK(receive(dialog, 21) == "250-a\r\n250 b\r\n220 c\r\n");
}

TEST_CASE("what the kernel does not take follows when it has room, in order") {
  const auto at_most = GENERATE(as<size_t>{}, 1, 2, 3, 1000);
  CAPTURE(at_most);
  const ScriptedSend script(at_most);
  Dialog dialog;
  const auto wire = pattern(at_most * 20);
  std::string got;
  for (size_t at = 0; at < wire.size(); at += at_most * 4) {  // more comes while some waits
    dialog.stream->write(wire.substr(at, at_most * 4));
    dialog.turns.poll(1);
  }
  CHECK(receive(dialog, wire.size()) == wire);
  CHECK(sends == 20);
}

TEST_CASE("a peer that reads nothing stops the stream, and the loop sleeps") {
  Dialog dialog;
  const auto wire = pattern(16 * 1024 * 1024);
  dialog.stream->write(wire);
  CHECK(dialog.stream->congested());
  dialog.turns.poll(20);
  CHECK(dialog.stream->blocked());
  int turns = 0;
  bool over = false;
  const auto timer = dialog.turns.loop.timer(std::chrono::milliseconds(50), [&] { over = true; });
  for (; !over && turns < 1000; ++turns) dialog.turns.loop.turn();
  CHECK(turns < 100);
  CHECK(receive(dialog, wire.size()) == wire);
  CHECK(dialog.owner.drained == 1);
  CHECK_FALSE(dialog.stream->congested());
  CHECK_FALSE(dialog.stream->blocked());
}

TEST_CASE("on_drained() comes once for each time above the high watermark, below the low one") {
  const ScriptedSend script(10);
  test::Turns turns;
  auto pair = test::tcp_pair();
  test::Recorder owner;
  SocketStream stream(turns.loop, std::move(pair.ours));
  stream.set_events(&owner);
  turns.loop.core().watermarks = {.high = 100, .low = 30};
  size_t left = 1000;
  owner.at_drained = [&] { left = stream.unsent(); };
  stream.write(pattern(100));
  CHECK_FALSE(stream.congested());
  stream.write("x");
  CHECK(stream.congested());
  REQUIRE(turns.until([&] { return stream.unsent() <= 50; }));
  CHECK(stream.congested());  // below the high one is not enough
  CHECK(owner.drained == 0);
  REQUIRE(turns.until([&] { return stream.unsent() == 0; }));
  CHECK(owner.drained == 1);
  CHECK(left <= 30);
  CHECK(left > 20);
}

TEST_CASE("on_drained() comes also if one send takes all") {
  Dialog dialog;
  dialog.stream->write(pattern(70'000));
  CHECK(dialog.stream->congested());
  CHECK(dialog.owner.drained == 0);
  CHECK(dialog.turns.until([&] { return dialog.owner.drained == 1; }));
}

TEST_CASE("a stream may be destroyed in on_drained()") {
  Dialog dialog;
  dialog.owner.at_drained = [&dialog] { dialog.stream.reset(); };
  dialog.stream->write(pattern(70'000));
  CHECK(dialog.turns.until([&] { return dialog.stream == nullptr; }));
  dialog.turns.poll();
}

TEST_CASE("a reply of the turn in which the peer shuts its side down still reaches it") {
  const bool paused = GENERATE(false, true);
  Dialog dialog;
  if (paused) dialog.stream->pause(Pause::Waiting);
  shutdown(dialog.pair.theirs.get(), SHUT_WR);
  dialog.stream->write("250 queued\r\n");
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Eof);
  const auto got = test::read_all(dialog.pair.theirs);
  CHECK(got.bytes == "250 queued\r\n");
  CHECK(got.error == 0);
}

TEST_CASE("output that waits for the end of the turn dies with its stream") {
  const ScriptedSend script;
  Dialog dialog;
  dialog.stream->write("x");
  dialog.stream.reset();
  dialog.turns.poll();
  CHECK(sends == 0);
}

TEST_CASE("an error of send() ends the stream, not from inside write()") {
  const auto error = GENERATE(EPIPE, ECONNRESET, ENOBUFS, ETIMEDOUT);
  const bool paused = GENERATE(false, true);
  CAPTURE(error, paused);
  Dialog dialog;
  if (paused) dialog.stream->pause(Pause::Waiting);
  dialog.turns.poll();
  const ScriptedSend script(1, error);
  dialog.stream->write("x");
  CHECK_FALSE(dialog.ended());
  dialog.turns.poll(1);
  // EPIPE and ECONNRESET say that the peer is gone, so the socket will show its end too.
  if (error == EPIPE || error == ECONNRESET) dialog.pair.theirs.reset();
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Reset);
  dialog.stream->write("y");
  dialog.turns.poll();
  CHECK(sends == 1);
  CHECK(dialog.owner.ends == 1);
}

TEST_CASE("what a peer said before it hung up is read, although writing to it fails") {
  Dialog dialog(test::unix_pair());
  REQUIRE(test::send_all(dialog.pair.theirs, "421 closing\r\n"));
  dialog.pair.theirs.reset();
  dialog.stream->write("RSET\r\n");  // EPIPE
  REQUIRE(dialog.until_end());
  CHECK(dialog.owner.taken == "421 closing\r\n");
  CHECK(*dialog.owner.end == StreamEnd::Reset);
}
