#include "proxy/standing/client_record.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

// An address that mistypes now and then keeps its standing; one that guesses does not: 5 unknown
// recipients within 24 hours, and at least every second of those it asked for. A relay of a mailing
// list has many unknown ones, but never half.
constexpr uint32_t kLossCount = 5;

// Old counts weigh less: both are halved here, so a relay of many years can still be judged.
constexpr uint32_t kManyRecipients = 10'000;

// Who has earned nothing is forgotten when its losses are; the others are kept as long as somebody
// who writes once a quarter needs it.
constexpr Seconds kKeepUnknown = 2 * 86'400;
constexpr Seconds kKeepKnown = 120 * 86'400;

}  // namespace

void ClientRecord::count_delivery(Seconds now, int64_t day, int64_t day_before) {
  if (deliveries == 0 || day != day_before) ++days;
  if (deliveries != UINT32_MAX) ++deliveries;
  delivered = now;
}

void ClientRecord::count_recipient(Seconds now, bool is_unknown) {
  if (recipients >= kManyRecipients) {
    recipients /= 2;
    unknown /= 2;
  }
  ++recipients;
  if (is_unknown) ++unknown;
  // Where one can be counted no more, the other would become the larger share of it.
  if (recent_recipients.full(now)) return;
  recent_recipients.add(now);
  if (is_unknown) recent_unknown.add(now);
}

bool ClientRecord::exceeds(Seconds now) const {
  const auto count = recent_unknown.sum(now);
  return count >= kLossCount && count * 2 >= recent_recipients.sum(now);
}

void ClientRecord::lose(Seconds now) {
  deliveries = days = recipients = unknown = 0;
  recent_recipients.clear();
  recent_unknown.clear();
  losses.add(now);
}

void ClientKind::configure(const StandingSettings& settings) {
  good_deliveries_ = settings.good_deliveries;
  good_days_ = settings.good_days;
  good_unknown_ = settings.good_unknown;
}

Grade ClientKind::grade(const ClientRecord& record) const {
  if (record.deliveries == 0) return Grade::Unknown;
  const bool clean = record.unknown == 0 || record.unknown < good_unknown_ * record.recipients;
  const bool good = record.deliveries >= good_deliveries_ && record.days >= good_days_ && clean;
  return good ? Grade::Good : Grade::Passed;
}

void ClientKind::give(ClientRecord& record, Grade grade, Seconds now) const {
  if (grade == Grade::Unknown) return;
  const bool good = grade == Grade::Good;
  record.delivered = now;
  record.deliveries = good ? std::max<uint32_t>(1, good_deliveries_) : 1;
  record.days = good ? std::max<uint32_t>(1, good_days_) : 1;
}

int64_t ClientKind::worth(const ClientRecord& record) const {
  return static_cast<int64_t>(grade(record)) * (int64_t{1} << 32) + record.last;
}

bool ClientKind::expired(const ClientRecord& record, Seconds now) const {
  return now - record.last > (record.deliveries == 0 ? kKeepUnknown : kKeepKnown);
}

RowWriter ClientKind::write(const Hash128& key, const ClientRecord& record,
                            const WallFrame& frame) const {
  RowWriter row;
  row.put(key).put(frame.to_wall(record.first)).put(frame.to_wall(record.last));
  row.put(frame.to_wall(record.delivered)).put(record.deliveries).put(record.days);
  row.put(record.recipients).put(record.unknown).put(record.organisation);
  record.recent_recipients.write(row, frame);
  record.recent_unknown.write(row, frame);
  record.losses.write(row, frame);
  return row;
}

std::optional<std::pair<Hash128, ClientRecord>> ClientKind::read(std::string_view row,
                                                                 const WallFrame& frame) const {
  Hash128 key;
  ClientRecord record;
  std::array<int64_t, 3> times{};
  RowReader in(row);
  in.get(key);
  for (auto& time : times) in.get(time);
  in.get(record.deliveries);
  in.get(record.days);
  in.get(record.recipients);
  in.get(record.unknown);
  in.get(record.organisation);
  record.recent_recipients.read(in, frame);
  record.recent_unknown.read(in, frame);
  record.losses.read(in, frame);
  if (!in.complete()) return {};
  record.first = frame.from_wall(times[0]);
  record.last = frame.from_wall(times[1]);
  record.delivered = frame.from_wall(times[2]);
  return std::pair(key, record);
}

}  // namespace ravelin::proxy
