#include "proxy/sessions.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <span>
#include <utility>

namespace ravelin::proxy {

// Room for a look at all of them comes first: whoever cannot even be told that there is no memory
// is left to sweep(), which must need none.
Session& Sessions::add(std::shared_ptr<Session> session) {
  Session& added = *session;
  if (due_.capacity() <= sessions_.size()) due_.reserve(2 * sessions_.size() + 16);
  auto& network = with_room(added);
  try {
    join(*sessions_.insert(Member{std::move(session), &network, 0}).first);
  } catch (...) {
    drop_if_empty(network);
    throw;
  }
  return added;
}

Sessions::Networks::value_type& Sessions::with_room(const Session& session) {
  auto& network = *networks_.try_emplace(wide_network(session.info().client.address)).first;
  auto& members = network.second.members;
  try {
    if (members.size() == members.capacity()) members.reserve(2 * members.size() + 1);
  } catch (...) {
    drop_if_empty(network);
    throw;
  }
  return network;
}

// Without memory it stays where it was, and is passed over there.
void Sessions::refile(const Session& session) noexcept {
  const auto found = sessions_.find(&session);
  assert(found != sessions_.end());
  try {
    auto& network = with_room(session);
    if (&network == found->network) return;
    leave(*found);
    found->network = &network;
    join(*found);
  } catch (const std::bad_alloc&) {
  }
}

void Sessions::retire(Session& session) noexcept {
  const auto found = sessions_.find(&session);
  assert(found != sessions_.end());
  leave(*found);
  auto over = sessions_.extract(found);
  reactor_.retire(std::move(over.value().owner));
}

// There is room.
void Sessions::join(const Member& member) noexcept {
  auto& members = member.network->second.members;
  member.at = static_cast<uint32_t>(members.size());
  members.push_back(member.owner.get());
}

void Sessions::leave(const Member& member) noexcept {
  auto& members = member.network->second.members;
  assert(members[member.at] == member.owner.get());
  sessions_.find(members.back())->at = member.at;
  members[member.at] = members.back();
  members.pop_back();
  drop_if_empty(*member.network);
}

void Sessions::drop_if_empty(const Networks::value_type& network) noexcept {
  if (network.second.members.empty()) networks_.erase(networks_.find(network.first));
}

// Slices of the table, not a copy of all of it. A dialog that moves because the table grew is
// looked at a second later or earlier than otherwise. Sweeping may retire, which changes the table:
// so the slice is taken down first.
void Sessions::sweep(Time now) {
  const auto buckets = sessions_.bucket_count();
  const auto begin = buckets * slice_ / kSlices;
  const auto end = buckets * (slice_ + 1) / kSlices;
  slice_ = (slice_ + 1) % kSlices;
  if (slice_ == 0) ++round_;
  yields_left_ = kYields;
  fruitless_ = {};
  widest_ = 0;
  sweep_yielded(now);
  due_.clear();
  for (auto bucket = begin; bucket < end; ++bucket)
    for (auto at = sessions_.begin(bucket); at != sessions_.end(bucket); ++at)
      due_.push_back(at->owner.get());
  for (Session* session : due_) {
    count(*session);
    session->sweep(now);
  }
  if (slice_ != 0) return;
  for (size_t i = 0; i < counted_.size(); ++i)
    phases_[i].store(std::exchange(counted_[i], 0), std::memory_order_relaxed);
}

void Sessions::count(const Session& session) {
  const auto phase = static_cast<size_t>(session.phase());
  if (phase < counted_.size()) ++counted_[phase];
}

Sessions::Phases Sessions::phases() const {
  Phases now{};
  for (size_t i = 0; i < now.size(); ++i) now[i] = phases_[i].load(std::memory_order_relaxed);
  return now;
}

void Sessions::shut_down(bool now) {
  due_.clear();
  for (const auto& member : sessions_) due_.push_back(member.owner.get());
  for (Session* session : due_) session->shut_down(now);
}

void Sessions::each(size_t limit, const std::function<void(const Session&)>& look) const {
  for (auto one = sessions_.begin(); one != sessions_.end() && limit > 0; ++one, --limit)
    look(*one->owner);
}

std::vector<SessionView> Sessions::views(Time now, size_t limit, const Wanted& wanted) const {
  std::vector<SessionView> all;
  for (const auto& member : sessions_) {
    if (all.size() >= limit) break;
    if (wanted(member.owner->info())) all.push_back(member.owner->view(now));
  }
  return all;
}

Session* Sessions::find(Id id) {
  for (const auto& member : sessions_)
    if (member.owner->is(id)) return member.owner.get();
  return nullptr;
}

void Sessions::yield(Session& holder) {
  if (yields_ == yielded_.size()) sweep_yielded(reactor_.now());
  holder.yield();
  yielded_[yields_++] = &holder;
}

// At an address another one may live by now, to which an early look does no harm.
void Sessions::sweep_yielded(Time now) {
  for (auto* const session : std::span(yielded_).first(std::exchange(yields_, 0)))
    if (sessions_.contains(session)) session->sweep(now);
}

Session* Sessions::oldest_doubtful(Looks looks) {
  Session* oldest = nullptr;
  std::optional<Time> since;
  const auto look = [&](Session* session) {
    const auto its = session->doubtful_since();
    if (!its || (since && *its >= *since)) return;
    oldest = session;
    since = its;
  };
  if (looks == Looks::All)
    for (const auto& member : sessions_) look(member.owner.get());
  else
    for (size_t i = 0; i < kSample && !sessions_.empty(); ++i) look(any());
  return oldest;
}

// Most of those whom nobody knows yet are strangers, of whom none gets a place by being many.
bool Sessions::yield_to_known(Looks looks) {
  if (looks == Looks::Some && yields_left_ <= kKeptYields) return false;
  auto* const holder = oldest_doubtful(looks);
  if (holder == nullptr) return false;
  if (looks == Looks::Some) --yields_left_;
  yield(*holder);
  return true;
}

// From a bucket by chance on, one by chance of the first that is not empty.
Session* Sessions::any() {
  const auto buckets = sessions_.bucket_count();
  auto bucket = chance_() % buckets;
  for (size_t i = 0; i < buckets; ++i, bucket = (bucket + 1) % buckets)
    if (const auto size = sessions_.bucket_size(bucket); size > 0)
      return std::next(sessions_.begin(bucket), static_cast<ptrdiff_t>(chance_() % size))
          ->owner.get();
  return nullptr;
}

struct Sessions::Newcomer {
  const dns::IpAddress& address;
  const dns::IpAddress wide;
  const Places& places;
  const Kind kind;
  const uint32_t times;
  Crowd crowd;

