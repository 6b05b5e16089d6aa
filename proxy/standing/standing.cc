#include "proxy/standing/standing.h"

#include <algorithm>
#include <new>

#include "proxy/standing/client_record.h"
#include "proxy/standing/group_record.h"
#include "proxy/state/stored_table.h"

namespace ravelin::proxy {
namespace {

std::string_view address_bytes(const dns::IpAddress& address) {
  return {reinterpret_cast<const char*>(address.bytes()), address.size()};
}

}  // namespace

struct Standing::Tables {
  Tables(const Clock& clock_arg, Store* store)
      : clock(clock_arg),
        hash_key(store != nullptr ? store->hash_key() : random_hash_key()),
        midnight(WallFrame(clock_arg).to_wall(0)),
        clients(clock_arg, store, Family::Standing, Loading::Now),
        groups(clock_arg, store, Family::Groups, Loading::Now) {}

  Hash128 client_key(const dns::IpAddress& client) const {
    return Hasher(hash_key).add("client").add(address_bytes(client.client_key())).finish();
  }
  Hash128 network_key(const dns::IpAddress& client) const {
    return Hasher(hash_key).add("network").add(address_bytes(client.network_key())).finish();
  }
  Hash128 organisation_key(std::string_view organisation) const {
    if (organisation.empty()) return {};
    return Hasher(hash_key).add("organisation").add(organisation).finish();
  }
  // Days change at midnight UTC as the wall clock had it at start: a clock that is set while the
  // program runs makes no day.
  int64_t day(Seconds time) const { return (midnight + time) / 86'400; }

  uint32_t group_losses(const dns::IpAddress& client, const Hash128& organisation,
                        Seconds now) const;
  template <class Change>
  void change_groups(const dns::IpAddress& client, const Hash128& organisation, Seconds now,
                     Change change);
  void count_recipient(const dns::IpAddress& client, std::string_view organisation, bool unknown);
  void misbehaved(const dns::IpAddress& client);
  void delivered(const dns::IpAddress& client);

  const Clock& clock;
  const HashKey hash_key;
  const int64_t midnight;  // wall time of boot
  StoredTable<ClientKind> clients;
  StoredTable<GroupKind> groups;
};

// Losses of the groups that |client| belongs to. An IPv6 /64 is a client, so it has no network.
uint32_t Standing::Tables::group_losses(const dns::IpAddress& client, const Hash128& organisation,
                                        Seconds now) const {
  uint32_t most = 0;
  const auto look = [&](const Hash128& key) {
    if (const auto group = groups.table().find(key)) most = std::max(most, group->losses.at(now));
  };
  if (client.is_v4()) look(network_key(client));
  if (organisation != Hash128{}) look(organisation);
  return most;
}

template <class Change>
void Standing::Tables::change_groups(const dns::IpAddress& client, const Hash128& organisation,
                                     Seconds now, Change change) {
  const auto apply = [&](GroupRecord& group, bool) {
    group.last = now;
    change(group);
    if (group.exceeds(now)) group.lose(now);
    return true;
  };
  if (client.is_v4()) groups.table().update(network_key(client), now, apply);
  if (organisation != Hash128{}) groups.table().update(organisation, now, apply);
}

void Standing::Tables::count_recipient(const dns::IpAddress& client, std::string_view organisation,
                                       bool unknown) {
  const auto now = boot_seconds(clock);
  const auto key = client_key(client);
  const auto group = organisation_key(organisation);
  bool lost = false;
  clients.table().update(key, now, [&](ClientRecord& record, bool created) {
    if (created) record.first = now;
    record.last = now;
    record.organisation = group;
    record.count_recipient(now, unknown);
    lost = unknown && record.exceeds(now);
    if (lost) record.lose(now);
    return true;
  });
  change_groups(client, group, now, [&](GroupRecord& record) {
    record.count_recipient(now, unknown);
    if (lost) record.add_offender(key.words[3] | 1, now);
  });
}

void Standing::Tables::misbehaved(const dns::IpAddress& client) {
  const auto now = boot_seconds(clock);
  const auto key = client_key(client);
  Hash128 organisation;
  clients.table().update(key, now, [&](ClientRecord& record, bool created) {
    if (created) record.first = now;
    record.last = now;
    record.lose(now);
    organisation = record.organisation;
    return true;
  });
  change_groups(client, organisation, now,
                [&](GroupRecord& record) { record.add_offender(key.words[3] | 1, now); });
}

void Standing::Tables::delivered(const dns::IpAddress& client) {
  const auto now = boot_seconds(clock);
  Hash128 organisation;
  clients.table().update(client_key(client), now, [&](ClientRecord& record, bool created) {
    if (created) record.first = now;
    record.last = now;
    record.count_delivery(now, day(now), day(record.delivered));
    organisation = record.organisation;
    return true;
  });
  change_groups(client, organisation, now,
                [&](GroupRecord& record) { record.deliveries.add(now); });
}

Standing::Standing(const Clock& clock, Store* store)
    : tables_(std::make_unique<Tables>(clock, store)) {}

Standing::~Standing() = default;

void Standing::configure(const StandingSettings& settings) {
  tables_->clients.kind().configure(settings);
  tables_->clients.table().set_capacity(settings.max_clients);
  tables_->groups.table().set_capacity(settings.max_clients);
}

// A loss of the network or organisation suspends what its members have earned, for as long as it
// counts.
Grade Standing::grade(const dns::IpAddress& client) const {
  const auto now = boot_seconds(tables_->clock);
  const auto record = tables_->clients.table().find(tables_->client_key(client));
  if (!record || tables_->clients.kind().expired(*record, now)) return Grade::Unknown;
  const auto grade = tables_->clients.kind().grade(*record);
  if (grade == Grade::Unknown) return grade;
  return tables_->group_losses(client, record->organisation, now) > 0 ? Grade::Unknown : grade;
}

// A sender that moves on to new addresses leaves nothing at them: its organisation is known by its
// name.
uint32_t Standing::doublings(const dns::IpAddress& client, std::string_view organisation) const {
  const auto now = boot_seconds(tables_->clock);
  const auto record = tables_->clients.table().find(tables_->client_key(client));
  const auto own = record ? record->losses.at(now) : 0;
  auto group = tables_->organisation_key(organisation);
  if (record && group == Hash128{}) group = record->organisation;
  return std::max(own, tables_->group_losses(client, group, now));
}

// Recipients were counted when they were asked for.
void Standing::delivered(const dns::IpAddress& client, uint32_t recipients) {
  if (recipients > 0) tables_->delivered(client);
}

void Standing::unknown_recipient(const dns::IpAddress& client, std::string_view organisation) {
  tables_->count_recipient(client, organisation, true);
}

void Standing::known_recipient(const dns::IpAddress& client, std::string_view organisation) {
  tables_->count_recipient(client, organisation, false);
}

void Standing::misbehaved(const dns::IpAddress& client) { tables_->misbehaved(client); }

bool Standing::has_lost(const dns::IpAddress& client) const {
  const auto record = tables_->clients.table().find(tables_->client_key(client));
  return record && record->losses.at(boot_seconds(tables_->clock)) > 0;
}

std::optional<StandingInfo> Standing::show(const dns::IpAddress& client) const {
  const auto now = boot_seconds(tables_->clock);
  const auto record = tables_->clients.table().find(tables_->client_key(client));
  if (!record) return {};
  StandingInfo info;
  info.grade = grade(client);
  info.deliveries = record->deliveries;
  info.days = record->days;
  info.recipients = record->recipients;
  info.unknown_recipients = record->unknown;
  info.losses = doublings(client);
  info.age = std::chrono::seconds(now - record->first);
  info.idle = std::chrono::seconds(now - record->last);
  return info;
}

bool Standing::set(const dns::IpAddress& client, Grade grade) {
  if (grade != Grade::Unknown) reset_groups(client);
  const auto now = boot_seconds(tables_->clock);
  return tables_->clients.table().update(tables_->client_key(client), now,
                                         [&](ClientRecord& record, bool created) {
                                           const auto organisation = record.organisation;
                                           const auto first = created ? now : record.first;
                                           record = {};
                                           record.first = first;
                                           record.last = now;
                                           record.organisation = organisation;
                                           tables_->clients.kind().give(record, grade, now);
                                           return true;
                                         });
}

bool Standing::reset_groups(const dns::IpAddress& client) {
  bool found = false;
  const auto record = tables_->clients.table().find(tables_->client_key(client));
  if (client.is_v4()) found |= tables_->groups.table().erase(tables_->network_key(client));
  if (record) found |= tables_->groups.table().erase(record->organisation);
  return found;
}

// What its groups lost goes too: who asks for a reset wants this client served.
bool Standing::reset(const dns::IpAddress& client) {
  const bool lost = reset_groups(client);
  return tables_->clients.table().erase(tables_->client_key(client)) || lost;
}

size_t Standing::size() const { return tables_->clients.table().size(); }

dns::Occupancy Standing::clients() const { return tables_->clients.table().occupancy(); }

dns::Occupancy Standing::groups() const { return tables_->groups.table().occupancy(); }

}  // namespace ravelin::proxy
