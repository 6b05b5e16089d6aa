// The owner of a stream, writing down what it is told.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/stream.h"

namespace ravelin::test {

struct Recorder final : proxy::StreamEvents {
  // If set, decides how much is taken; else all is.
  std::function<size_t(std::string_view)> take;
  std::function<void()> at_end;
  std::function<void()> at_drained;

  std::vector<std::string> pieces;  // each on_data(), whole
  std::string taken;
  int connected = 0;
  int drained = 0;
  int ends = 0;
  std::optional<proxy::StreamEnd> end;

  void on_connected() override { ++connected; }
  size_t on_data(std::string_view data) override {
    pieces.emplace_back(data);
    const auto count = take ? take(data) : data.size();
    taken += pieces.back().substr(0, count);
    return count;
  }
  void on_drained() override {
    ++drained;
    if (at_drained) at_drained();
  }
  void on_end(proxy::StreamEnd how) override {
    ++ends;
    end = how;
    if (at_end) at_end();
  }
};

}  // namespace ravelin::test
