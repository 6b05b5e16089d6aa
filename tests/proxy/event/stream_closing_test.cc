#include <catch2/catch.hpp>
#include <vector>

#include "dialog.h"
#include "faults.h"
#include "proxy/event/loop_core.h"

using namespace ravelin;
using namespace std::chrono_literals;
using proxy::Pause;
using proxy::StreamEnd;
using test::Dialog;

namespace {

// The peer's view of an orderly end: the bytes, then the end of the stream, no error.
void check_orderly(Dialog& dialog, const std::string& bytes) {
  test::Got got;
  REQUIRE(dialog.turns.poll_until([&] {
    const auto more = test::read_all(dialog.pair.theirs);
    got.bytes += more.bytes;
    got.error = more.error;
    return got.error != EAGAIN;
  }));
  CHECK(got.error == 0);
  CHECK(got.bytes == bytes);
}

// The peer closes, and that is the end that was asked for; nothing it had said was read.
void check_closed_with_peer(Dialog& dialog) {
  dialog.pair.theirs.reset();
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Closed);
  CHECK(dialog.owner.pieces.empty());
  CHECK(dialog.owner.ends == 1);
}

std::chrono::nanoseconds boot() { return proxy::SystemClock::instance().boot().time_since_epoch(); }

}  // namespace

TEST_CASE("finish() delivers the reply to a peer whose input nobody has read") {
  const bool paused = GENERATE(false, true);
  CAPTURE(paused);
  Dialog dialog;
  dialog.stream->pause(Pause::Waiting);
  REQUIRE(test::send_all(dialog.pair.theirs, std::string(30'000, 'x')));
  dialog.turns.poll();  // the read event is gone by now
  if (!paused) dialog.stream->resume(Pause::Waiting);
  dialog.stream->write("554 5.7.1 no\r\n");
  dialog.stream->finish();
  CHECK_FALSE(dialog.ended());
  check_orderly(dialog, "554 5.7.1 no\r\n");
  CHECK_FALSE(dialog.ended());
  REQUIRE(test::send_all(dialog.pair.theirs, std::string(1000, 'y')));  // it goes on talking
  dialog.turns.poll();
  CHECK_FALSE(dialog.ended());
  check_closed_with_peer(dialog);
}

TEST_CASE("the last words leave with the FIN, and no others wait for more") {
  static std::vector<bool> waits;
  waits.clear();
  const test::SysGuard guard;
  proxy::sys.send = [](int fd, const void* bytes, size_t size, int flags) {
    waits.push_back((flags & MSG_MORE) != 0);
    return ::send(fd, bytes, size, flags);
  };
  Dialog dialog;
  dialog.stream->write("220 a\r\n");
  dialog.turns.poll();
  dialog.stream->write("221 b\r\n");
  dialog.stream->finish();
  check_orderly(dialog, "220 a\r\n221 b\r\n");
  CHECK(waits == std::vector<bool>{false, true});
}

TEST_CASE("finish() waits for output that the peer is slow to take") {
  Dialog dialog;
  const std::string mail(8 * 1024 * 1024, 'x');
  dialog.stream->write(mail);
  dialog.turns.poll(20);
  REQUIRE(dialog.stream->blocked());
  dialog.stream->write("221 bye\r\n");
  dialog.stream->finish();
  dialog.stream->write("too late");
  SECTION("while it reads on") { check_orderly(dialog, mail + "221 bye\r\n"); }
  SECTION("and has shut down its own side") {
    shutdown(dialog.pair.theirs.get(), SHUT_WR);
    dialog.turns.poll(20);
    CHECK_FALSE(dialog.ended());
    check_orderly(dialog, mail + "221 bye\r\n");
  }
  SECTION("and resets") {
    test::reset_connection(dialog.pair.theirs);
    REQUIRE(dialog.until_end());
    CHECK(*dialog.owner.end == StreamEnd::Reset);
    return;
  }
  check_closed_with_peer(dialog);
  CHECK(dialog.owner.drained == 0);
}

TEST_CASE("who sends more than 64 kB after finish() is let go") {
  Dialog dialog(test::unix_pair());
  dialog.stream->finish();
  dialog.turns.poll();
  CHECK_FALSE(dialog.ended());
  size_t sent = 0;
  const std::string block(8192, 'x');
  REQUIRE(dialog.turns.poll_until([&] {
    const auto count = send(dialog.pair.theirs.get(), block.data(), block.size(), MSG_NOSIGNAL);
    if (count > 0) sent += static_cast<size_t>(count);
    return dialog.ended();
  }));
  CHECK(*dialog.owner.end == StreamEnd::Closed);
  CHECK(sent >= 64 * 1024);
  CHECK(sent < 1024 * 1024);
}

TEST_CASE("who does not close in time after finish() is let go") {
  Dialog dialog;
  CHECK(dialog.turns.loop.core().closing_limits.linger == 5s);
  dialog.turns.loop.core().closing_limits.linger = 20ms;
  dialog.stream->write("421 bye\r\n");
  dialog.stream->finish();
  const auto start = boot();
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Closed);
  CHECK(boot() - start >= 20ms);
  CHECK(test::read_all(dialog.pair.theirs).bytes == "421 bye\r\n");
}

TEST_CASE("who does not take the output in time after finish() is let go") {
  Dialog dialog;
  CHECK(dialog.turns.loop.core().closing_limits.send == 30s);
  dialog.turns.loop.core().closing_limits.send = 20ms;
  dialog.stream->write(std::string(8 * 1024 * 1024, 'x'));
  dialog.stream->finish();
  const auto start = boot();
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Reset);
  CHECK(boot() - start >= 20ms);
}

TEST_CASE("finish_after_peer() lets the peer close first") {
  Dialog dialog;
  dialog.stream->write("QUIT\r\n");
  dialog.stream->finish_after_peer(5s);
  dialog.turns.poll();
  const auto got = test::read_all(dialog.pair.theirs);
  CHECK(got.bytes == "QUIT\r\n");
  CHECK(got.error == EAGAIN);  // our side is still open
  REQUIRE(test::send_all(dialog.pair.theirs, "221 bye\r\n"));
  dialog.turns.poll();
  CHECK_FALSE(dialog.ended());
  check_closed_with_peer(dialog);
}

TEST_CASE("finish_after_peer() does not wait for ever") {
  Dialog dialog;
  dialog.stream->finish_after_peer(1ms);
  check_orderly(dialog, "");
  check_closed_with_peer(dialog);
}

TEST_CASE("finish() cuts finish_after_peer() short") {
  Dialog dialog;
  dialog.stream->finish_after_peer(1h);
  dialog.turns.poll();
  dialog.stream->finish();
  check_orderly(dialog, "");
}

TEST_CASE("cut() sends nothing more, and waits for the peer to close") {
  Dialog dialog;
  const bool blocked = GENERATE(false, true);
  CAPTURE(blocked);
  const std::string text(blocked ? 8 * 1024 * 1024 : 10, 'x');
  dialog.stream->write(text);
  if (blocked) dialog.turns.poll(20);
  dialog.stream->cut(10s);
  CHECK_FALSE(dialog.stream->blocked());
  dialog.stream->write(".\r\n");
  std::string got;
  REQUIRE(dialog.turns.poll_until([&] {
    const auto more = test::read_all(dialog.pair.theirs);
    got += more.bytes;
    return more.error == 0;
  }));
  CHECK(got == text.substr(0, got.size()));
  if (!blocked) CHECK(got.empty());
  REQUIRE(test::send_all(dialog.pair.theirs, "250 what?\r\n"));
  dialog.turns.poll();
  CHECK_FALSE(dialog.ended());
  check_closed_with_peer(dialog);
}

TEST_CASE("cut() does not wait for ever, and cuts other ends short") {
  Dialog dialog;
  SECTION("an open connection") {}
  SECTION("one that ends") { dialog.stream->finish(); }
  SECTION("one whose peer was to end it") { dialog.stream->finish_after_peer(10s); }
  const auto start = boot();
  dialog.stream->cut(50ms);
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Closed);
  CHECK(boot() - start >= 50ms);
  CHECK(boot() - start < 5s);
}

