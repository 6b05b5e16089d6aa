#include "proxy/backend/worker.h"

#include <algorithm>
#include <cassert>
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
  auto& pool = pools_[backend.get()];
  if (pool == nullptr) {
    plan();  // fills hostname_
    const Pool::Context context{reactor_, connector_, backends_.alarms(), hostname_, number_};
    pool = std::make_unique<Pool>(context, backend);
    if (closing_) pool->shutdown();
  }
  return *pool;
}

void BackendWorker::enlist(Transaction& transaction) {
  transaction.place = transactions_.size();
  transactions_.push_back(&transaction);
}

void BackendWorker::strike(Transaction& transaction) {
  transactions_.back()->place = transaction.place;
  std::swap(transactions_[transaction.place], transactions_.back());
  transactions_.pop_back();
}

void BackendWorker::list_follower(Transaction& transaction) {
  followers_[transaction.number()] = &transaction;
}

void BackendWorker::strike_follower(Transaction& transaction) {
  followers_.erase(transaction.number());
}

// --- letters
// --------------------------------------------------------------------------------------

void BackendWorker::receive(const std::shared_ptr<Backend>& backend, const Letter& letter) {
  if (const auto* const order = std::get_if<Order>(&letter)) {
    if (order->kind == Order::Kind::GiveUp) return give_up(*backend, order->tie);
    return pool(backend).receive(*order);
  }
  if (const auto* const parcel = std::get_if<HandedOver>(&letter))
    return pool(backend).receive(*parcel);
  const auto& news = std::get<Joined>(letter);
  const auto found = followers_.find(news.question);
  if (found == followers_.end()) return;  // it has left
  auto& transaction = *found->second;
  followers_.erase(found);
  transaction.joined(news);
}

void BackendWorker::give_up(Backend& backend, uint64_t tie) {
  const auto found = ties_.find({&backend, tie});
  if (found == ties_.end()) return backend.shed_again();  // its client has spoken meanwhile
  found->second->give_up();
}

// --- time
// -----------------------------------------------------------------------------------------

void BackendWorker::sweep(Time now) {
  for (auto* const transaction : transactions_) transaction->check(now);
  sweep_pools(now);
  backends_.sweep(now);
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
  std::vector<Pool*> pools;
  for (const auto& [backend, pool] : pools_) pools.push_back(pool.get());
  for (auto* const pool : pools) pool->sweep(now, asking);
  std::erase_if(pools_, [](const auto& entry) {
    return entry.second->backend().retired() && entry.second->empty();
  });
}

void BackendWorker::shutdown() {
  closing_ = true;
  for (auto& [backend, pool] : pools_) pool->shutdown();
}

bool BackendWorker::quiet() const {
  return transactions_.empty() && std::all_of(pools_.begin(), pools_.end(), [](const auto& entry) {
           return entry.second->empty();
         });
}

}  // namespace ravelin::proxy
