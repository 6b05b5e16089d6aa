#include "proxy/backend/pool.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <utility>

#include "proxy/backend/fault_table.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

// Under load questions come and go in waves, and to close and open for each costs more than the
// question.
constexpr auto kSurplus = 1s;

size_t kind_of(const Waiter& waiter) { return static_cast<size_t>(waiter.want); }

}  // namespace

Pool::Pool(const Context& context, std::shared_ptr<Backend> backend)
    : context_(context), backend_(std::move(backend)) {
  backend_->know(context_.worker);
}

// What lies idle is promised to nobody any more.
Pool::~Pool() { shutdown(); }

BackendConnection::Place Pool::place() const {
  return {context_.reactor, context_.connector, context_.hostname, context_.ending};
}

// --- taking
// ---------------------------------------------------------------------------------------

Pool::Took Pool::take(Request& request, ConnectionPtr& connection) noexcept {
  auto& waiter = request.waiter;
  waiter.worker = context_.worker;
  const auto now = context_.reactor.now();
  if (backend_->drained()) return Took::Down;
  try {
    if (!backend_->resolved()) {
      context_.alarms.raise(Alarm::Unresolved, "backend " + backend_->name(),
                            "its name has never been resolved to an address", now);
      return Took::Down;
    }
    switch (backend_->ask(waiter, now)) {
      case Permits::Grant::Idle:  // the newest: the others may then grow old and be closed
        connection = idle_.pop_back();
        connection->claim() = Claim::granted(backend_, waiter);
        connection->claim().served();
        return Took::Now;
      case Permits::Grant::Open:
        return granted(request);
      case Permits::Grant::Wait:
        if (enlist(request)) return Took::Later;
        backend_->cancel(waiter);
        break;
      case Permits::Grant::Down:
        break;
    }
  } catch (const std::bad_alloc&) {
    // it could not even get in line
  }
  return Took::Down;
}

Pool::Took Pool::granted(Request& request) {
  Permit permit(backend_);
  auto claim = Claim::granted(backend_, request.waiter);
  if (!enlist(request)) return Took::Down;
  if (open(std::move(permit), std::move(claim))) return Took::Later;
  take_request(request.waiter);
  return Took::Down;
}

