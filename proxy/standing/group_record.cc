#include "proxy/standing/group_record.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

constexpr Seconds kDay = 24 * 3600;
constexpr Seconds kKeep = 30 * kDay;  // what |deliveries| remembers

// A network with this many deliveries in 30 days has real mail servers in it: only single addresses
// of it lose.
constexpr uint32_t kProtected = 20;

}  // namespace

// As ClientRecord: a full count of recipients must not bend the ratio.
void GroupRecord::count_recipient(Seconds now, bool is_unknown) {
  if (recipients.full(now)) return;
  recipients.add(now);
  if (is_unknown) unknown.add(now);
}

void GroupRecord::add_offender(uint32_t address, Seconds now) {
  auto* oldest = &offenders[0];
  for (auto& offender : offenders) {
    if (offender.address == address || offender.address == 0) {
      oldest = &offender;
      break;
    }
    if (offender.when < oldest->when) oldest = &offender;
  }
  *oldest = {address, now};
}

bool GroupRecord::exceeds(Seconds now) const {
  const bool many = std::all_of(offenders.begin(), offenders.end(), [&](const Offender& offender) {
    return offender.address != 0 && now - offender.when < kDay;
  });
  return many && unknown.sum(now) * 2 > recipients.sum(now) && deliveries.sum(now) < kProtected;
}

void GroupRecord::lose(Seconds now) {
  offenders = {};
  recipients.clear();
  unknown.clear();
  losses.add(now);
}

int64_t GroupKind::worth(const GroupRecord& record) const {
  const int64_t rank =
      record.deliveries.sum(record.last) > 0 ? 2 : record.losses.at(record.last) > 0;
  return rank * (int64_t{1} << 32) + record.last;
}

bool GroupKind::expired(const GroupRecord& record, Seconds now) const {
  return now - record.last > kKeep;
}

RowWriter GroupKind::write(const Hash128& key, const GroupRecord& record,
                           const WallFrame& frame) const {
  RowWriter row;
  row.put(key).put(frame.to_wall(record.last));
  record.recipients.write(row, frame);
  record.unknown.write(row, frame);
  record.deliveries.write(row, frame);
  for (const auto& [address, when] : record.offenders) row.put(address).put(frame.to_wall(when));
  record.losses.write(row, frame);
  return row;
}

std::optional<std::pair<Hash128, GroupRecord>> GroupKind::read(std::string_view row,
                                                               const WallFrame& frame) const {
  Hash128 key;
  GroupRecord record;
  int64_t last = 0;
  RowReader in(row);
  in.get(key);
  in.get(last);
  record.last = frame.from_wall(last);
  record.recipients.read(in, frame);
  record.unknown.read(in, frame);
  record.deliveries.read(in, frame);
  for (auto& [address, when] : record.offenders) {
    int64_t wall = 0;
    in.get(address);
    in.get(wall);
    when = frame.from_wall(wall);
  }
  record.losses.read(in, frame);
  if (!in.complete()) return {};
  return std::pair(key, record);
}

}  // namespace ravelin::proxy
