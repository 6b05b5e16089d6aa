#include "proxy/sessions.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <span>
#include <utility>

namespace ravelin::proxy {

// Room for a look at all of them comes first: whoever cannot even be told that there is no memory
// is left to sweep(), which must need none.
Session& Sessions::add(std::unique_ptr<Session> session) {
  Session& added = *session;
  if (due_.capacity() <= sessions_.size()) due_.reserve(2 * sessions_.size() + 16);
  const auto wide = wide_network(added.info().client.address);
  auto& near = networks_[wide];
  try {
    if (near.size() == near.capacity()) near.reserve(2 * near.size() + 1);
    sessions_.emplace(&added, Member{std::move(session), wide, near.size()});
  } catch (...) {
    if (near.empty()) networks_.erase(wide);
    throw;
  }
  near.push_back(&added);
  return added;
}

void Sessions::retire(Session& session) noexcept {
  const auto found = sessions_.find(&session);
  assert(found != sessions_.end());
  leave_network(found->second);
  auto over = std::move(found->second.owner);
  sessions_.erase(found);
  reactor_.retire(std::move(over));
}

void Sessions::leave_network(const Member& member) noexcept {
  const auto found = networks_.find(member.wide);
  assert(found != networks_.end());
  auto& near = found->second;
  sessions_.find(near.back())->second.at = member.at;
  near[member.at] = near.back();
  near.pop_back();
  if (near.empty()) networks_.erase(found);
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
      due_.push_back(at->first);
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
  for (const auto& [session, member] : sessions_) due_.push_back(session);
  for (Session* session : due_) session->shut_down(now);
}

void Sessions::each(size_t limit, const std::function<void(const Session&)>& look) const {
  for (auto one = sessions_.begin(); one != sessions_.end() && limit > 0; ++one, --limit)
    look(*one->first);
}

std::vector<SessionView> Sessions::views(Time now, size_t limit, const Wanted& wanted) const {
  std::vector<SessionView> all;
  for (const auto& [session, member] : sessions_) {
    if (all.size() >= limit) break;
    if (wanted(session->info())) all.push_back(session->view(now));
  }
  return all;
}

Session* Sessions::find(Id id) {
  for (const auto& [session, member] : sessions_)
    if (session->is(id)) return session;
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
    for (const auto& [session, member] : sessions_) look(session);
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
      return std::next(sessions_.begin(bucket), static_cast<ptrdiff_t>(chance_() % size))->first;
  return nullptr;
}

// Each count that is looked up takes a lock, and most of those looked at are no use: so no more of
// them than it takes to know.
Session* Sessions::unfair_to(const dns::IpAddress& newcomer, const Places& places, Kind kind,
                             uint32_t times) {
  if (sessions_.empty()) return nullptr;
  auto its = places.crowd(newcomer);
  // Whose bounce wants to come in is counted already.
  if (kind == Kind::Bounces)
    for (auto* const count : {&its.wide, &its.network, &its.client}) *count -= *count > 0;
  const auto doubtful = [kind](const Session& session) {
    const bool of_use = kind == Kind::Bounces ? session.holds_bounce() : session.of_stranger();
    return of_use ? session.doubtful_since() : std::nullopt;
  };
  const auto few = [&](uint32_t Crowd::*count) { return times * (its.*count) + 1; };
  const auto promises = [&](uint32_t Crowd::*count) {
    return fruitless_ < kFruitless || few(count) < std::max(largest_.*count, seen_.*count);
  };

  // Which wide network has most?
  const auto own = wide_network(newcomer);
  auto wide = own;
  auto around = few(&Crowd::wide);
  Session* holder = nullptr;
  if (promises(&Crowd::wide))
    for (size_t i = 0; i < kSample; ++i) {
      Session& session = *any();
      if (!doubtful(session)) continue;
      const auto& address = session.info().client.address;
      const auto crowd = places.wide_crowd(address);
      seen_.wide = std::max(seen_.wide, crowd);
      if (crowd <= around || wide_network(address) == own) continue;
      holder = &session;
      wide = wide_network(address);
      around = crowd;
    }

  // Who has most in that?
  Session* found = nullptr;
  std::pair<Crowd, Time> most;  // of equal crowds the one that has been idle for longest
  const auto look = [&](Session& session) {
    const auto since = doubtful(session);
    if (!since) return;
    const auto& address = session.info().client.address;
    Crowd crowd{.wide = around, .network = places.network_crowd(address)};
    if (wide == own) {
      seen_.network = std::max(seen_.network, crowd.network);
      const bool near = address.network_key() == newcomer.network_key();
      if (crowd.network <= few(&Crowd::network) && !near) return;
    }
    crowd.client = places.client_crowd(address);
    if (!is_fair(newcomer, its, address, crowd, times)) return;
    const bool first = found == nullptr || crowd > most.first;
    if (!first && (crowd != most.first || *since >= most.second)) return;
    found = &session;
    most = {crowd, *since};
  };
  if (holder != nullptr) look(*holder);
  const auto members = networks_.find(wide);
  if (members != networks_.end() && (wide != own || promises(&Crowd::network)))
    for (size_t i = 0; i < kSample; ++i) look(*members->second[chance_() % members->second.size()]);
  if (found == nullptr) ++fruitless_;
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
