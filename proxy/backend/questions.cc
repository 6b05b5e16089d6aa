#include "proxy/backend/questions.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ravelin::proxy {

bool Questions::join(const std::string& key, uint32_t worker, uint64_t question) {
  return shard_of(key).with([&](Table& table) {
    const auto [found, first] = table.try_emplace(key);
    if (!first) found->second.push_back({worker, question, std::make_unique<Letter>()});
    return first;
  });
}

void Questions::leave(const std::string& key, uint64_t question) noexcept {
  shard_of(key).with([&](Table& table) {
    const auto found = table.find(key);
    if (found == table.end()) return;
    std::erase_if(found->second, [&](const auto& member) { return member.question == question; });
  });
}

std::vector<Questions::Member> Questions::take(const std::string& key) noexcept {
  return shard_of(key).with([&](Table& table) {
    const auto found = table.find(key);
    assert(found != table.end());
    auto members = std::move(found->second);
    table.erase(found);
    return members;
  });
}

}  // namespace ravelin::proxy
