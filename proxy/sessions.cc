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
  auto& network = *networks_.try_emplace(wide_network(added.info().client.address)).first;
  auto& members = network.second;
  try {
    if (members.size() == members.capacity()) members.reserve(2 * members.size() + 1);
    const auto at = static_cast<uint32_t>(members.size());
    sessions_.insert(Member{std::move(session), &network, at});
  } catch (...) {
    if (members.empty()) networks_.erase(networks_.find(network.first));
    throw;
  }
  members.push_back(&added);
  return added;
}

void Sessions::retire(Session& session) noexcept {
  const auto found = sessions_.find(&session);
  assert(found != sessions_.end());
  leave_network(*found);
  auto over = sessions_.extract(found);
  reactor_.retire(std::move(over.value().owner));
}

void Sessions::leave_network(const Member& member) noexcept {
  auto& members = member.network->second;
  assert(members[member.at] == member.owner.get());
  sessions_.find(members.back())->at = member.at;
  members[member.at] = members.back();
  members.pop_back();
  if (members.empty()) networks_.erase(networks_.find(member.network->first));
}

// Slices of the table, not a copy of all of it. A dialog that moves because the table grew is
// looked at a second later or earlier than otherwise. Sweeping may retire, which changes the table:
// so the slice is taken down first.
void Sessions::sweep(Time now) {
  const auto buckets = sessions_.bucket_count();
  const auto begin = buckets * slice_ / kSlices;
  const auto end = buckets * (slice_ + 1) / kSlices;
  slice_ = (slice_ + 1) % kSlices;
  yields_left_ = kYields;
  fruitless_ = 0;
  largest_ = std::exchange(seen_, {});
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
  const auto promises = [&](uint32_t Crowd::*count) {
    return fruitless_ < kFruitless || its.few(count) < std::max(largest_.*count, seen_.*count);
  };
  Session* found = promises(&Crowd::wide) ? in_widest(its) : nullptr;
  if (found != nullptr || promises(&Crowd::network)) found = in_network(its, found);
  if (found == nullptr) ++fruitless_;
  return found;
}

Session* Sessions::in_widest(const Newcomer& newcomer) {
  Session* found = nullptr;
  auto most = newcomer.few(&Crowd::wide);
  for (size_t i = 0; i < kSample; ++i) {
    Session& holder = *any();
    if (!newcomer.doubtful_since(holder)) continue;
    const auto& address = holder.info().client.address;
    const auto crowd = newcomer.places.wide_crowd(address);
    seen_.wide = std::max(seen_.wide, crowd);
    if (crowd <= most || wide_network(address) == newcomer.wide) continue;
    found = &holder;
    most = crowd;
  }
  return found;
}

Session* Sessions::in_network(const Newcomer& newcomer, Session* some) {
  const auto wide = some == nullptr ? newcomer.wide : wide_network(some->info().client.address);
  const bool own = wide == newcomer.wide;
  const auto around = newcomer.places.wide_crowd(wide);
  Session* found = nullptr;
  std::pair<Crowd, Time> most;  // of equal crowds the one that has been idle for longest
  const auto look = [&](Session& holder) {
    const auto since = newcomer.doubtful_since(holder);
    if (!since) return;
    const auto& address = holder.info().client.address;
    Crowd crowd{.wide = around, .network = newcomer.places.network_crowd(address)};
    if (own) {
      seen_.network = std::max(seen_.network, crowd.network);
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
  const auto members = networks_.find(wide);
  if (members == networks_.end()) return found;
  for (size_t i = 0; i < kSample; ++i) look(*members->second[chance_() % members->second.size()]);
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
