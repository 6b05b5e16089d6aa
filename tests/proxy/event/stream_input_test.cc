#include <catch2/catch.hpp>

#include "dialog.h"

using namespace ravelin;
using proxy::Pause;
using proxy::StreamEnd;
using test::Dialog;
using test::Recorder;
using test::Turns;

namespace {

// Takes whole lines.
size_t lines(std::string_view data) { return data.rfind('\n') + 1; }

}  // namespace

TEST_CASE("all bytes arrive, in order, however they were sent and taken") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 1000);
  const auto read_size = GENERATE(as<size_t>{}, 1, 2, 3, 4096);
  CAPTURE(chunk, read_size);
  Dialog dialog;
  dialog.owner.take = lines;
  dialog.stream->set_read_size(read_size);
  const std::string wire = "EHLO client.example\nMAIL FROM:<>\nRCPT TO:<a@b>\nDATA\n";
  for (size_t at = 0; at < wire.size(); at += chunk) {
    REQUIRE(test::send_all(dialog.pair.theirs, wire.substr(at, chunk)));
    dialog.turns.poll(1);
  }
  CHECK(dialog.turns.until([&] { return dialog.owner.taken.size() == wire.size(); }));
  CHECK(dialog.owner.taken == wire);
}

TEST_CASE("what is not taken comes again with the next arrival, and not before") {
  Dialog dialog;
  dialog.owner.take = lines;
  REQUIRE(test::send_all(dialog.pair.theirs, "NOOP\nQU"));
  REQUIRE(dialog.turns.until([&] { return !dialog.owner.pieces.empty(); }));
  dialog.turns.poll();
  CHECK(dialog.owner.pieces == std::vector<std::string>{"NOOP\nQU"});
  REQUIRE(test::send_all(dialog.pair.theirs, "IT\n"));
  REQUIRE(dialog.turns.until([&] { return dialog.owner.pieces.size() == 2; }));
  CHECK(dialog.owner.pieces[1] == "QUIT\n");
}

TEST_CASE("pipelined commands come one by one, each after a resume") {
  Dialog dialog;
  auto& stream = *dialog.stream;
  dialog.owner.take = [&stream](std::string_view data) {
    stream.pause(Pause::Waiting);
    return data.find('\n') + 1;
  };
  REQUIRE(test::send_all(dialog.pair.theirs, "a\nb\nc\n"));
  REQUIRE(dialog.turns.until([&] { return dialog.owner.taken == "a\n"; }));
  dialog.turns.poll();
  CHECK(dialog.owner.pieces.size() == 1);
  stream.resume(Pause::Waiting);
  CHECK(dialog.owner.pieces.size() == 1);  // not from inside resume()
  dialog.turns.poll();
  CHECK(dialog.owner.pieces[1] == "b\nc\n");
  CHECK(dialog.owner.pieces.size() == 2);
  stream.resume(Pause::Waiting);
  dialog.turns.poll();
  CHECK(dialog.owner.taken == "a\nb\nc\n");
}

TEST_CASE("a pause that is over within on_data() still brings the rest again") {
  Dialog dialog;
  auto& stream = *dialog.stream;
  dialog.owner.take = [&stream](std::string_view data) {
    stream.pause(Pause::Waiting);
    stream.resume(Pause::Waiting);
    return data.find('\n') + 1;
  };
  REQUIRE(test::send_all(dialog.pair.theirs, "a\nb\nc\n"));
  CHECK(dialog.turns.until([&] { return dialog.owner.taken == "a\nb\nc\n"; }));
}

TEST_CASE("reading goes on when the last reason to pause is gone") {
  Dialog dialog;
  dialog.stream->pause(Pause::Waiting);
  dialog.stream->pause(Pause::Pressure);
  REQUIRE(test::send_all(dialog.pair.theirs, "x"));
  dialog.turns.poll();
  dialog.stream->resume(Pause::Waiting);
  dialog.stream->resume(Pause::Greeting);  // was not set
  dialog.turns.poll();
  CHECK(dialog.owner.pieces.empty());
  dialog.stream->resume(Pause::Pressure);
  CHECK(dialog.turns.until([&] { return dialog.owner.taken == "x"; }));
}

TEST_CASE("a paused stream with input does not keep the loop busy") {
  Dialog dialog;
  dialog.stream->pause(Pause::Waiting);
  REQUIRE(test::send_all(dialog.pair.theirs, "x"));
  int turns = 0;
  bool over = false;
  const auto timer = dialog.turns.loop.timer(std::chrono::milliseconds(50), [&] { over = true; });
  for (; !over && turns < 1000; ++turns) dialog.turns.loop.turn();
  CHECK(turns < 20);
}

