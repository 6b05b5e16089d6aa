// Who gets a place: the count of dialogs, per client, per network, in all, with a share kept for
// clients in good standing.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>

#include "dns/ip.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

// How many dialogs there are of a client, and of strangers around it: those of clients in good
// standing are no part of what is shared between networks. Allow-listed ones do not count at all.
struct Crowd {
  uint32_t wide = 0;     // of the same IPv4 /16 or IPv6 /48
  uint32_t network = 0;  // /24, /64
  uint32_t client = 0;   // /32, /64

  auto operator<=>(const Crowd&) const = default;  // the widest counts first
};

dns::IpAddress wide_network(const dns::IpAddress& client);  // that of Crowd::wide

// Is it fair that |newcomer| gets the place of |holder|? Networks of equal size have equal shares:
// in the widest in which the two differ, |holder|'s must have more, also after the change; or more
// than so many |times| as many.
bool is_fair(const dns::IpAddress& newcomer, const Crowd& its, const dns::IpAddress& holder,
             const Crowd& holders, uint32_t times = 1);

// Of |total| places of any kind, as many as are not kept for clients in good standing; |reserved|
// is limits.reserved_for_known.
uint32_t share_of_strangers(double reserved, uint32_t total);

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
    // Part of what strangers share, as its holder was one when it came.
    bool of_stranger() const { return stranger_; }

   private:
    friend class Places;
    void give_back();

    Places* places_ = nullptr;
    dns::IpAddress client_;
    bool stranger_ = false;    // counted against the share of those who are not good
    bool of_client_ = false;   // counted per client
    bool of_network_ = false;  // and for the networks around it
  };

  struct Entry {
    Place place;                          // false if a limit fired
    PlaceLimit limit = PlaceLimit::None;  // which one
  };
  // |good|: in good standing, may use the reserved share, whatever its neighbours hold; all others
  // together may hold |total| less that share. A client at a limit of its own hears of that one,
  // for a place that becomes free is none for it. |exempt|: allow-listed, only the total limit
  // counts. |total| is the effective total: limits.sessions, or what file descriptors allow. The
  // others are read at each call: a lower limit takes no place away, it only gives no new one.
  Entry enter(const dns::IpAddress& client, bool good, bool exempt, const Limits& limits,
              uint32_t total);

  Crowd crowd(const dns::IpAddress& client) const;
  // One of these alone.
  uint32_t wide_crowd(const dns::IpAddress& client) const;
  uint32_t network_crowd(const dns::IpAddress& client) const;
  uint32_t client_crowd(const dns::IpAddress& client) const;
  uint32_t in_use() const;
  // Of these, those that are neither good nor exempt, as a share of what they may have; above 1
  // after the limits were lowered.
  double strangers(const Limits& limits, uint32_t total) const;
  // Would one of those that leaves make room for another? Not while there are more than there may
  // be, since a limit was lowered.
  bool one_makes_room(const Limits& limits, uint32_t total) const;
  // Places that those could still get.
  uint32_t room_for_strangers(const Limits& limits, uint32_t total) const;
  uint32_t peak() const;

 private:
  struct Shards;
  PlaceLimit count(Place& place, bool good, bool exempt, const Limits& limits, uint32_t total);

  std::unique_ptr<Shards> shards_;
};

}  // namespace ravelin::proxy
