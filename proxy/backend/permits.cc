#include "proxy/backend/permits.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <new>
#include <numeric>
#include <utility>

#include "proxy/overload/places.h"

namespace ravelin::proxy {
namespace {

constexpr uint32_t kGoodsPerUnknown = 3;
constexpr uint32_t kTimesWhatIsFree = 3;

uint32_t left(uint32_t most, uint32_t used) { return most - std::min(most, used); }

}  // namespace

WaitingLine& Permits::line_of(const Waiter& waiter) {
  const auto lane = waiter.good ? Good : waiter.bounce ? Bounces : Strangers;
  return (waiter.fresh ? fresh_ : lines_)[lane][static_cast<size_t>(waiter.want)];
}

// --- what a client may have
// -----------------------------------------------------------------------

uint32_t Permits::stranger_limit() const {
  return std::max(1U, share_of_strangers(reserved_, cap()));
}

// --- ties -------------------------------------------------------------------------------------

// One connection, or a quarter if that is more, only answers questions. With a cap of 1 that is
// the only one: nothing is tied, and a message takes it for its time.
uint32_t Permits::tie_limit() const {
  const auto all = cap();
  return all == 1 ? 0 : all - std::max(1U, (all + 3) / 4);
}

bool Permits::may_hold(const Waiter& waiter) const {
  return has_room_for(waiter) && (waiter.want == Want::Question || !has_its_share(waiter));
}

// The same for all in one line.
bool Permits::has_room_for(const Waiter& waiter) const {
  if (!waiter.good && unknown_questions_ + unknown_ties_ >= stranger_limit()) return false;
  return waiter.want == Want::Question || free_ties(waiter) > 0;
}

uint32_t Permits::free_ties(const Waiter& waiter) const {
  const auto of_all = left(std::max(1U, tie_limit()), ties_);
  if (waiter.good) return of_all;
  const auto most = std::clamp(cap() / 2, 1U, stranger_limit());
  return std::min(of_all, left(most, unknown_ties_));
}

uint32_t Permits::ties_of(const Waiter& waiter) const {
  const auto own = ties_of_.find(waiter.client);
  return own == ties_of_.end() ? 0 : own->second;
}

// A text lasts for as long as its client likes, so nobody may hold all that messages may have. Who
// is alone gets some three quarters, the more there are the less each, and the last is for one that
// has none. A fixed share that a few cannot fill would hold a big provider down when nobody waits.
bool Permits::has_its_share(const Waiter& waiter) const {
  const auto own = ties_of(waiter);
  if (own == 0) return false;
  const auto free = free_ties(waiter);
  return free < 2 || own >= kTimesWhatIsFree * free;
}

void Permits::hold(const Waiter& waiter) {
  if (waiter.want == Want::Question) return waiter.good ? void() : void(++unknown_questions_);
  hold_tie(waiter);
}

void Permits::hold_tie(const Waiter& waiter) {
  ++ties_;
  if (!waiter.good) ++unknown_ties_;
  try {
    ++ties_of_[waiter.client];
  } catch (const std::bad_alloc&) {
    // see |ties_of_|
  }
}

bool Permits::tie(const Waiter& holder) noexcept {
  if (tie_limit() == 0 || free_ties(holder) == 0 || has_its_share(holder)) return false;
  if (!holder.good && (somebody_next() || ties_of(holder) >= std::max(1U, cap() / 10)))
    return false;
  hold_tie(holder);
  return true;
}

void Permits::let_go(const Waiter& waiter) {
  if (waiter.want == Want::Message) return let_go_tie(waiter);
  if (!waiter.good) let_go_question();
}

void Permits::let_go_question() {
  assert(unknown_questions_ > 0);
  --unknown_questions_;
}

void Permits::let_go_tie(const Waiter& waiter) {
  assert(ties_ > 0);
  --ties_;
  if (!waiter.good) --unknown_ties_;
  const auto own = ties_of_.find(waiter.client);
  if (own != ties_of_.end() && --own->second == 0) ties_of_.erase(own);
}

void Permits::untie(const Waiter& holder, dns::Time now, Orders& orders) noexcept {
  let_go_tie(holder);
  // Still too many, since a cap was lowered: the next one is given up.
  for (auto* const lines : {&fresh_, &lines_}) {
    for (auto& by_want : *lines) {
      auto& messages = by_want[static_cast<size_t>(Want::Message)];
      if (first_of(messages) == nullptr && !messages.nobody_next()) shed(orders);
    }
  }
  serve_held_up(now, orders);
}

void Permits::answered(dns::Time now, Orders& orders) noexcept {
  let_go_question();
  serve_held_up(now, orders);
}

// Who waited for what others may have, and not for a connection, can go on now.
void Permits::serve_held_up(dns::Time now, Orders& orders) noexcept {
  for (auto* const lines : {&fresh_, &lines_}) {
    for (auto& by_want : *lines) {
      for (auto& line : by_want) {
        const auto* const first = first_of(line);
        if (first == nullptr || (first->fresh && held_ < cap())) continue;
        if (find_room(*first, orders)) return;
      }
    }
  }
  pump(now, orders);
}

uint64_t Permits::tie_idle(uint32_t worker, Orders& orders) {
  idle_ties_.emplace_hint(idle_ties_.end(), ++last_tie_, IdleTie{worker});
  shed_again(orders);
  return last_tie_;
}

void Permits::shed(Orders& orders) {
  const auto oldest = std::find_if(idle_ties_.begin(), idle_ties_.end(),
                                   [](const auto& tie) { return !tie.second.asked; });
  if (oldest == idle_ties_.end() || !room_for_one(orders)) return;
  oldest->second.asked = true;
  orders.push_back({Order::Kind::GiveUp, oldest->second.worker, oldest->first});
}

void Permits::shed_again(Orders& orders) noexcept {
  if (somebody_next()) shed(orders);
}

// --- asking -----------------------------------------------------------------------------------

void Permits::know(uint32_t worker) {
  if (worker < idle_.size()) return;
  idle_.resize(worker + 1);
  promised_.resize(worker + 1);
}

Permits::Grant Permits::ask(Waiter& waiter, dns::Time now, Orders& orders) {
  waiter.ticket = ++last_ticket_;
  know(waiter.worker);
  if (may_hold(waiter)) {
    const bool own = !waiter.fresh && idle_[waiter.worker] > 0;
    if (own || can_open(now)) {
      own ? void(--idle_[waiter.worker]) : opening();
      hold(waiter);
      return own ? Grant::Idle : Grant::Open;
    }
  }
  if (health_.down() && (ready_ == 0 || waiter.elsewhere)) return Grant::Down;
  auto& line = line_of(waiter);
  line.add(waiter);
  first_of(line);  // whoever has its share steps aside at once
  if (may_hold(waiter) ? !find_room(waiter, orders) : !has_room_for(waiter)) shed(orders);
  return Grant::Wait;
}

bool Permits::spares(const Waiter& waiter, dns::Time now) const noexcept {
  return may_hold(waiter) && (idle() > 0 || can_open(now));
}

bool Permits::cancel(const Waiter& waiter) noexcept { return line_of(waiter).erase(waiter); }

// An idle connection in some worker's pool is promised away: that worker cannot take it for itself
// any more.
bool Permits::claim_idle(Order::Kind kind, Orders& orders) {
  if (!room_for_one(orders)) return false;
  for (uint32_t worker = 0; worker < idle_.size(); ++worker) {
    if (idle_[worker] == 0) continue;
    --idle_[worker];
    ++promised_[worker];
    orders.push_back({kind, worker});
    return true;
  }
  return false;
}

// True if something that nobody uses makes room for |waiter|.
bool Permits::find_room(const Waiter& waiter, Orders& orders) {
  if (!waiter.fresh) return claim_idle(Order::Kind::HandOver, orders);
  // Below the cap a connect that is going on stands in its way, and ends by itself.
  return held_ < cap() || claim_idle(Order::Kind::Close, orders);
}

bool Permits::can_open(dns::Time now) const {
  return !health_.down() && now >= health_.retry_at() && held_ < cap() &&
         connecting_ < health_.connect_limit();
}

void Permits::opening() {
  ++held_;
  ++connecting_;
}

bool Permits::ask_spare(dns::Time now) noexcept {
  if (!can_open(now) || somebody_next()) return false;
  opening();
  return true;
}

bool Permits::ask_probe(dns::Time now) noexcept {
  if (!health_.down() || connecting_ > 0 || now < health_.retry_at() || held_ >= cap())
    return false;
  opening();
  return true;
}

// --- serving ----------------------------------------------------------------------------------

// Null: nobody there may go.
const Waiter* Permits::first_of(WaitingLine& line) const {
  if (line.empty() || !has_room_for(line.any())) return nullptr;
  return line.first([this](const Waiter& waiter) { return may_hold(waiter); });
}

PlaceInLine Permits::granted(WaitingLine& line, Home home) {
  auto place = line.take(home, [this](const Waiter& waiter) { return may_hold(waiter); });
  hold(place.value());
  return place;
}

PlaceInLine Permits::next_of(Lines& lines, Lane lane, Home home) {
  auto& questions = lines[lane][static_cast<size_t>(Want::Question)];
  auto& messages = lines[lane][static_cast<size_t>(Want::Message)];
  const auto* const question = first_of(questions);
  const auto* const message = first_of(messages);
  if (message != nullptr && (question == nullptr || message->ticket < question->ticket))
    return granted(messages, home);
  if (question == nullptr) return {};
  return granted(questions, home);
}

// A flood of bounces does not keep other mail waiting, nor the other way round.
PlaceInLine Permits::next_stranger(Lines& lines, Home home) {
  for (const auto lane : {bounce_next_ ? Bounces : Strangers, bounce_next_ ? Strangers : Bounces}) {
    if (auto found = next_of(lines, lane, home)) {
      bounce_next_ = lane == Strangers;
      return found;
    }
  }
  return {};
}

// Few, and each is somebody's who was served before.
PlaceInLine Permits::next_fresh() {
  if (auto good = next_of(fresh_, Good, nullptr)) return good;
  return next_stranger(fresh_, nullptr);
}

// Three good clients, then one unknown: the good never wait long, the unknown always get on.
PlaceInLine Permits::next(Home home) {
  const bool good_first = goods_in_a_row_ < kGoodsPerUnknown;
  for (const bool good : {good_first, !good_first}) {
    if (auto found = good ? next_of(lines_, Good, home) : next_stranger(lines_, home)) {
      goods_in_a_row_ = good ? goods_in_a_row_ + 1 : 0;
      return found;
    }
  }
  goods_in_a_row_ = 0;
  return {};
}

Permits::Parked Permits::park(uint32_t worker, bool asked, PlaceInLine& next_place) noexcept {
  if (asked) let_go_question();
  if (held_ > cap()) return Parked::Close;
  if (next_place = next(&worker)) return Parked::Pass;
  if (held_ == cap() && somebody_can_go(fresh_)) return Parked::Close;  // in its place a new one
  ++idle_[worker];
  return Parked::Idle;
}

void Permits::put_back(PlaceInLine place) noexcept {
  const auto& waiter = place.value();
  let_go(waiter);
  line_of(waiter).put_back(std::move(place));
}

void Permits::lost_idle(uint32_t worker) noexcept {
  auto& count = idle_[worker] > 0 ? idle_[worker] : promised_[worker];
  assert(count > 0);
  --count;
}

bool Permits::redeem(uint32_t worker) noexcept {
  if (promised_[worker] == 0) return false;
  --promised_[worker];
  return true;
}

// Room first, then the change that the order is about.
bool Permits::room_for_one(Orders& orders) noexcept {
  try {
    if (orders.size() == orders.capacity()) orders.reserve(2 * orders.size() + 1);
    return true;
  } catch (const std::bad_alloc&) {
    order_missing_ = true;
    return false;
  }
}

void Permits::unsent(Order order) noexcept {
  order_missing_ = true;
  switch (order.kind) {
    case Order::Kind::Open:
      assert(held_ > 0 && connecting_ > 0);
      --held_;
      --connecting_;
      return put_back(std::move(order.place));
    case Order::Kind::HandOver:
    case Order::Kind::Close:
      if (redeem(order.worker)) ++idle_[order.worker];
      return;
    case Order::Kind::GiveUp:
      if (const auto tie = idle_ties_.find(order.tie); tie != idle_ties_.end())
        tie->second.asked = false;
      return;
    case Order::Kind::Fail:
      line_of(order.waiter()).put_back(std::move(order.place));
      return;
  }
}

void Permits::pump(dns::Time now, Orders& orders) {
  while (can_open(now) && room_for_one(orders)) {
    auto place = next_fresh();
    if (!place) place = next(nullptr);
    if (!place) return;
    opening();
    const auto worker = place.value().worker;
    orders.push_back({Order::Kind::Open, worker, 0, std::move(place)});
  }
  if (health_.down()) fail_vain(orders);
}

// While a backend is down its last connections may still work, or hang for minutes: only those wait
// for them who have nowhere else to go.
void Permits::fail_vain(Orders& orders) {
  const bool nothing = ready_ == 0 && connecting_ == 0;
  const auto fail = [&](WaitingLine::Queue& all) {
    for (auto at = all.begin(); at != all.end();) {
      const auto which = at++;
      const auto worker = which->worker;
      if (!nothing && !which->elsewhere) continue;
      if (!room_for_one(orders)) return;
      orders.push_back({Order::Kind::Fail, worker, 0, all.extract(which)});
    }
  };
  for (auto* const lines : {&fresh_, &lines_})
    for (auto& by_want : *lines)
      for (auto& line : by_want) fail(line.all());
}

bool Permits::somebody_can_go(Lines& lines) const {
  for (auto& by_want : lines)
    for (auto& line : by_want)
      if (first_of(line) != nullptr) return true;
  return false;
}

// One of each kind; what it brings about leads to the next.
void Permits::order_again(Orders& orders) {
  order_missing_ = false;
  if (!somebody_next()) return;
  const bool fresh = held_ >= cap() && somebody_can_go(fresh_);
  if (fresh && claim_idle(Order::Kind::Close, orders)) return;
  if (somebody_can_go(lines_) && claim_idle(Order::Kind::HandOver, orders)) return;
  shed(orders);
}

// --- connections ------------------------------------------------------------------------------

void Permits::connected(dns::Time now, Orders& orders) noexcept {
  assert(connecting_ > 0);
  --connecting_;
  ++ready_;
  health_.succeeded(now);
  pump(now, orders);
}

void Permits::connect_failed(ConnectFault fault, dns::Time now, Orders& orders) noexcept {
  assert(connecting_ > 0);
  --connecting_;
  health_.failed(fault, ready_, now);
  pump(now, orders);
}

void Permits::closed(bool was_ready, dns::Time now, Orders& orders) noexcept {
  assert(held_ > 0);
  --held_;
  if (was_ready) --ready_;
  pump(now, orders);
}

void Permits::silent(dns::Time now, Orders& orders) noexcept {
  health_.failed(ConnectFault::Down, ready_, now);
  pump(now, orders);
}

void Permits::pause(dns::Time now) noexcept { health_.failed(ConnectFault::Ours, ready_, now); }

void Permits::set_cap(uint32_t cap, double reserved, dns::Time now, Orders& orders) noexcept {
  cap_ = std::max(1U, cap);
  reserved_ = reserved;
  pump(now, orders);
}

void Permits::sweep(dns::Time now, Orders& orders) noexcept {
  health_.relearn(cap_, now);
  if (waiting() > 0) serve_held_up(now, orders);
  if (order_missing_) order_again(orders);
}

bool Permits::crowded(uint32_t own) const noexcept {
  for (const auto* const lines : {&fresh_, &lines_})
    for (const auto lane : {Strangers, Bounces})
      if (!(*lines)[lane][static_cast<size_t>(Want::Message)].nobody_next()) return true;
  const auto others = unknown_ties_ - std::min(own, unknown_ties_);
  return 2 * others >= std::max(1U, cap() / 2);
}

bool Permits::good_waits() const noexcept {
  return somebody_next(fresh_[Good]) || somebody_next(lines_[Good]);
}

bool Permits::somebody_next(const WaitingLine (&by_want)[2]) {
  return !by_want[0].nobody_next() || !by_want[1].nobody_next();
}

bool Permits::somebody_next() const {
  for (const auto* const lines : {&fresh_, &lines_})
    for (const auto& by_want : *lines)
      if (somebody_next(by_want)) return true;
  return false;
}

uint32_t Permits::idle() const { return std::accumulate(idle_.begin(), idle_.end(), 0U); }

size_t Permits::waiting() const {
  size_t count = 0;
  for (const auto* const lines : {&fresh_, &lines_})
    for (const auto& by_want : *lines)
      for (const auto& line : by_want) count += line.size();
  return count;
}

}  // namespace ravelin::proxy