bool Pool::enlist(Request& request) noexcept {
  try {
    requests_[kind_of(request.waiter)][request.waiter.ticket] = &request;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void Pool::cancel(Request& request) noexcept {
  if (requests_[kind_of(request.waiter)].erase(request.waiter.ticket) > 0)
    backend_->cancel(request.waiter);
}

// Not while a good client waits, who would wait for all of them. Only the oldest are looked at.
void Pool::fill(BackendConnection& connection) noexcept {
  constexpr size_t kLook = 64;
  const auto settings = backend_->settings();
  if (settings.pipelined_questions < 2 || !connection.facts().offers.pipelining) return;
  if (backend_->good_waits()) return;
  const uint32_t refusals = backend_->refuses_senders(context_.reactor.now()) ? 2 : 1;
  auto room = std::min(settings.pipelined_questions - 1,
                       settings.rotation.room_behind(connection.facts(), refusals));
  auto& questions = requests_[static_cast<size_t>(Want::Question)];
  auto at = questions.begin();
  for (size_t looked = 0; looked < kLook && room > 0 && at != questions.end(); ++looked) {
    auto& request = *at->second;
    ++at;
    if (!request.may_follow(connection)) continue;
    try {
      connection.pipeline().make_room();
    } catch (const std::bad_alloc&) {
      return;
    }
    if (!backend_->cancel(request.waiter)) continue;  // a connection is on its way to it
    questions.erase(request.waiter.ticket);
    request.follow(connection);
    --room;
  }
}

Request* Pool::take_request(const Waiter& waiter) noexcept {
  auto& requests = requests_[kind_of(waiter)];
  const auto found = requests.find(waiter.ticket);
  if (found == requests.end()) return nullptr;
  auto* const request = found->second;
  requests.erase(found);
  return request;
}

Introduction Pool::introduction(const Claim& claim) const {
  Introduction made{.proxy_header = backend_->settings().proxy_header};
  if (!claim) return made;
  const auto& requests = requests_[kind_of(claim.waiter())];
  const auto found = requests.find(claim.waiter().ticket);
  if (found == requests.end()) return made;
  if (const auto* const client = found->second->speaks_for()) made.client = *client;
  return made;
}

// False if there is no memory for it. Then there is none for the next one either, so nobody is
// offered the permit for a while.
bool Pool::open(Permit permit, Claim claim) noexcept {
  try {
    auto connection =
        std::make_shared<BackendConnection>(backend_, place(), std::move(permit), *this);
    connection->introduce(introduction(claim));
    connection->connect(backend_->addresses(), backend_->settings().connect_timeout);
    connection->claim() = std::move(claim);
    opening_.push_back(std::move(connection));
    return true;
  } catch (const std::bad_alloc&) {
    backend_->pause(context_.reactor.now());
    return false;
  }
}

// The next connection is opened while the last one still has a question left, so that nobody waits
// for a greeting.
void Pool::open_ahead(const BackendConnection& used) noexcept {
  if (closing_ || unwanted() || !opening_.empty() || idle_.size() > 1) return;
  if (!backend_->settings().rotation.nearly_worn(used.facts())) return;
  if (backend_->ask_spare(context_.reactor.now())) open(Permit(backend_), {});
}

// --- giving back
// ----------------------------------------------------------------------------------

void Pool::park(ConnectionPtr connection) noexcept {
  if (connection->claim().tie()) connection->claim().end();
  if (!connection->usable() || connection->text_due())
    return BackendConnection::drop(std::move(connection));
  // It has served its client, and can serve no other.
  if (connection->facts().introduced) return BackendConnection::quit(std::move(connection));
  connection->set_user(this);
  connection->touch();
  if (!connection->turn_over()) return draining_.push_back(std::move(connection));
  connection->facts().reused = true;
  if (!connection->pipeline().empty()) return next_turn(std::move(connection));
  const auto settings = backend_->settings();
  const bool worn = settings.worn(connection->facts(), context_.reactor.now());
  if (worn) ++backend_->counters.rotations;
  if (worn || closing_ || unwanted()) return BackendConnection::quit(std::move(connection));

  switch (backend_->park(context_.worker, connection->claim())) {
    case Permits::Parked::Close:
      return BackendConnection::quit(std::move(connection));
    case Permits::Parked::Pass:
      return pass_later(std::move(connection));
    case Permits::Parked::Idle:
      break;
  }
  if (settings.max_idle == 0) {
    backend_->lost_idle(context_.worker);
    return BackendConnection::quit(std::move(connection));
  }
  const auto& kept = *connection;
  // One that was opened ahead comes behind those with a question or two left.
  const bool ahead = kept.facts().mails == 0;
  ahead ? idle_.push_front(std::move(connection)) : idle_.push_back(std::move(connection));
  open_ahead(kept);
}

void Pool::next_turn(ConnectionPtr connection) noexcept {
  if (auto* const next = connection->pipeline().next()) return next->on_turn(std::move(connection));
  draining_.push_back(std::move(connection));
}

// At the end of the turn: the connection may be in the middle of its own callback now, and so may
// be whoever gives it away. Without memory at the next sweep.
void Pool::pass_later(ConnectionPtr connection) noexcept {
  passing_.push_back(std::move(connection));
  if (pass_) return;
  try {
    pass_ = context_.reactor.defer([this] { pass_on(); });
  } catch (const std::bad_alloc&) {
    pass_ = nullptr;
  }
}

// Those that come in the meantime have their own turn.
void Pool::pass_on() noexcept {
  pass_ = nullptr;
  for (auto left = passing_.size(); left > 0 && !passing_.empty(); --left) {
    auto connection = passing_.pop_front();
    if (connection->claim().waiter().worker == context_.worker)
      give(std::move(connection));
    else
      hand_over(std::move(connection));
  }
}

// To whom it claims; or, if that one has left, to the next.
void Pool::give(ConnectionPtr connection) noexcept {
  auto& claim = connection->claim();
  auto* const request = take_request(claim.waiter());
  if (request == nullptr) return park(std::move(connection));
  claim.served();
  request->on_connection(std::move(connection));
}

// With bytes on their way, or without memory, it cannot change hands: then it is closed, and its
// permit goes to the one who waits.
void Pool::hand_over(ConnectionPtr connection) noexcept {
  const auto to = connection->claim().waiter().worker;
  try {
    auto letter = std::make_unique<Letter>();
    auto& parcel = letter->text.emplace<HandedOver>();
    if (connection->detach(parcel)) {
      ++backend_->counters.handovers;
      backend_->send(to, std::move(letter));
    }
  } catch (const std::bad_alloc&) {
    // not detached
  }
  connection->claim().wait_on();
  BackendConnection::drop(std::move(connection));
}

// --- from other workers
// ---------------------------------------------------------------------------

// Who has left meanwhile needs no permit.
void Pool::receive(Grant& grant) noexcept {
  const auto waiter = grant.claim.waiter();
  if (!requests_[kind_of(waiter)].contains(waiter.ticket)) return;
  if (open(std::move(grant.permit), std::move(grant.claim))) return;
  if (auto* const request = take_request(waiter))
    request->on_no_connection({Lost::Why::NoPort, {}});
}

void Pool::receive(const Order& order) noexcept {
  switch (order.kind) {
    case Order::Kind::HandOver:
      return park_again();
    case Order::Kind::Close:
      if (backend_->redeem(context_.worker)) BackendConnection::quit(idle_.pop_front());
      return;
    case Order::Kind::Fail:
      if (auto* const request = take_request(order.waiter()))
        request->on_no_connection({Lost::Why::Connect, {}});
      return;
    case Order::Kind::Open:
    case Order::Kind::GiveUp:
      break;
  }
}

// Whoever waits is in front now.
void Pool::park_again() noexcept {
  if (backend_->redeem(context_.worker)) park(idle_.pop_back());
}

void Pool::receive(HandedOver& parcel) noexcept {
  try {
    auto connection = std::make_shared<BackendConnection>(backend_, place(), parcel);
    connection->claim() = std::move(parcel.claim);
    give(std::move(connection));
  } catch (const std::bad_alloc&) {
    parcel.claim.wait_on();
  }
}

// --- what connections say
// -------------------------------------------------------------------------

void Pool::on_ready(BackendConnection& connection) {
  if (const auto& refusal = connection.tls_refusal(); !refusal.empty())
    alarm_no_tls(connection, "refuses STARTTLS: " + refusal);
  auto mine = opening_.take(connection);
  if (mine == nullptr) return;
  if (mine->claim()) return give(std::move(mine));
  park(std::move(mine));
}

void Pool::on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) {
  if (!draining_.contains(connection)) return;
  const bool discard = judge(step, reply, {}).discard;
  auto mine = draining_.take(connection);
  if (discard) return BackendConnection::drop(std::move(mine));
  park(std::move(mine));
}

void Pool::on_lost(BackendConnection& connection, const Lost& lost) {
  if (idle_.contains(connection)) return close_idle(connection);
  if (opening_.contains(connection)) return cannot_open(connection, lost);
  if (auto mine = draining_.take(connection)) return BackendConnection::drop(std::move(mine));
  if (auto mine = passing_.take(connection)) {
    mine->claim().wait_on();
    BackendConnection::drop(std::move(mine));
  }
}

// Of use or not: it is counted among the idle ones.
void Pool::close_idle(BackendConnection& connection) noexcept {
  auto mine = idle_.take(connection);
  backend_->lost_idle(context_.worker);
  BackendConnection::quit(std::move(mine));
}

void Pool::cannot_open(BackendConnection& connection, const Lost& lost) noexcept {
  auto mine = opening_.take(connection);
  try {
    alarm(connection, lost);
  } catch (const std::bad_alloc&) {
    // whoever waits for it hears it all the same
  }
  const auto waiter = mine->claim().waiter();
  const bool again = lost.why == Lost::Why::Tls && open_in_the_clear(*mine);
  BackendConnection::drop(std::move(mine));
  if (again) return;
  if (auto* const request = take_request(waiter)) request->on_no_connection(lost);
}

// For whoever the failed one was for. Only if that has ended already, for the backend must never
// see one more than it allows; else the next one will do without.
bool Pool::open_in_the_clear(BackendConnection& failed) noexcept {
  if (!failed.facts().secrecy->optional()) return false;
  backend_->shun_tls(context_.reactor.now());
  return failed.ended() && open(failed.take_permit(), std::move(failed.claim()));
}

void Pool::alarm(const BackendConnection& connection, const Lost& lost) {
  auto text = std::string(lost.text());
  if (!lost.said.empty()) text += ": " + lost.said;
  if (lost.why == Lost::Why::Tls && connection.facts().secrecy->optional())
    return alarm_no_tls(connection, std::move(text));
  auto kind = Alarm::Unreachable;
  if (lost.why == Lost::Why::Busy) kind = Alarm::TooManyConnections;
  if (lost.why == Lost::Why::Stranger || connection.facts().introduced) kind = Alarm::NoIdentity;
  context_.alarms.raise(kind, "backend " + connection.relay(), text, context_.reactor.now());
}

void Pool::alarm_no_tls(const BackendConnection& connection, std::string why) {
  const auto minutes = std::to_string(Backend::kShunTls.count());
  why += "; mail goes to it in the clear for " + minutes + " minutes";
  context_.alarms.raise(Alarm::NoTls, "backend " + connection.relay(), why, context_.reactor.now());
}

// --- what time brings
// -----------------------------------------------------------------------------

void Pool::sweep(Time now, std::chrono::nanoseconds asking) noexcept {
  sweep_lost();
  if (!pass_) pass_on();
  sweep_idle(now);
  sweep_silent(now, asking);
  backend_->sweep(now);
  if (!closing_ && !unwanted()) probe(now);
}

// Those of whose end we were not told for want of memory.
void Pool::sweep_lost() noexcept {
  const auto lost = [](const BackendConnection& connection) { return !connection.usable(); };
  for (auto* const list : {&idle_, &draining_, &passing_, &opening_})
    while (auto* const connection = list->find(lost)) on_lost(*connection, {Lost::Why::NoPort, {}});
}

void Pool::sweep_idle(Time now) noexcept {
  const auto settings = backend_->settings();
  const bool none = unwanted() || backend_->over_cap();
  const auto over = [&](const BackendConnection& connection) {
    const auto idle = now - connection.idle_since();
    const bool surplus = idle_.size() > settings.max_idle && idle >= kSurplus;
    return none || surplus || idle >= settings.idle_timeout ||
           settings.worn(connection.facts(), now);
  };
  while (auto* const connection = idle_.find(over)) close_idle(*connection);
}

void Pool::sweep_silent(Time now, std::chrono::nanoseconds asking) noexcept {
  const auto slow = [&](const BackendConnection& connection) {
    return connection.greeting_overdue(now, asking);
  };
  const auto silent = [&](const BackendConnection& connection) {
    return now - connection.idle_since() >= asking;
  };
  while (auto* const connection = opening_.find(slow)) connection->overdue();
  while (auto* const connection = draining_.find(silent)) connection->overdue();
}

// A backend that is down is tried again without a client waiting for it. A new one, and each after
// a reload, is asked for its capabilities; the connection then waits for the first question.
void Pool::probe(Time now) noexcept {
  if (!backend_->resolved()) return;
  if (backend_->ask_probe(now)) return void(open(Permit(backend_), {}));
  if (!backend_->take_probe()) return;
  if (!backend_->ask_spare(now) || !open(Permit(backend_), {})) backend_->want_probe();  // later
}

void Pool::shutdown() noexcept {
  closing_ = true;
  while (!idle_.empty()) {
    backend_->lost_idle(context_.worker);
    BackendConnection::quit(idle_.pop_back());
  }
}

}  // namespace ravelin::proxy
