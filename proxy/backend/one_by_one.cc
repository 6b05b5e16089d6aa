#include "proxy/backend/one_by_one.h"

#include <new>

#include "proxy/backend/remembered.h"

namespace ravelin::proxy {

// No secret is in the hash: two that share one are served a little slower.
OneByOne::Key OneByOne::key_of(const dns::IpAddress& client, const smtp::Address& sender) {
  return Remembered::key_of(client.client_key().to_string() + ' ' + sender.to_string());
}

void OneByOne::insert(Key key, dns::Time since) {
  entries_.with([&](Entries& entries) {
    const auto known = entries.since.find(key);
    if (known != entries.since.end()) {
      known->second = since;
      return;
    }
    const auto old = [&] { return since - entries.since[entries.order.front()] >= kLife; };
    while (!entries.order.empty() && (entries.since.size() >= most_ || old())) {
      entries.since.erase(entries.order.front());
      entries.order.pop_front();
    }
    entries.order.push_back(key);  // first: an entry that it does not name would stay for ever
    try {
      entries.since.emplace(key, since);
    } catch (const std::bad_alloc&) {
      entries.order.pop_back();
      throw;
    }
    count_.store(entries.since.size(), std::memory_order_relaxed);
  });
}

void OneByOne::restore(Key key, dns::Time since) { insert(key, since); }

void OneByOne::add(Key key, dns::Time now) {
  insert(key, now);
  if (keep_) keep_(key, now);
}

bool OneByOne::holds(Key key, dns::Time now) const {
  if (size() == 0) return false;
  return entries_.with([&](const Entries& entries) {
    const auto found = entries.since.find(key);
    return found != entries.since.end() && now - found->second < kLife;
  });
}

}  // namespace ravelin::proxy