  Newcomer(const dns::IpAddress& newcomer, const Places& all, Kind which, uint32_t how_many)
      : address(newcomer),
        wide(wide_network(newcomer)),
        places(all),
        kind(which),
        times(how_many),
        crowd(all.crowd(newcomer)) {
    // Whose bounce wants to come in is counted already.
    if (kind == Kind::Bounces)
      for (auto* const count : {&crowd.wide, &crowd.network, &crowd.client}) *count -= *count > 0;
  }
  // So many may be where the holder is.
  uint32_t few(uint32_t Crowd::*count) const { return times * (crowd.*count) + 1; }
  std::optional<Time> doubtful_since(const Session& holder) const {
    const bool of_use = kind == Kind::Bounces ? holder.holds_bounce() : holder.of_stranger();
    return of_use ? holder.doubtful_since() : std::nullopt;
  }
};

// Each count that is looked up takes a lock, and most of those looked at are no use: so no more of
// them than it takes to know.
Session* Sessions::unfair_to(const dns::IpAddress& newcomer, const Places& places, Kind kind,
                             uint32_t times) {
  if (sessions_.empty()) return nullptr;
  const Newcomer its(newcomer, places, kind, times);
  auto& fruitless = fruitless_[kind == Kind::Bounces];
  const bool free = fruitless < kFruitless;
  const bool wide = its.few(&Crowd::wide) < widest_;
  const bool network = may_have_more(its);
  Session* found = free || wide ? in_widest(its) : nullptr;
  if (found != nullptr || free || network) found = in_network(its, found);
  if (found == nullptr && !wide && !network) ++fruitless;
  return found;
}

// Does its own network promise anything? Once in a round it does until somebody has looked.
bool Sessions::may_have_more(const Newcomer& newcomer) const {
  const auto own = networks_.find(newcomer.wide);
  if (own == networks_.end()) return false;
  const auto& [members, largest, round] = own->second;
  return round != round_ || newcomer.few(&Crowd::network) < largest;
}

Session* Sessions::in_widest(const Newcomer& newcomer) {
  Session* found = nullptr;
  auto most = newcomer.few(&Crowd::wide);
  for (size_t i = 0; i < kSample; ++i) {
    Session& holder = *any();
    if (!newcomer.doubtful_since(holder)) continue;
    const auto& address = holder.info().client.address;
    const auto crowd = newcomer.places.wide_crowd(address);
    widest_ = std::max(widest_, crowd);
    if (crowd <= most || wide_network(address) == newcomer.wide) continue;
    found = &holder;
    most = crowd;
  }
  return found;
}

Session* Sessions::in_network(const Newcomer& newcomer, Session* some) {
  const auto wide = some == nullptr ? newcomer.wide : wide_network(some->info().client.address);
  const auto filed = networks_.find(wide);
  if (filed == networks_.end()) return some;
  auto& [members, largest, round] = filed->second;
  const bool own = wide == newcomer.wide;
  if (own && std::exchange(round, round_) != round_) largest = 0;
  const auto around = newcomer.places.wide_crowd(wide);
  Session* found = nullptr;
  std::pair<Crowd, Time> most;  // of equal crowds the one that has been idle for longest
  const auto look = [&](Session& holder) {
    const auto since = newcomer.doubtful_since(holder);
    const auto& address = holder.info().client.address;
    if (!since || wide_network(address) != wide) return;
    Crowd crowd{.wide = around, .network = newcomer.places.network_crowd(address)};
    if (own) {
      largest = std::max(largest, crowd.network);
      const bool near = address.network_key() == newcomer.address.network_key();
      if (crowd.network <= newcomer.few(&Crowd::network) && !near) return;
    }
    crowd.client = newcomer.places.client_crowd(address);
    if (!is_fair(newcomer.address, newcomer.crowd, address, crowd, newcomer.times)) return;
    const bool first = found == nullptr || crowd > most.first;
    if (!first && (crowd != most.first || *since >= most.second)) return;
    found = &holder;
    most = {crowd, *since};
  };
  if (some != nullptr) look(*some);
  for (size_t i = 0; i < kSample; ++i) look(*members[chance_() % members.size()]);
  return found;
}

bool Sessions::yield_to_stranger(const dns::IpAddress& newcomer, const Places& places, Kind kind) {
  if (yields_left_ == 0) return false;
  auto* const holder = unfair_to(newcomer, places, kind, yields_left_ > kKeptYields ? 1 : 2);
  if (holder == nullptr) return false;
  --yields_left_;
  yield(*holder);
  return true;
}

}  // namespace ravelin::proxy
