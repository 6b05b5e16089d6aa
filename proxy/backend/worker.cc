#include "proxy/backend/worker.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include "proxy/backend/probe.h"
#include "proxy/backend/tie.h"
#include "proxy/backend/transaction.h"

namespace ravelin::proxy {

BackendWorker::BackendWorker(Backends& backends, Reactor& reactor, Connector& connector, Post post)
    : backends_(backends),
      reactor_(reactor),
      connector_(connector),
      number_(backends.room().add(std::move(post), *this)) {}

BackendWorker::~BackendWorker() {
  assert(transactions_.empty());
  backends_.room().remove(number_);
}

// --- what dialogs ask
// -----------------------------------------------------------------------------

const std::shared_ptr<const Plan>& BackendWorker::plan() const {
  const auto version = backends_.plan_version();
  if (version != plan_version_ || plan_ == nullptr) {
    plan_ = backends_.plan();
    plan_version_ = version;
    hostname_ = plan_->hostname;
  }
  return plan_;
}

bool BackendWorker::serves(std::string_view domain) const {
  return plan()->routes.find(domain) != nullptr;
}

std::string_view BackendWorker::first_domain() const { return plan()->routes.first_domain(); }

smtp::Capabilities BackendWorker::offered() const {
  const auto& current = plan();
  uint64_t version = plan_version_ + 1;
  for (const auto& backend : current->all) version += backend->learned() << 20;
  if (version != offered_version_) {
    offered_ = backends_.offered();
    offered_version_ = version;
  }
  return offered_;
}

std::unique_ptr<BackendTransaction> BackendWorker::begin(const smtp::MailCommand& mail,
                                                         const ClientIdentity& client,
                                                         std::string_view id,
                                                         BackendEvents& events) {
  return std::make_unique<Transaction>(*this, mail, client, id, events);
}

// --- its parts
// ------------------------------------------------------------------------------------

Pool& BackendWorker::pool(const std::shared_ptr<Backend>& backend) {
  const auto found = pools_.find(backend.get());
  if (found != pools_.end()) return *found->second;
  plan();  // fills hostname_
  const Pool::Context context{reactor_,  connector_, backends_.alarms(),
                              hostname_, ending_,    number_};
  sweeping_.reserve(pools_.size() + 1);
  auto made = std::make_unique<Pool>(context, backend);
  if (closing_) made->shutdown();
  return *pools_.emplace(backend.get(), std::move(made)).first->second;
}

void BackendWorker::park(ConnectionPtr connection) noexcept {
  const auto pool = pools_.find(&connection->backend());
  if (pool == pools_.end()) return BackendConnection::quit(std::move(connection));
  pool->second->park(std::move(connection));
}

void BackendWorker::enlist(Transaction& transaction) {
  transactions_.push_back(&transaction);
  transaction.place = transactions_.size() - 1;
}

void BackendWorker::strike(Transaction& transaction) noexcept {
  transactions_.back()->place = transaction.place;
  std::swap(transactions_[transaction.place], transactions_.back());
  transactions_.pop_back();
}

void BackendWorker::list_follower(Transaction& transaction) {
  followers_[transaction.number()] = &transaction;
}

void BackendWorker::strike_follower(Transaction& transaction) noexcept {
  followers_.erase(transaction.number());
}

// --- letters
// --------------------------------------------------------------------------------------

void BackendWorker::receive(Letter& letter) {
  if (const auto* const news = std::get_if<Joined>(&letter.text)) return joined(*news);
  const auto* const order = std::get_if<Order>(&letter.text);
  if (order != nullptr && order->kind == Order::Kind::GiveUp)
    return give_up(*letter.backend, order->tie);
  auto& to = pool(letter.backend);
  if (order != nullptr) return to.receive(*order);
  if (auto* const grant = std::get_if<Grant>(&letter.text)) return to.receive(*grant);
  to.receive(std::get<HandedOver>(letter.text));
}

void BackendWorker::joined(const Joined& news) noexcept {
  const auto found = followers_.find(news.question);
  if (found == followers_.end()) return;  // it has left
  auto& transaction = *found->second;
  followers_.erase(found);
  transaction.joined(news);
}

void BackendWorker::give_up(Backend& backend, uint64_t tie) noexcept {
  const auto found = ties_.find({&backend, tie});
  if (found == ties_.end()) return backend.shed_again();  // its client has spoken meanwhile
  found->second->give_up();
}

// --- time
// -----------------------------------------------------------------------------------------

// What there is no memory for comes at the next one; the rest is done all the same.
void BackendWorker::sweep(Time now) {
  const auto survive = [](const auto& act) {
    try {
      act();
    } catch (const std::bad_alloc&) {
      // again in a moment
    }
  };
  backends_.room().read_missed(number_);
  sweep_transactions(now);
  survive([&] { sweep_pools(now); });
  survive([&] { backends_.sweep(now); });
  survive([&] { sweep_probe(now); });
}

void BackendWorker::sweep_transactions(Time now) noexcept {
  for (auto* const transaction : transactions_) {
    try {
      transaction->check(now);
    } catch (const std::bad_alloc&) {
      // again in a moment
    }
  }
}

void BackendWorker::sweep_probe(Time now) {
  if (probe_ && probe_->done()) probe_ = nullptr;
  if (probe_) return probe_->check(now);
  if (closing_) return;
  if (auto duty = backends_.duties().next(now)) {
    probe_ = std::make_shared<Probe>(*this, *std::move(duty));
    probe_->start();
  }
}

void BackendWorker::sweep_pools(Time now) {
  const auto current = plan();  // held: a reload may come between
  if (!closing_)
    for (const auto& backend : current->all) pool(backend);
  const auto asking = current->verify.timeout;
  // What a sweep ends may make a dialog ask again, and that may add a pool.
  sweeping_.clear();
  for (const auto& [backend, pool] : pools_) sweeping_.push_back(pool.get());
  for (size_t i = 0; i < sweeping_.size(); ++i) sweeping_[i]->sweep(now, asking);
  std::erase_if(pools_, [](const auto& entry) {
    return entry.second->backend().retired() && entry.second->empty();
  });
}

void BackendWorker::shutdown() {
  closing_ = true;
  for (auto& [backend, pool] : pools_) pool->shutdown();
}

bool BackendWorker::quiet() const {
  return transactions_.empty() && ending_.empty() &&
         std::all_of(pools_.begin(), pools_.end(),
                     [](const auto& entry) { return entry.second->empty(); });
}

}  // namespace ravelin::proxy
