// Who gets a place: the count of dialogs, per client, per network, in all, with a share kept for
// clients in good standing.
#pragma once

#include <cstdint>
#include <memory>

#include "dns/ip.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

// What fired; the log says it, the client does not learn it.
enum class PlaceLimit : uint8_t { None, Total, Reserved, Client, Network };
const char* place_limit_name(PlaceLimit limit);  // "sessions", "reserved_for_known", ...

// Thread-safe; one per process.
class Places {
 public:
  Places();
  ~Places();
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  // A place, given back when destroyed. Must not outlive its Places.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place();
    explicit operator bool() const { return places_ != nullptr; }

   private:
    friend class Places;
    void give_back();

    Places* places_ = nullptr;
    dns::IpAddress client_;
    bool good_ = false;     // not counted against the share of the others
    bool counted_ = false;  // per client and network
  };

  struct Entry {
    Place place;                          // false if a limit fired
    PlaceLimit limit = PlaceLimit::None;  // which one
  };
  // |good|: in good standing, may use the reserved share; all others together may hold |total| less
  // that share. |exempt|: allow-listed, only the total limit counts. |total| is the effective
  // total: limits.sessions, or what file descriptors allow. The others are read at each call: a
  // lower limit takes no place away, it only gives no new one.
  Entry enter(const dns::IpAddress& client, bool good, bool exempt, const Limits& limits,
              uint32_t total);

  uint32_t in_use() const;
  uint32_t peak() const;

 private:
  struct Shards;
  std::unique_ptr<Shards> shards_;
};

}  // namespace ravelin::proxy
