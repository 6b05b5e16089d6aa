// Collects what a store has to say, from whichever thread.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/state/store.h"

namespace ravelin::test {

// The lines an operator would see.
class Alarms {
 public:
  proxy::StoreAlarm sink() {
    return [this](std::string text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::move(text));
    };
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace ravelin::test
