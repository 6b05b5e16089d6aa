#include "proxy/standing/greylist.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <new>

#include "proxy/standing/tuple.h"
#include "proxy/state/stored_table.h"

namespace ravelin::proxy {
namespace {

constexpr Seconds kLongestDelay = 3600;

// A tuple that is seen again is written again only after a while: nobody needs to know to the
// second how long ago a mailing list last wrote, when it is kept for weeks.
constexpr Seconds kSlide = 60;

// Whole seconds, rounded up: they are what is announced.
Seconds seconds(milliseconds time) {
  constexpr int64_t kMost = 10 * 365 * 86'400;
  const auto whole = std::chrono::ceil<std::chrono::seconds>(time).count();
  return static_cast<Seconds>(std::clamp<int64_t>(whole, 0, kMost));
}

std::string recipient_text(const smtp::Address& recipient) {
  auto text = recipient.local + '@' + recipient.domain;
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

std::string_view address_bytes(const dns::IpAddress& address) {
  return {reinterpret_cast<const char*>(address.bytes()), address.size()};
}

struct Keys {
  std::array<Hash128, 3> all;
  size_t count = 0;
  uint16_t network = 0;  // as a TupleValue has it

  const Hash128* begin() const { return all.data(); }
  const Hash128* end() const { return all.data() + count; }
};

}  // namespace

struct Greylist::Tables {
  Tables(const Clock& clock_arg, Store* store)
      : clock(clock_arg),
        hash_key(store != nullptr ? store->hash_key() : random_hash_key()),
        stored(clock_arg, store, Family::Tuples, Loading::Behind) {}

  Keys keys_of(const Tuple& tuple) const;
  std::optional<TupleValue> find(const Keys& keys, Seconds now) const;
  bool write(const Keys& keys, const TupleValue& value, Seconds now);
  Seconds due(const TupleValue& value, Seconds wait) const {
    return std::min(value.due(), value.first + wait);
  }
  Seconds delay(uint32_t doublings) const;
  uint16_t part_of_network(const dns::IpAddress& client) const;
  Result judge(const Keys& keys, uint32_t doublings);

