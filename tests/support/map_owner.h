// An owner of rows for tests: a map under a lock.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "proxy/state/store.h"

namespace ravelin::test {

class MapOwner final : public proxy::RowOwner {
 public:
  void load_row(uint32_t slot, std::string_view row) override {
    const std::lock_guard lock(mutex_);
    rows_[slot] = row;
  }
  void load_end() override {
    const std::lock_guard lock(mutex_);
    loaded_ = true;
  }
  bool dump(uint32_t part, const Sink& sink) override {
    const std::lock_guard lock(mutex_);
    if (part > 0) return false;
    for (const auto& [slot, row] : rows_) sink(slot, row);
    return true;
  }

  void set(uint32_t slot, const std::string& row) {
    const std::lock_guard lock(mutex_);
    rows_[slot] = row;
  }
  std::map<uint32_t, std::string> rows() const {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  bool loaded() const {
    const std::lock_guard lock(mutex_);
    return loaded_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<uint32_t, std::string> rows_;
  bool loaded_ = false;
};

}  // namespace ravelin::test
