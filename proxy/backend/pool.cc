#include "proxy/backend/pool.h"

#include <algorithm>
#include <utility>

#include "proxy/backend/fault_table.h"

namespace ravelin::proxy {

Pool::Pool(const Context& context, std::shared_ptr<Backend> backend)
    : context_(context), backend_(std::move(backend)) {}

Pool::~Pool() = default;

BackendConnection::Place Pool::place() const {
  return {context_.reactor, context_.connector, context_.hostname};
}

std::unique_ptr<BackendConnection> Pool::take_out(Connections& list,
                                                  const BackendConnection& which) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const auto& entry) { return entry.get() == &which; });
  if (found == list.end()) return nullptr;
  auto connection = std::move(*found);
  list.erase(found);
  return connection;
}

// --- taking
// ---------------------------------------------------------------------------------------

Pool::Took Pool::take(Request& request, std::unique_ptr<BackendConnection>& connection) {
  request.waiter.worker = context_.worker;
  const auto now = context_.reactor.now();
  if (!backend_->resolved()) {
    context_.alarms.raise(Alarm::Unresolved, "backend " + backend_->name(),
                          "its name has never been resolved to an address", now);
    return Took::Down;
  }
  switch (backend_->ask(request.waiter, now)) {
    case Permits::Grant::Idle:  // the newest: the others may then grow old and be closed
      connection = std::move(idle_.back());
      idle_.pop_back();
      return Took::Now;
    case Permits::Grant::Open:
      requests_[request.waiter.ticket] = &request;
      open(request.waiter);
      return Took::Later;
    case Permits::Grant::Wait:
      requests_[request.waiter.ticket] = &request;
      return Took::Later;
    case Permits::Grant::Down:
      break;
  }
  return Took::Down;
}

void Pool::cancel(Request& request) {
  if (requests_.erase(request.waiter.ticket) > 0) backend_->cancel(request.waiter.ticket);
}

Request* Pool::take_request(const Waiter& waiter) {
  const auto found = requests_.find(waiter.ticket);
  if (found == requests_.end()) return nullptr;
  auto* const request = found->second;
  requests_.erase(found);
  return request;
}

void Pool::open(const Waiter& waiter) {
  auto connection = std::make_unique<BackendConnection>(backend_, place(), *this);
  connection->connect(backend_->addresses(), backend_->settings().connect_timeout);
  opening_.push_back({std::move(connection), waiter});
}

// The next connection is opened while the last one still has a question left, so that nobody waits
// for a greeting.
void Pool::open_ahead(const BackendConnection& used) {
  if (closing_ || !opening_.empty() || idle_.size() > 1) return;
  if (!backend_->settings().rotation.nearly_worn(used.facts())) return;
  if (backend_->ask_spare(context_.reactor.now())) open({});
}

// --- giving back
// ----------------------------------------------------------------------------------

void Pool::park(std::unique_ptr<BackendConnection> connection) {
  connection->set_user(this);
  connection->facts().reused = true;
  if (!connection->idle()) return BackendConnection::drop(std::move(connection));
  const auto settings = backend_->settings();
  const bool worn = settings.rotation.worn(connection->facts(), context_.reactor.now());
  if (worn) ++backend_->counters.rotations;
  if (worn || closing_ || backend_->retired()) return end(std::move(connection));

  Waiter next;
  switch (backend_->park(context_.worker, next)) {
    case Permits::Parked::Close:
      return end(std::move(connection));
    case Permits::Parked::Pass:
      return pass_later(next, std::move(connection));
    case Permits::Parked::Idle:
      break;
  }
  if (idle_.size() >= settings.max_idle) {
    backend_->lost_idle(context_.worker);
    return end(std::move(connection));
  }
  connection->touch();
  // One that was opened ahead comes behind those with a question or two left.
  const bool ahead = connection->facts().mails == 0;
  auto& kept = **idle_.insert(ahead ? idle_.begin() : idle_.end(), std::move(connection));
  open_ahead(kept);
}

void Pool::park_later(std::unique_ptr<BackendConnection> connection) {
  if (connection->idle()) return park(std::move(connection));
  connection->set_user(this);
  connection->touch();
  draining_.push_back(std::move(connection));
}

// At the end of the turn: the connection may be in the middle of its own callback now, and so may
// be whoever gives it away.
void Pool::pass_later(const Waiter& to, std::unique_ptr<BackendConnection> connection) {
  passing_.push_back({std::move(connection), to});
  if (!pass_) pass_ = context_.reactor.defer([this] { pass_on(); });
}

void Pool::pass_on() {
  pass_ = nullptr;
  for (auto& entry : std::exchange(passing_, {})) {
    if (entry.connection == nullptr) continue;  // lost meanwhile
    if (entry.to.worker == context_.worker)
      give(entry.to, std::move(entry.connection));
    else
      hand_over(entry.to, std::move(entry.connection));
  }
}

void Pool::give(const Waiter& to, std::unique_ptr<BackendConnection> connection) {
  if (auto* const request = take_request(to)) return request->on_connection(std::move(connection));
  if (to.want == Want::Message) backend_->untie(to, context_.reactor.now());
  park(std::move(connection));
}

// With bytes on their way it cannot change hands: then it is closed, and its permit goes to the
// one who waits.
void Pool::hand_over(const Waiter& to, std::unique_ptr<BackendConnection> connection) {
  const HandedOver parcel{connection->detach(), connection->facts(), to};
  if (parcel.fd >= 0) {
    ++backend_->counters.handovers;
    backend_->send(to.worker, parcel);
  } else {
    backend_->put_back(to);
  }
  BackendConnection::drop(std::move(connection));
}

