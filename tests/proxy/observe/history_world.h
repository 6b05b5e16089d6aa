// A history in a directory of its own.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/observe/history.h"
#include "support/manual_reactor.h"
#include "support/temp_dir.h"

namespace ravelin::test {

struct HistoryWorld {
  explicit HistoryWorld(bool with_file = true) : path(with_file ? dir.file("history.db") : "") {
    open();
  }
  void open() {
    history.reset();
    history = std::make_unique<proxy::History>(path, clock, [this](const std::string& text) {
      const std::lock_guard lock(mutex);
      alarms.push_back(text);
    });
    history->configure(settings);
    history->start();
  }
  proxy::Id add(const std::string& client, const std::string& account, uint64_t alike = 0,
                proxy::HistoryEntry::Merge merge = proxy::HistoryEntry::Merge::Never) {
    const auto id = proxy::id_at(clock.wall()) + ++count;
    const auto text = "{\"id\":\"" + proxy::id_text(id) + "\",\"x\":\"" + account + "\"}";
    history->add({id, *dns::IpAddress::parse(client), alike, merge, text});
    return id;
  }
  proxy::HistoryFound find(proxy::HistoryQuery query) {
    std::promise<proxy::HistoryFound> found;
    REQUIRE(
        history->search(std::move(query), [&](proxy::HistoryFound all) { found.set_value(all); }));
    return found.get_future().get();
  }
  size_t found(const std::string& text) { return find({.text = text}).entries.size(); }

  const TempDir dir;
  const std::string path;
  ManualClock clock;
  proxy::HistorySettings settings{1'000'000, 10'000'000, std::chrono::hours(24),
                                  0,         false,      std::chrono::hours(48)};
  std::mutex mutex;
  std::vector<std::string> alarms;
  std::unique_ptr<proxy::History> history;
  uint64_t count = 0;
};

inline proxy::HistoryQuery of(const std::string& client) {
  return {.client = dns::IpAddress::parse(client)};
}

}  // namespace ravelin::test