  const Clock& clock;
  const HashKey hash_key;
  std::atomic<Seconds> base_delay = 0;
  std::atomic<Seconds> longest_delay = kLongestDelay;
  std::atomic<Seconds> slide = kSlide;
  StoredTable<TupleKind> stored;
};

// The exact address, its /24 or /64, and the organisation: a pool of senders that retries from
// another address is known by one of the last two, and a client whose name cannot be looked up
// today by the first.
Keys Greylist::Tables::keys_of(const Tuple& tuple) const {
  const auto sender = normalise_sender(tuple.sender);
  const auto recipient = recipient_text(tuple.recipient);
  Keys keys;
  keys.network = part_of_network(tuple.client);
  const auto add = [&](std::string_view kind, std::string_view client) {
    keys.all[keys.count++] =
        Hasher(hash_key).add(kind).add(client).add(sender).add(recipient).finish();
  };
  add("address", address_bytes(tuple.client));
  add("network", address_bytes(tuple.client.network_key()));
  if (!tuple.organisation.empty()) add("organisation", tuple.organisation);
  return keys;
}

// A /48 and not a /64, of which each customer has thousands to fill the table from.
uint16_t Greylist::Tables::part_of_network(const dns::IpAddress& client) const {
  const auto hash = Hasher(hash_key).add("part").add(address_bytes(client.site_key())).finish();
  return static_cast<uint16_t>(hash.words[0] | 1);
}

// What is known under any of the keys: the most favourable of it.
std::optional<TupleValue> Greylist::Tables::find(const Keys& keys, Seconds now) const {
  std::optional<TupleValue> found;
  for (const auto& key : keys) {
    const auto value = stored.table().find(key);
    if (!value || stored.kind().expired(*value, now)) continue;
    if (found) {
      stored.kind().merge(*found, *value);
    } else {
      found = value;
    }
  }
  return found;
}

// Under all keys; what another thread wrote meanwhile is joined. False if none could be kept.
bool Greylist::Tables::write(const Keys& keys, const TupleValue& value, Seconds now) {
  bool kept = false;
  for (const auto& key : keys) {
    const auto change = [&](TupleValue& ours, bool created) {
      const auto before = ours;
      if (created || stored.kind().expired(ours, now)) {
        ours = value;
        return true;
      }
      stored.kind().merge(ours, value);
      const bool slid = ours.retried() != before.retried() || ours.last - before.last >= slide;
      if (!slid) ours.last = before.last;
      return slid || ours.wait != before.wait || ours.first != before.first;
    };
    const auto own = [&](const TupleValue& other) { return other.waits_beside(value); };
    kept |= stored.table().update(key, now, change, own);
  }
  return kept;
}

// Doubled for each loss of standing, up to an hour and half the window: who is told to wait must
// have time left to come back.
Seconds Greylist::Tables::delay(uint32_t doublings) const {
  const int64_t base = base_delay;
  const auto doubled = base << std::min(doublings, 20U);
  return static_cast<Seconds>(std::max(base, std::min<int64_t>(doubled, longest_delay)));
}

// The moment announced at first sight is kept, so later losses of standing do not prolong a wait
// that has begun; a shorter delay from a reload does shorten it.
Greylist::Result Greylist::Tables::judge(const Keys& keys, uint32_t doublings) {
  const auto now = boot_seconds(clock);
  const auto wait = delay(doublings);
  const auto found = find(keys, now);
  auto value = found.value_or(TupleValue{now, now, static_cast<uint16_t>(wait)});
  value.network = keys.network;

  Result result;
  const auto passes_at = value.passed() ? now : due(value, wait);
  if (value.passed()) {
    result.kind = Kind::Known;
  } else if (passes_at <= now) {
    result.kind = Kind::Passed;
    value.wait = TupleValue::kPassed;
  } else {
    result.kind = found ? Kind::Early : Kind::First;
    result.left = std::chrono::seconds(passes_at - now);
  }
  value.last = now;
  if (!write(keys, value, now) && result.deferred()) return {Kind::Full, {}};
  return result;
}

Greylist::Greylist(const Clock& clock, Store* store)
    : tables_(std::make_unique<Tables>(clock, store)) {}

Greylist::~Greylist() = default;

void Greylist::configure(const GreylistSettings& settings) {
  const auto window = seconds(settings.window);
  const auto keep = seconds(settings.keep);
  tables_->base_delay = seconds(settings.delay);
  tables_->longest_delay = std::min(kLongestDelay, window / 2);
  tables_->slide = std::min(kSlide, keep / 16);
  tables_->stored.kind().set_life(window, keep);
  tables_->stored.table().set_capacity(settings.max_tuples);
}

Greylist::Result Greylist::check(const Tuple& tuple, uint32_t doublings) {
  try {
    return tables_->judge(tables_->keys_of(tuple), doublings);
  } catch (const std::bad_alloc&) {
    return {Kind::Full, {}};
  }
}

std::optional<Greylist::Shown> Greylist::show(const Tuple& tuple) const {
  const auto now = boot_seconds(tables_->clock);
  const auto found = tables_->find(tables_->keys_of(tuple), now);
  if (!found) return {};
  Shown shown;
  shown.age = std::chrono::seconds(now - found->first);
  const auto left = found->passed() ? 0 : tables_->due(*found, tables_->delay(20)) - now;
  shown.result.kind = found->passed() ? Kind::Known : left > 0 ? Kind::Early : Kind::Passed;
  if (shown.result.kind == Kind::Early) shown.result.left = std::chrono::seconds(left);
  return shown;
}

void Greylist::pass(const Tuple& tuple) {
  const auto now = boot_seconds(tables_->clock);
  const auto keys = tables_->keys_of(tuple);
  auto value = tables_->find(keys, now).value_or(TupleValue{now, now});
  value.network = keys.network;
  value.wait = TupleValue::kPassed;
  value.last = now;
  tables_->write(keys, value, now);
}

bool Greylist::forget(const Tuple& tuple) {
  bool found = false;
  for (const auto& key : tables_->keys_of(tuple)) found |= tables_->stored.table().erase(key);
  return found;
}

size_t Greylist::size() const { return tables_->stored.table().size(); }

dns::Occupancy Greylist::occupancy() const { return tables_->stored.table().occupancy(); }

}  // namespace ravelin::proxy
