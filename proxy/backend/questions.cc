#include "proxy/backend/questions.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ravelin::proxy {

bool Questions::join(const std::string& key, const Member& member) {
  return shard_of(key).with([&](Table& table) {
    const auto [found, first] = table.try_emplace(key);
    if (!first) found->second.push_back(member);
    return first;
  });
}

void Questions::leave(const std::string& key, const Member& member) {
  shard_of(key).with([&](Table& table) {
    const auto found = table.find(key);
    if (found != table.end()) std::erase(found->second, member);
  });
}

std::vector<Questions::Member> Questions::take(const std::string& key) {
  return shard_of(key).with([&](Table& table) {
    const auto found = table.find(key);
    assert(found != table.end());
    auto members = std::move(found->second);
    table.erase(found);
    return members;
  });
}

}  // namespace ravelin::proxy