void Pool::end(std::unique_ptr<BackendConnection> connection) {
  connection->set_user(this);
  connection->quit();
  ending_.push_back(std::move(connection));
}

// --- from other workers
// ---------------------------------------------------------------------------

void Pool::receive(const Order& order) {
  switch (order.kind) {
    case Order::Kind::Open:
      if (requests_.contains(order.waiter.ticket)) return open(order.waiter);
      if (order.waiter.want == Want::Message) backend_->untie(order.waiter, context_.reactor.now());
      backend_->give_back(context_.reactor.now());
      return;
    case Order::Kind::HandOver:
      return park_again();
    case Order::Kind::Close:
      if (backend_->redeem(context_.worker)) {
        auto connection = std::move(idle_.front());
        idle_.erase(idle_.begin());
        end(std::move(connection));
      }
      return;
    case Order::Kind::Fail:
      if (auto* const request = take_request(order.waiter))
        request->on_no_connection({Lost::Why::Connect, {}});
      return;
    case Order::Kind::GiveUp:
      break;
  }
}

// Whoever waits is in front now.
void Pool::park_again() {
  if (!backend_->redeem(context_.worker)) return;
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  park(std::move(connection));
}

void Pool::receive(const HandedOver& parcel) {
  give(parcel.waiter, std::make_unique<BackendConnection>(backend_, place(), parcel));
}

// --- what connections say
// -------------------------------------------------------------------------

void Pool::on_ready(BackendConnection& connection) {
  const auto found = std::find_if(opening_.begin(), opening_.end(), [&](const Opening& entry) {
    return entry.connection.get() == &connection;
  });
  if (found == opening_.end()) return;
  auto attempt = std::move(*found);
  opening_.erase(found);
  if (attempt.waiter.ticket != 0) return give(attempt.waiter, std::move(attempt.connection));
  park(std::move(attempt.connection));
}

void Pool::on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) {
  auto mine = take_out(draining_, connection);
  if (mine == nullptr) return;
  if (judge(step, reply, {}).discard) return BackendConnection::drop(std::move(mine));
  park_later(std::move(mine));
}

void Pool::on_lost(BackendConnection& connection, const Lost& lost) {
  if (auto mine = take_out(idle_, connection)) {
    backend_->lost_idle(context_.worker);
    return BackendConnection::drop(std::move(mine));
  }
  for (auto* const list : {&ending_, &draining_})
    if (auto mine = take_out(*list, connection)) return BackendConnection::drop(std::move(mine));
  for (auto& entry : passing_) {
    if (entry.connection.get() != &connection) continue;
    backend_->put_back(entry.to);
    return BackendConnection::drop(std::move(entry.connection));
  }
  const auto found = std::find_if(opening_.begin(), opening_.end(), [&](const Opening& entry) {
    return entry.connection.get() == &connection;
  });
  if (found == opening_.end()) return;
  auto attempt = std::move(*found);
  opening_.erase(found);
  cannot_open(attempt, lost);
  BackendConnection::drop(std::move(attempt.connection));
  if (auto* const request = take_request(attempt.waiter)) request->on_no_connection(lost);
}

void Pool::cannot_open(const Opening& attempt, const Lost& lost) {
  const auto now = context_.reactor.now();
  auto text = std::string(lost.text());
  if (!lost.said.empty()) text += ": " + lost.said;
  const auto kind = lost.why == Lost::Why::Busy ? Alarm::TooManyConnections : Alarm::Unreachable;
  context_.alarms.raise(kind, "backend " + attempt.connection->relay(), text, now);
  if (attempt.waiter.want == Want::Message) backend_->untie(attempt.waiter, now);
}

// --- what time brings
// -----------------------------------------------------------------------------

void Pool::sweep(Time now, std::chrono::nanoseconds asking) {
  sweep_idle(now);
  sweep_silent(now, asking);
  backend_->sweep(now);
  if (!closing_ && !backend_->retired()) probe(now);
}

void Pool::sweep_idle(Time now) {
  const auto settings = backend_->settings();
  const bool none = backend_->retired() || backend_->over_cap();
  Connections old;
  std::erase_if(idle_, [&](auto& connection) {
    const bool over = none || now - connection->idle_since() >= settings.idle_timeout ||
                      settings.rotation.worn(connection->facts(), now);
    if (over) old.push_back(std::move(connection));
    return over;
  });
  for (auto& connection : old) {
    backend_->lost_idle(context_.worker);
    end(std::move(connection));
  }
}

void Pool::sweep_silent(Time now, std::chrono::nanoseconds asking) {
  std::vector<BackendConnection*> silent;
  for (const auto& entry : opening_)
    if (entry.connection->greeting_overdue(now, asking)) silent.push_back(entry.connection.get());
  for (const auto& connection : draining_)
    if (now - connection->idle_since() >= asking) silent.push_back(connection.get());
  for (auto* const connection : silent) connection->overdue();
}

// A backend that is down is tried again without a client waiting for it. A new one, and each after
// a reload, is asked for its capabilities; the connection then waits for the first question.
void Pool::probe(Time now) {
  if (!backend_->resolved()) return;
  if (backend_->ask_probe(now)) return open({});
  if (!backend_->take_probe()) return;
  if (!backend_->ask_spare(now)) return backend_->want_probe();  // no room now
  open({});
}

void Pool::shutdown() {
  closing_ = true;
  for (auto& connection : std::exchange(idle_, {})) {
    backend_->lost_idle(context_.worker);
    end(std::move(connection));
  }
}

}  // namespace ravelin::proxy