TEST_CASE("the end of the connection is told while reading is paused") {
  const bool reset = GENERATE(false, true);
  CAPTURE(reset);
  Dialog dialog;
  dialog.stream->pause(Pause::Waiting);
  dialog.turns.poll();
  if (reset)
    test::reset_connection(dialog.pair.theirs);
  else
    dialog.pair.theirs.reset();
  CHECK(dialog.until_end());
  CHECK(*dialog.owner.end == (reset ? StreamEnd::Reset : StreamEnd::Eof));
  CHECK(dialog.owner.pieces.empty());
}

TEST_CASE("a peer that has sent all and shut its side down is still answered") {
  Dialog dialog;
  auto& stream = *dialog.stream;
  dialog.owner.take = [&stream](std::string_view data) {
    stream.pause(Pause::Waiting);
    return data.find('\n') + 1;
  };
  REQUIRE(test::send_all(dialog.pair.theirs, "a\nb\nc\n"));
  REQUIRE(::shutdown(dialog.pair.theirs.get(), SHUT_WR) == 0);
  for (const std::string so_far : {"a\n", "a\nb\n", "a\nb\nc\n"}) {
    REQUIRE(dialog.turns.until([&] { return dialog.owner.taken == so_far; }));
    if (so_far.size() < 6) {  // something is left: not the end yet
      dialog.turns.poll();
      CHECK_FALSE(dialog.ended());
      stream.write("ok ");
      stream.resume(Pause::Waiting);
    }
  }
  CHECK(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Eof);
  CHECK(test::read_all(dialog.pair.theirs).bytes == "ok ok ");
}

TEST_CASE("in custody a peer's shut-down is no end, so it hears the last reply") {
  Dialog dialog;
  dialog.stream->pause(Pause::Custody);
  REQUIRE(::shutdown(dialog.pair.theirs.get(), SHUT_WR) == 0);
  REQUIRE(dialog.turns.until([&] { return dialog.stream->half_closed(); }));
  CHECK_FALSE(dialog.ended());
  dialog.stream->write("250 taken");
  dialog.stream->resume(Pause::Custody);
  CHECK(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Eof);
  CHECK(test::read_all(dialog.pair.theirs).bytes == "250 taken");
}

TEST_CASE("in custody a reset is the end") {
  Dialog dialog;
  dialog.stream->pause(Pause::Custody);
  dialog.turns.poll();
  test::reset_connection(dialog.pair.theirs);
  CHECK(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Reset);
}

TEST_CASE("a reset ends the wait, whatever input is left") {
  Dialog dialog;
  dialog.owner.take = [&dialog](std::string_view data) {
    dialog.stream->pause(Pause::Waiting);
    return data.find('\n') + 1;
  };
  REQUIRE(test::send_all(dialog.pair.theirs, "a\nb\n"));
  REQUIRE(dialog.turns.until([&] { return dialog.owner.taken == "a\n"; }));
  test::reset_connection(dialog.pair.theirs);
  CHECK(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Reset);
}

TEST_CASE("an end that hides behind unread data is told after the resume") {
  Dialog dialog;
  dialog.stream->pause(Pause::Waiting);
  REQUIRE(test::send_all(dialog.pair.theirs, "QUIT\n"));
  dialog.pair.theirs.reset();
  dialog.turns.poll();
  CHECK_FALSE(dialog.owner.end);
  dialog.stream->resume(Pause::Waiting);
  CHECK(dialog.until_end());
  CHECK(dialog.owner.taken == "QUIT\n");
  CHECK(*dialog.owner.end == StreamEnd::Eof);
}

TEST_CASE("the end comes once, after all data, and nothing comes after it") {
  Dialog dialog;
  dialog.owner.take = lines;
  REQUIRE(test::send_all(dialog.pair.theirs, "NOOP\nQU"));
  dialog.pair.theirs.reset();
  REQUIRE(dialog.until_end());
  dialog.stream->write("late");
  dialog.stream->resume(Pause::Waiting);
  dialog.stream->finish();
  dialog.turns.poll();
  CHECK(dialog.owner.taken == "NOOP\n");
  CHECK(*dialog.owner.end == StreamEnd::Eof);
  CHECK(dialog.owner.ends == 1);
}

TEST_CASE("one read a turn, of the read size, so that a busy peer cannot starve others") {
  Dialog dialog;
  dialog.stream->set_read_size(100);
  REQUIRE(test::send_all(dialog.pair.theirs, std::string(1000, 'x')));
  REQUIRE(dialog.turns.until([&] { return !dialog.owner.pieces.empty(); }));
  CHECK(dialog.owner.pieces.size() == 1);
  CHECK(dialog.owner.pieces[0].size() == 100);
}

