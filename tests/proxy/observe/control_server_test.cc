#include "proxy/observe/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "proxy/observe/control_protocol.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::MemoryPeer;
using test::MemoryStream;

const Credentials kRoot{1, 0, 0, {}};

std::string frame(std::string_view message) {
  std::string out;
  append_frame(out, message);
  return out;
}

ControlServerOptions options() {
  ControlServerOptions options;
  options.own_uid = 105;
  options.group = 42;
  options.connections = 3;
  return options;
}

struct Harness {
  Harness() {
    server.handle("echo", [](const json& args) { return args.at("text"); });
    server.handle("fail", [](const json&) { return control_error("no", {"a:1", "b:2"}); });
    server.handle("throw", [](const json&) -> json { throw std::runtime_error("broken"); });
  }
  std::shared_ptr<MemoryPeer> connect(const Credentials& who = kRoot) {
    auto peer = std::make_shared<MemoryPeer>();
    server.adopt(std::make_unique<MemoryStream>(reactor, peer), who);
    reactor.run();
    return peer;
  }
  json ask(const std::shared_ptr<MemoryPeer>& peer, std::string_view request, size_t chunk = 0) {
    peer->stream->send(frame(request), chunk);
    reactor.run();
    return answer(*peer);
  }
  static json answer(MemoryPeer& peer) {
    FrameReader reader(kControlPage, kMaxControlResponse);
    const auto bytes = peer.take();
    std::string_view data = bytes;
    if (reader.feed(data) != FrameReader::Result::Message || !data.empty()) return "no answer";
    return json::parse(reader.message());
  }
  test::ManualClock clock;
  test::ManualReactor reactor{clock};
  ControlServer server{reactor, options()};
};

TEST_CASE_METHOD(Harness, "ControlServer answers requests, however they arrive") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 0);
  const auto peer = connect();
  const json want = {{"ok", true}, {"result", "hi"}};
  CHECK(ask(peer, R"({"command":"echo","text":"hi"})", chunk) == want);
  CHECK(ask(peer, R"({"command":"echo","text":"hi"})", chunk) == want);
}

TEST_CASE_METHOD(Harness, "ControlServer gives an answer in parts, and nobody is in between") {
  std::optional<ControlServer::Feed> feed;
  uid_t who = 99;
  server.handle_feed("follow", [&](const json&, ControlServer::Feed given) {
    feed = std::move(given);
    who = server.asker().uid;
  });
  const auto peer = connect();
  peer->stream->send(frame(R"({"command":"follow"})") + frame(R"({"command":"echo","text":1})"));
  reactor.run();
  CHECK(who == 0);
  REQUIRE(feed);
  CHECK(feed->ready());
  for (int i = 0; i < 3; ++i) {  // longer than anything else may take
    clock.advance(45s);
    reactor.run();
    feed->part(i);
    reactor.run();
    CHECK(answer(*peer) == json{{"ok", true}, {"more", true}, {"result", i}});
  }
  feed->end({{"ended", "so it is"}});
  reactor.run();
  CHECK(peer->take() ==
        frame(R"({"ok":true,"result":{"ended":"so it is"}})") + frame(R"({"ok":true,"result":1})"));
  CHECK_FALSE(feed->open());
}

TEST_CASE_METHOD(Harness, "a feed ends with whoever asked, and can be refused") {
  std::optional<ControlServer::Feed> feed;
  server.handle_feed("follow",
                     [&](const json&, ControlServer::Feed given) { feed = std::move(given); });
  server.handle_feed(
      "never", [&](const json&, ControlServer::Feed given) { given.end(control_error("no")); });
  const auto peer = connect();
  CHECK(ask(peer, R"({"command":"never"})") == json{{"ok", false}, {"error", "no"}});
  peer->stream->send(frame(R"({"command":"follow"})"));
  reactor.run();
  REQUIRE(feed->open());
  peer->stream->end(StreamEnd::Eof);
  reactor.run();
  CHECK_FALSE(feed->open());
  CHECK_FALSE(feed->ready());
  feed->part("to nobody");
  feed->end("to nobody");
}

TEST_CASE_METHOD(Harness, "ControlServer waits for a late answer, and keeps the order") {
  ControlServer::Answer later;
  server.handle_later("slow", [&](const json&, ControlServer::Answer answer) { later = answer; });
  const auto peer = connect();
  peer->stream->send(frame(R"({"command":"slow"})") + frame(R"({"command":"echo","text":1})"));
  reactor.run();
  CHECK(peer->take().empty());
  clock.advance(45s);  // longer than other steps may take
  reactor.run();
  later(json("done"));
  reactor.run();
  CHECK(peer->take() ==
        frame(R"({"ok":true,"result":"done"})") + frame(R"({"ok":true,"result":1})"));
  peer->stream->send(frame(R"({"command":"slow"})"));
  reactor.run();
  peer->stream->end(StreamEnd::Eof);
  reactor.run();
  later(json("to nobody"));
  CHECK(server.connections() == 0);
}

TEST_CASE_METHOD(Harness, "ControlServer answers pipelined requests one by one") {
  const auto peer = connect();
  const auto one = frame(R"({"command":"echo","text":1})");
  peer->stream->send(one + one);
  reactor.run();
  const auto want = frame(R"({"ok":true,"result":1})");
  CHECK(peer->take() == want + want);
}

