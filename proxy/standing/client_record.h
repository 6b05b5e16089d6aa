// What is remembered of one client: the values of a table, and the rules by which standing is
// earned and lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/standing/losses.h"
#include "proxy/standing/standing.h"
#include "proxy/standing/window.h"
#include "proxy/state/row.h"
#include "proxy/state/seconds.h"

namespace ravelin::proxy {

struct ClientRecord {
  Seconds first = 0;      // seen
  Seconds last = 0;       // seen
  Seconds delivered = 0;  // the last delivery, if there is one
  uint32_t deliveries = 0;
  uint32_t days = 0;  // on which there were deliveries
  uint32_t recipients = 0;
  uint32_t unknown = 0;  // of these
  DayWindow recent_recipients;
  DayWindow recent_unknown;
  Losses losses;
  Hash128 organisation;  // of its name when it last sent; zero if none

  // |day|: the number of today; |day_before|: that of the last delivery.
  void count_delivery(Seconds now, int64_t day, int64_t day_before);
  void count_recipient(Seconds now, bool is_unknown);
  // Whether unknown recipients are now so many that standing is lost.
  bool exceeds(Seconds now) const;
  // Takes all standing away; it has to be earned again.
  void lose(Seconds now);
};

// What a StoredTable needs to know of them.
class ClientKind {
 public:
  using Value = ClientRecord;

  void configure(const StandingSettings& settings);
  Grade grade(const ClientRecord& record) const;
  // |record|, which is new, has earned |grade| and no more.
  void give(ClientRecord& record, Grade grade, Seconds now) const;

  // Unknown ones go first, good ones last; within each, the longest unseen.
  int64_t worth(const ClientRecord& record) const;
  bool expired(const ClientRecord& record, Seconds now) const;
  RowWriter write(const Hash128& key, const ClientRecord& record, const WallFrame& frame) const;
  std::optional<std::pair<Hash128, ClientRecord>> read(std::string_view row,
                                                       const WallFrame& frame) const;
  // Never called: clients are loaded before anybody is accepted.
  void merge(ClientRecord&, const ClientRecord&) const {}

 private:
  std::atomic<uint32_t> good_deliveries_ = UINT32_MAX;
  std::atomic<uint32_t> good_days_ = UINT32_MAX;
  std::atomic<double> good_unknown_ = 0;
};

}  // namespace ravelin::proxy