TEST_CASE("the rest and the new input together keep within the read size") {
  Dialog dialog;
  dialog.stream->set_read_size(100);
  dialog.owner.take = [](std::string_view data) -> size_t { return data.size() == 100 ? 30 : 100; };
  REQUIRE(test::send_all(dialog.pair.theirs, std::string(130, 'x')));
  REQUIRE(dialog.turns.until([&] { return dialog.owner.pieces.size() == 2; }));
  CHECK(dialog.owner.pieces[1].size() == 100);
}

TEST_CASE("an owner that takes nothing and does not pause loses the stream, not the memory") {
  Dialog dialog;
  dialog.owner.take = [](std::string_view) -> size_t { return 0; };
  const std::string wire(100 * 1024, 'x');
  REQUIRE(test::send_all(dialog.pair.theirs, wire));
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Reset);
  CHECK(dialog.owner.pieces.back().size() == 64 * 1024);
}

TEST_CASE("a stream may be destroyed in each of its callbacks") {
  Dialog dialog;
  SECTION("on_data") {
    dialog.owner.take = [&dialog](std::string_view) -> size_t {
      dialog.stream.reset();
      return 1;
    };
    REQUIRE(test::send_all(dialog.pair.theirs, "xyz"));
    CHECK(dialog.turns.until([&] { return dialog.stream == nullptr; }));
  }
  SECTION("on_data, of input that comes again") {
    dialog.owner.take = [&dialog](std::string_view) -> size_t {
      if (dialog.owner.pieces.size() == 2) dialog.stream.reset();
      if (dialog.stream) dialog.stream->pause(Pause::Waiting);
      return 1;
    };
    REQUIRE(test::send_all(dialog.pair.theirs, "xyz"));
    REQUIRE(dialog.turns.until([&] { return !dialog.owner.pieces.empty(); }));
    dialog.stream->resume(Pause::Waiting);
    CHECK(dialog.turns.until([&] { return dialog.stream == nullptr; }));
  }
  SECTION("on_end") {
    dialog.owner.at_end = [&dialog] { dialog.stream.reset(); };
    dialog.pair.theirs.reset();
    CHECK(dialog.turns.until([&] { return dialog.stream == nullptr; }));
  }
  SECTION("on_end, of a failure told at the end of a turn") {
    dialog.owner.at_end = [&dialog] { dialog.stream.reset(); };
    dialog.owner.take = [](std::string_view) -> size_t { throw std::bad_alloc(); };
    REQUIRE(test::send_all(dialog.pair.theirs, "xyz"));
    CHECK(dialog.turns.until([&] { return dialog.stream == nullptr; }));
  }
  dialog.turns.poll();
}

TEST_CASE("memory that runs out in a stream's callback ends that stream") {
  Dialog dialog;
  dialog.owner.take = [](std::string_view) -> size_t { throw std::bad_alloc(); };
  REQUIRE(test::send_all(dialog.pair.theirs, "x"));
  REQUIRE(dialog.until_end());
  CHECK(*dialog.owner.end == StreamEnd::Reset);
}

TEST_CASE("detach() gives the connection to another stream, unless bytes wait") {
  Dialog dialog(test::unix_pair());
  SECTION("it is idle") {
    auto parcel = dialog.stream->detach();
    REQUIRE(parcel.fd >= 0);
    dialog.stream.reset();
    Turns other;
    proxy::SocketConnector connector(other.loop);
    Recorder owner;
    const auto stream = connector.adopt(std::move(parcel), owner);
    stream->write("from here");
    REQUIRE(test::send_all(dialog.pair.theirs, "from there"));
    CHECK(other.until([&] { return owner.taken == "from there"; }));
    CHECK(test::read_all(dialog.pair.theirs).bytes == "from here");
    CHECK(dialog.owner.ends == 0);
  }
  SECTION("output waits") {
    dialog.stream->write("x");
    CHECK(dialog.stream->detach().fd == -1);
  }
  SECTION("input waits, and in on_data() it may") {
    int inside = 0;
    dialog.owner.take = [&](std::string_view) -> size_t {
      inside = dialog.stream->detach().fd;
      return 1;
    };
    REQUIRE(test::send_all(dialog.pair.theirs, "xy"));
    REQUIRE(dialog.turns.until([&] { return !dialog.owner.pieces.empty(); }));
    CHECK(inside == -1);
    CHECK(dialog.stream->detach().fd == -1);
  }
  SECTION("it has ended") {
    dialog.pair.theirs.reset();
    REQUIRE(dialog.until_end());
    CHECK(dialog.stream->detach().fd == -1);
  }
}