TEST_CASE_METHOD(Harness, "ControlServer turns every failure into an answer") {
  const auto peer = connect();
  const auto error = [&](std::string_view request) {
    const auto got = ask(peer, request);
    CHECK(got.value("ok", true) == false);
    return got.value("error", "");
  };
  CHECK(error(R"({"command":"nix"})") == "unknown command \"nix\"; known are: echo, fail, throw");
  CHECK(error(R"({"command":"throw"})") == "broken");
  CHECK(error(R"({"command":"echo"})") == "an argument is missing or of the wrong type");
  CHECK(error(R"({"command":5})") == "a request is a JSON object with a \"command\"");
  CHECK(error("[]") == "a request is a JSON object with a \"command\"");
  CHECK(error("") == "a request is a JSON object with a \"command\"");
  CHECK(error("{\"command\":\"\xff\"}") == "a request is a JSON object with a \"command\"");
  CHECK(error(std::string(50'000, '[')) == "the request is too deep");
  CHECK(ask(peer, R"({"command":"fail"})") ==
        json{{"ok", false}, {"error", "no"}, {"errors", {"a:1", "b:2"}}});
  CHECK(ask(peer, R"({"command":"echo","text":"still here"})")["result"] == "still here");
}

TEST_CASE_METHOD(Harness, "ControlServer: results that are not UTF-8 are answered all the same") {
  server.handle("bytes", [](const json&) -> json {
    return "a\xff"
           "b";
  });
  CHECK(ask(connect(), R"({"command":"bytes"})")["result"] ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE_METHOD(Harness, "ControlServer closes the connection of who talks nonsense, only that") {
  const auto good = connect();
  const auto bad = connect();
  bad->stream->send("GET / HTTP/1.0\r\n\r\n" + std::string(10'000, 'x'));
  reactor.run();
  CHECK(answer(*bad)["error"] == "the request is too long");
  CHECK(bad->finished);
  CHECK(bad->destroyed);
  CHECK(ask(good, R"({"command":"echo","text":1})")["ok"] == true);
  CHECK(server.connections() == 1);
}

TEST_CASE_METHOD(Harness, "ControlServer hears root, its own user and its group, and nobody else") {
  struct Row {
    Credentials who;
    bool heard;
  };
  const auto row = GENERATE(values<Row>({
      {{1, 0, 0, {}}, true},
      {{1, 105, 7, {}}, true},
      {{1, 1000, 42, {}}, true},
      {{1, 1000, 1000, {4, 42}}, true},
      {{1, 1000, 1000, {4}}, false},
      {{1, 42, 105, {}}, false},
  }));
  const auto peer = connect(row.who);
  if (row.heard) {
    CHECK(ask(peer, R"({"command":"echo","text":1})")["ok"] == true);
  } else {
    CHECK(answer(*peer)["error"] == "you may not control this daemon");
    CHECK(peer->destroyed);
  }
}

TEST_CASE_METHOD(Harness, "ControlServer has so many places and no more") {
  std::vector<std::shared_ptr<MemoryPeer>> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(connect());
  const auto fourth = connect();
  CHECK(answer(*fourth)["error"] == "too many control connections; try again in a moment");
  CHECK(fourth->destroyed);
  CHECK(server.connections() == 3);
  peers[0]->stream->end(StreamEnd::Eof);
  reactor.run();
  CHECK(peers[0]->destroyed);
  CHECK(ask(connect(), R"({"command":"echo","text":1})")["ok"] == true);
}

TEST_CASE_METHOD(Harness, "ControlServer closes who is idle or sends drop by drop") {
  const auto idle = connect();
  const auto busy = connect();
  const auto slow = connect();
  const auto request = frame(R"({"command":"echo","text":"abcdefghijklmnopqrstuvwxyz"})");
  for (size_t i = 0; i < 40; ++i) {
    if (!slow->destroyed) slow->stream->send(request.substr(i, 1));
    CHECK(ask(busy, R"({"command":"echo","text":1})")["ok"] == true);
    reactor.advance(1s);
  }
  CHECK(idle->destroyed);
  CHECK(slow->destroyed);
  CHECK_FALSE(busy->destroyed);
  CHECK(server.connections() == 1);
  reactor.advance(40s);
  CHECK(busy->destroyed);
  CHECK(reactor.live_timers() == 0);
}

TEST_CASE_METHOD(Harness, "ControlServer: a long answer goes page by page, as the reader reads") {
  const std::string text(3 * kControlPage, 'x');
  server.handle("long", [&text](const json&) -> json { return text; });
  const auto peer = connect();
  peer->congested = true;
  peer->stream->send(frame(R"({"command":"long"})") + frame(R"({"command":"echo","text":1})"));
  reactor.run();
  CHECK(peer->received.empty());

  peer->stream->drained();
  reactor.run();
  FrameReader reader(kControlPage, kMaxControlResponse);
  const auto bytes = peer->take();
  std::string_view data = bytes;
  REQUIRE(reader.feed(data) == FrameReader::Result::Message);
  CHECK(json::parse(reader.message())["result"] == text);
  REQUIRE(reader.feed(data) == FrameReader::Result::Message);  // the second request had waited
  CHECK(json::parse(reader.message())["result"] == 1);
}

TEST_CASE_METHOD(Harness, "ControlServer closes who does not read its answer") {
  const auto peer = connect();
  peer->congested = true;
  peer->stream->send(frame(R"({"command":"echo","text":1})"));
  reactor.advance(29s);
  CHECK_FALSE(peer->destroyed);
  reactor.advance(3s);
  CHECK(peer->destroyed);
}

TEST_CASE("peer_credentials are those of the process at the other end") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const auto peer = peer_credentials(ends[0]);
  REQUIRE(peer);
  CHECK(peer->pid == getpid());
  CHECK(peer->uid == getuid());
  CHECK(peer->in_group(getgid()));
  close(ends[0]);
  close(ends[1]);
  CHECK_FALSE(peer_credentials(-1));
}

}  // namespace
}  // namespace ravelin::proxy
