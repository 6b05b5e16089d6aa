// What is remembered of a /24 or of an organisation: whether so many of its addresses misbehave
// that the others are suspect too. It earns nothing for anybody: one honest customer must not vouch
// for its provider.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/standing/losses.h"
#include "proxy/standing/window.h"
#include "proxy/state/row.h"
#include "proxy/state/seconds.h"

namespace ravelin::proxy {

struct GroupRecord {
  struct Offender {
    uint32_t address = 0;  // part of its hash; 0: nobody
    Seconds when = 0;
  };

  Seconds last = 0;  // seen
  DayWindow recipients;
  DayWindow unknown;  // of these
  MonthWindow deliveries;
  std::array<Offender, 5> offenders{};  // addresses that lost their standing lately
  Losses losses;

  void count_recipient(Seconds now, bool is_unknown);
  void add_offender(uint32_t address, Seconds now);
  // Whether the group as a whole loses now.
  bool exceeds(Seconds now) const;
  void lose(Seconds now);
};

// What a StoredTable needs to know of them.
class GroupKind {
 public:
  using Value = GroupRecord;

  // Those with good mail or losses are kept longer; within each, the longest unseen goes first.
  int64_t worth(const GroupRecord& record) const;
  bool expired(const GroupRecord& record, Seconds now) const;
  RowWriter write(const Hash128& key, const GroupRecord& record, const WallFrame& frame) const;
  std::optional<std::pair<Hash128, GroupRecord>> read(std::string_view row,
                                                      const WallFrame& frame) const;
  // Never called: groups are loaded before anybody is accepted.
  void merge(GroupRecord&, const GroupRecord&) const {}
};

}  // namespace ravelin::proxy
