// "No such user", as a backend said it a short while ago. Bounded in number and in age, so that a
// new mailbox is found soon and a flood of invented ones costs no memory.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dns/occupancy.h"
#include "dns/reactor.h"
#include "proxy/backend/mail_room.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// Thread-safe.
class NegativeAnswers {
 public:
  explicit NegativeAnswers(size_t most = 65'536) : most_per_shard_(most / kShards + 1) {}

  // |route| names the route; |recipient| is "local@domain" exactly as it is asked.
  std::optional<SharedAnswer> find(std::string_view route, std::string_view recipient,
                                   dns::Time now) const;
  void add(std::string_view route, std::string_view recipient, const SharedAnswer& answer,
           std::chrono::nanoseconds ttl, dns::Time now);
  // An address, or a domain with all its addresses. Returns how many were forgotten.
  size_t forget(std::string_view address_or_domain);
  // Whoever is accepted exists.
  void accepted(std::string_view route, std::string_view recipient);
  void clear();
  size_t size() const;
  dns::Occupancy occupancy() const;

 private:
  struct Entry {
    SharedAnswer answer;
    dns::Time until{};
  };
  struct Shard {
    std::unordered_map<std::string, Entry> entries;
    std::deque<std::string> order;  // oldest first; may name what is gone or was renewed
    size_t texts = 0;               // octets of keys and answers, outside of the two

    void put(std::string key, const SharedAnswer& answer, dns::Time until);
    void erase(const std::string& key);
    void drop_oldest();
  };
  static constexpr size_t kShards = 16;

  static std::string key_of(std::string_view route, std::string_view recipient);
  Guarded<Shard>& shard_of(const std::string& key);
  const Guarded<Shard>& shard_of(const std::string& key) const;

  const size_t most_per_shard_;
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace ravelin::proxy