TEST_CASE("finish() may come from on_data(), and nothing more is delivered") {
  Dialog dialog;
  dialog.owner.take = [&dialog](std::string_view) -> size_t {
    dialog.stream->pause(Pause::Waiting);
    dialog.stream->write("221 bye\r\n");
    dialog.stream->finish();
    dialog.stream->resume(Pause::Waiting);
    return 1;
  };
  REQUIRE(test::send_all(dialog.pair.theirs, "QUIT\r\nmore"));
  check_orderly(dialog, "221 bye\r\n");
  CHECK(dialog.owner.pieces.size() == 1);
}

TEST_CASE("a stream may be destroyed while it closes, and in its last on_end()") {
  Dialog dialog;
  dialog.owner.at_end = [&dialog] { dialog.stream.reset(); };
  dialog.stream->write("221 bye\r\n");
  dialog.stream->finish();
  SECTION("at once") { dialog.stream.reset(); }
  SECTION("while it waits for the peer") {
    dialog.turns.poll();
    dialog.stream.reset();
  }
  SECTION("at the end") {
    dialog.turns.poll();
    dialog.pair.theirs.reset();
    CHECK(dialog.turns.until([&] { return dialog.stream == nullptr; }));
  }
  dialog.turns.poll();
  CHECK(dialog.stream == nullptr);
}
