// What we remember of a client: has mail of it been accepted, and how often did it misbehave?
// Belongs to the exact IPv4 address or IPv6 /64. Being passed or good is earned by deliveries that
// the backend took, and lost by unknown recipients, early talk and errors.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dns/ip.h"
#include "dns/occupancy.h"
#include "proxy/config/config.h"
#include "proxy/event/clock.h"

namespace ravelin::proxy {

class Store;

enum class Grade : uint8_t {
  Unknown,
  Passed,  // one delivery accepted by the backend: no more greylisting
  Good,    // standing.good_*: reserved places, no pause, priority, calm limits
};

struct StandingInfo {
  Grade grade = Grade::Unknown;
  uint32_t deliveries = 0;
  uint32_t days = 0;
  uint32_t recipients = 0;
  uint32_t unknown_recipients = 0;
  uint32_t losses = 0;          // in a row; each doubles the greylist delay
  std::chrono::seconds age{};   // since first seen
  std::chrono::seconds idle{};  // since last seen
};

// Thread-safe, never blocks on disk. One per process.
class Standing {
 public:
  // |clock| and |store| (may be null: memory only) must outlive it. All rows of the store are there
  // when it returns (a million clients: about a second).
  Standing(const Clock& clock, Store* store);
  ~Standing();

  void configure(const StandingSettings& settings);  // at start and at reload

  Grade grade(const dns::IpAddress& client) const;
  // How often the greylist delay doubles for this client (losses within the last 24 h).
  // |organisation| as below; "": that of its last recipient.
  uint32_t doublings(const dns::IpAddress& client, std::string_view organisation = {}) const;

  // known_recipient() and unknown_recipient() once per RCPT that the backend answered; delivered()
  // once per message that it took, with the number of its recipients (0 counts nothing).
  // |organisation| as Greylist::Tuple has it, or "".
  void delivered(const dns::IpAddress& client, uint32_t recipients);
  void unknown_recipient(const dns::IpAddress& client, std::string_view organisation);
  void known_recipient(const dns::IpAddress& client, std::string_view organisation);
  void misbehaved(const dns::IpAddress& client);  // early talk, errors beyond the limit

  // Has it itself lost something within the last 24 h?
  bool has_lost(const dns::IpAddress& client) const;

  std::optional<StandingInfo> show(const dns::IpAddress& client) const;
  // As if it had earned just that; what its network and organisation lost is forgotten, too. False:
  // there was no memory for it.
  bool set(const dns::IpAddress& client, Grade grade);
  bool reset(const dns::IpAddress& client);
  size_t size() const;
  dns::Occupancy clients() const;
  dns::Occupancy groups() const;  // networks and organisations

 private:
  bool reset_groups(const dns::IpAddress& client);

  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace ravelin::proxy
