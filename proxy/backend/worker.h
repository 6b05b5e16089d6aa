// The Verifier of one worker: its pools, its transactions, and the inbox for what other workers
// send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/backend/backends.h"
#include "proxy/backend/connection_list.h"
#include "proxy/backend/pool.h"
#include "proxy/backend/verifier.h"
#include "proxy/event/stream.h"

namespace ravelin::proxy {

class Probe;
class Tie;
class Transaction;

// Lives on its worker's thread.
class BackendWorker final : public Verifier, Inbox {
 public:
  // All must outlive it. |post| runs functions on this worker's thread.
  BackendWorker(Backends& backends, Reactor& reactor, Connector& connector, Post post);
  ~BackendWorker() override;  // after all transactions

  bool serves(std::string_view domain) const override;
  std::string_view first_domain() const override;
  smtp::Capabilities offered() const override;
  std::unique_ptr<BackendTransaction> begin(const smtp::MailCommand& mail,
                                            const ClientIdentity& client, std::string_view id,
                                            BackendEvents& events) override;

  // Timeouts, probes, retries; every 100 ms.
  void sweep(Time now);
  // No more dialogs will come: idle connections QUIT, the others when they are done.
  void shutdown();
  // No connection is left and no transaction.
  bool quiet() const;

  // --- for its parts ---
  Pool& pool(const std::shared_ptr<Backend>& backend);
  Backends& backends() { return backends_; }
  Reactor& reactor() { return reactor_; }
  uint32_t number() const { return number_; }
  const std::shared_ptr<const Plan>& plan() const;
  // Gives a connection back to its pool, or ends it if that has gone with its backend.
  void park(ConnectionPtr connection) noexcept;
  void alarm(Alarm kind, const std::string& about, std::string_view text) {
    backends_.alarms().raise(kind, about, text, reactor_.now());
  }
  void enlist(Transaction& transaction);
  void strike(Transaction& transaction) noexcept;
  void list_follower(Transaction& transaction);
  void strike_follower(Transaction& transaction) noexcept;
  void list_tie(const Backend& backend, uint64_t number, Tie& tie) {
    ties_[{&backend, number}] = &tie;
  }
  void strike_tie(const Backend& backend, uint64_t number) noexcept {
    ties_.erase({&backend, number});
  }

 private:
  void receive(Letter& letter) override;
  void joined(const Joined& news) noexcept;
  void give_up(Backend& backend, uint64_t tie) noexcept;
  void sweep_transactions(Time now) noexcept;
  void sweep_probe(Time now);
  void sweep_pools(Time now);

  Backends& backends_;
  Reactor& reactor_;
  Connector& connector_;
  const uint32_t number_;
  mutable std::shared_ptr<const Plan> plan_;  // as of |plan_version_|
  mutable uint64_t plan_version_ = 0;
  mutable smtp::Capabilities offered_;  // as of |offered_version_|
  mutable uint64_t offered_version_ = 0;
  mutable std::string hostname_;
  ConnectionList ending_;  // of all pools
  std::unordered_map<const Backend*, std::unique_ptr<Pool>> pools_;
  std::vector<Pool*> sweeping_;  // work space of sweep_pools(), with room for all
  std::vector<Transaction*> transactions_;
  std::unordered_map<uint64_t, Transaction*> followers_;
  std::map<std::pair<const Backend*, uint64_t>, Tie*> ties_;  // each backend counts its own
  std::shared_ptr<Probe> probe_;
  bool closing_ = false;
};

}  // namespace ravelin::proxy
