// Equal questions in flight are asked once. Who comes second joins and hears the refusal, if it is
// one; whoever is accepted must carry on by itself, because an acceptance belongs to a connection.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/backend/mail_room.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// Thread-safe.
class Questions {
 public:
  // Who joins brings the letter that the answer will be written on: whoever ends a question must
  // be able to tell the others without memory.
  struct Member {
    uint32_t worker = 0;
    uint64_t question = 0;  // unique in the process
    LetterPtr letter;
  };

  // True: nobody asks this yet, |worker| does and must end with take(). False: it waits now for a
  // Joined letter, or leaves. Throws std::bad_alloc, and has done nothing then.
  bool join(const std::string& key, uint32_t worker, uint64_t question);
  void leave(const std::string& key, uint64_t question) noexcept;
  // The question has ended. Returns those who waited.
  std::vector<Member> take(const std::string& key) noexcept;

 private:
  using Table = std::unordered_map<std::string, std::vector<Member>>;
  static constexpr size_t kShards = 16;

  Guarded<Table>& shard_of(const std::string& key) {
    return shards_[std::hash<std::string>{}(key) % kShards];
  }
  std::array<Guarded<Table>, kShards> shards_;
};

}  // namespace ravelin::proxy
