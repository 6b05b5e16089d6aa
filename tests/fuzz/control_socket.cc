// The control socket: each request has one answer, and bad input ends that one connection.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/script.h"
#include "proxy/observe/control_protocol.h"
#include "proxy/observe/control_server.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"

namespace ravelin::fuzz {
namespace {

using nlohmann::json;
using proxy::FrameReader;

constexpr proxy::Credentials kRoot{};

struct Messages {
  size_t count = 0;
  bool too_long = false;
  size_t octets = 0;  // of all messages
  bool operator==(const Messages&) const = default;
};

Messages read(std::string_view wire, size_t chunk, size_t max_frame, size_t max_message) {
  Messages result;
  FrameReader reader(max_frame, max_message);
  while (!wire.empty() && !result.too_long) {
    auto piece = wire.substr(0, chunk);
    wire.remove_prefix(piece.size());
    while (!piece.empty() && !result.too_long) {
      const auto got = reader.feed(piece);
      must(reader.message().size() <= max_message, "a message is bounded");
      result.too_long = got == FrameReader::Result::TooLong;
      if (got != FrameReader::Result::Message) continue;
      ++result.count;
      result.octets += reader.message().size();
    }
  }
  return result;
}

// How many answers |wire| holds; each must be what a client understands.
size_t count_answers(std::string_view wire) {
  size_t count = 0;
  FrameReader reader(proxy::kControlPage, proxy::kMaxControlResponse);
  while (!wire.empty()) {
    const auto got = reader.feed(wire);
    must(got != FrameReader::Result::TooLong, "an answer is not too long");
    if (got == FrameReader::Result::NeedMore) break;
    const auto answer = json::parse(reader.message(), nullptr, false);
    must(answer.is_object() && answer.contains("ok") && answer["ok"].is_boolean(),
         "an answer says whether it is one");
    must(answer["ok"] || answer.contains("error"), "a refusal says why");
    ++count;
  }
  must(!reader.begun(), "an answer is whole");
  return count;
}

// "c" n: pieces of n octets from here on; "t" n: n seconds pass; "w" n: the peer reads (n odd) or
// does not.
class Dialog {
 public:
  explicit Dialog(Script script) {
    server_.handle("echo", [](const json& args) { return args.at("text"); });
    server_.handle("list", [](const json&) { return json(std::string(3'000'000, 'x')); });
    server_.handle("fail", [](const json&) { return proxy::control_error("no", {"a", "b"}); });
    server_.adopt(std::make_unique<test::MemoryStream>(reactor_, peer_), kRoot);
    reactor_.run();
    script.play([this](std::string_view words) { say(words); },
                [this](char letter, uint8_t number) { act(letter, number); });
    read_all();
    check();
    reactor_.advance(std::chrono::minutes(2));
    must(server_.connections() == 0, "who says nothing is not kept");
    must(peer_->destroyed, "a connection that ended is closed");
  }

 private:
  void say(std::string_view words) {
    if (peer_->stream == nullptr) return;
    said_ += words;
    peer_->stream->send(words, chunk_);
    reactor_.run();
  }
  void act(char letter, uint8_t number) {
    if (letter == 'c') chunk_ = number;
    if (letter == 't') reactor_.advance(std::chrono::seconds(number));
    if (letter == 'w' && number % 2 == 1) read_all();
    if (letter == 'w' && number % 2 == 0) peer_->congested = true;
  }
  void read_all() {
    heard_ += peer_->take();
    if (peer_->stream != nullptr && peer_->congested) peer_->stream->drained();
    peer_->congested = false;
    reactor_.run();
    heard_ += peer_->take();
  }
  // The peer has read everything and said everything.
  void check() {
    const auto asked = read(said_, SIZE_MAX, proxy::kMaxControlRequest, proxy::kMaxControlRequest);
    if (peer_->destroyed && !peer_->finished) return;  // too slow: cut off in the middle
    const auto answers = count_answers(heard_);
    must(answers == asked.count + (asked.too_long ? 1 : 0), "each request has one answer");
    must(peer_->finished == asked.too_long, "bad input ends the connection, and nothing else does");
  }

  test::ManualClock clock_;
  test::ManualReactor reactor_{clock_};
  proxy::ControlServer server_{reactor_, {}};
  std::shared_ptr<test::MemoryPeer> peer_ = std::make_shared<test::MemoryPeer>();
  size_t chunk_ = 0;
  std::string said_, heard_;
};

}  // namespace

void run(std::string_view input) {
  for (const size_t max : {size_t{20}, proxy::kMaxControlRequest}) {
    must(read(input, 1, max, max) == read(input, SIZE_MAX, max, max), "frames of one message");
    must(read(input, 1, max, 2 * max) == read(input, 3, max, 2 * max), "frames of long messages");
  }
  proxy::is_shallow(input, proxy::kMaxControlDepth);
  Dialog dialog{Script(input)};
}

}  // namespace ravelin::fuzz
