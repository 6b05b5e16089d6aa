// Plays a client by a script:
//   C: EHLO client.example     sent with CRLF; lines in a row go out in one piece (pipelining)
//   C' text\r\n.\n             sent as it stands, with \r \n \0 \\ for what they mean
//   S: 250 2.1.0               the next reply begins like this (its lines joined with "|")
//   S! closed                  no more replies, and the program ends the connection
//   S? nothing                 the program is silent for now
#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/manual_reactor.h"
#include "support/memory_stream.h"

namespace ravelin::test {

class DialogPlayer {
 public:
  // |chunk|: how many octets arrive at once; 0: all.
  DialogPlayer(ManualReactor& reactor, std::shared_ptr<MemoryPeer> peer, size_t chunk)
      : reactor_(reactor), peer_(std::move(peer)), chunk_(chunk) {}

  // Returns "" or what went otherwise than the script says.
  std::string play(std::string_view script) {
    while (!script.empty()) {
      const auto end = script.find('\n');
      const auto line = script.substr(0, end);
      script.remove_prefix(end == script.npos ? script.size() : end + 1);
      if (auto wrong = step(line); !wrong.empty()) return wrong;
    }
    flush();
    return {};
  }

  // Anything, at once.
  void send(std::string_view bytes) {
    to_send_ += bytes;
    flush();
  }
  // The next whole reply, its lines joined with "|"; "" if there is none.
  std::string next_reply() {
    flush();
    read_ += peer_->take();
    std::string reply;
    for (size_t at = 0;;) {
      const auto end = read_.find("\r\n", at);
      if (end == read_.npos) return {};
      const auto line = std::string_view(read_).substr(at, end - at);
      if (!reply.empty()) reply += '|';
      reply += line;
      at = end + 2;
      if (line.size() < 4 || line[3] != '-') {
        read_.erase(0, at);
        return reply;
      }
    }
  }
  bool closed() {
    flush();
    return peer_->finished || peer_->destroyed;
  }
  MemoryPeer& peer() { return *peer_; }

 private:
  std::string step(std::string_view line) {
    const auto kind = line.substr(0, 2);
    const auto text = line.size() > 3 ? line.substr(3) : std::string_view();
    if (kind == "C:") to_send_.append(text).append("\r\n");
    if (kind == "C'") to_send_ += unescape(text);
    if (kind == "S:") return expect(text);
    if (kind == "S!") return expect_close();
    if (kind == "S?") {
      const auto reply = next_reply();
      return reply.empty() ? "" : "wanted silence, got \"" + reply + "\"";
    }
    return {};
  }
  std::string expect(std::string_view prefix) {
    const auto reply = next_reply();
    if (!reply.empty() && reply.starts_with(prefix)) return {};
    return "wanted \"" + std::string(prefix) + "\", got \"" + reply + "\"";
  }
  std::string expect_close() {
    const auto reply = next_reply();
    if (!reply.empty()) return "wanted the end, got \"" + reply + "\"";
    return closed() ? "" : "wanted the end, but the connection is open";
  }
  void flush() {
    if (!to_send_.empty() && peer_->stream)
      peer_->stream->send(std::exchange(to_send_, {}), chunk_);
    reactor_.run();
  }
  static std::string unescape(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      constexpr std::string_view kNames = "rn0\\";
      constexpr char kBytes[] = {'\r', '\n', '\0', '\\'};
      const auto at = kNames.find(text[++i]);
      if (at == kNames.npos) throw std::invalid_argument("unknown escape in a script");
      out += kBytes[at];
    }
    return out;
  }

  ManualReactor& reactor_;
  std::shared_ptr<MemoryPeer> peer_;
  const size_t chunk_;
  std::string to_send_;
  std::string read_;
};

}  // namespace ravelin::test
