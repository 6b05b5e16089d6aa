// One mail server behind us, as all workers share it: its addresses, permits, health and
// capabilities.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/ip.h"
#include "proxy/backend/facts.h"
#include "proxy/backend/mail_room.h"
#include "proxy/backend/permit.h"
#include "proxy/backend/permits.h"
#include "proxy/backend/secrecy.h"
#include "proxy/config/config.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// What routes say about a backend. Where several routes name it with different numbers, the
// smallest: each is a promise to the backend.
struct BackendSettings {
  bool lmtp = false;  // the same in all routes: the configuration sees to it
  uint32_t connections = 15;
  double reserved = 0;  // share of these that only good clients get
  uint32_t max_idle = 5;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds connect_timeout{30'000};
  bool proxy_header = false;  // client_info = "proxy-v2"
  Rotation rotation;
  uint32_t pipelined_questions = 9;
  std::shared_ptr<const Secrecy> secrecy;  // null: in the clear

  // Without |secrecy|, which is made once for a backend.
  static BackendSettings from(const RouteSettings& route);
  void shrink_to(const BackendSettings& other);
  // Is a connection to be left, for the backend's patience or for the configuration?
  bool worn(const Facts& facts, dns::Time now) const {
    return rotation.worn(facts, now) || facts.secrecy != secrecy;
  }
};

// Never reset, so that differences can be taken.
struct BackendCounters {
  std::atomic<uint64_t> connects{0};
  std::atomic<uint64_t> connect_failures{0};
  std::atomic<uint64_t> questions{0};
  std::atomic<uint64_t> refusals{0};
  std::atomic<uint64_t> messages{0};
  std::atomic<uint64_t> rotations{0};
  std::atomic<uint64_t> handovers{0};
  std::atomic<uint64_t> replays{0};
  std::atomic<uint64_t> secured{0};    // connections, by STARTTLS
  std::atomic<uint64_t> pipelined{0};  // questions that were said behind another
  std::atomic<uint64_t> stale{0};      // reused connections that failed and were replaced
};

// Thread-safe.
class Backend : public std::enable_shared_from_this<Backend> {
 public:
  Backend(std::string name, MailRoom& room);  // "NAME:PORT"; |room| must outlive it

  const std::string& name() const { return name_; }
  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }
  // The name is an address, so nothing needs resolving.
  bool literal() const { return literal_; }

  void configure(const BackendSettings& settings, dns::Time now);
  BackendSettings settings() const;
  // Without an address (the name has never been resolved) nothing can be asked.
  void set_addresses(std::vector<dns::Endpoint> addresses);  // an empty list changes nothing
  std::vector<dns::Endpoint> addresses() const;              // the last that worked first
  bool resolved() const { return resolved_.load(std::memory_order_acquire); }
  void worked(const dns::Endpoint& address);

  // See Permits. What it orders goes out through the mail room.
  // What is granted is to be put into a Permit, a tie into a Claim, before anything else is done.
  void know(uint32_t worker);
  Permits::Grant ask(Waiter& waiter, dns::Time now);
  bool spares(const Waiter& waiter, dns::Time now) const noexcept;
  bool cancel(const Waiter& waiter) noexcept;
  bool ask_spare(dns::Time now) noexcept;
  bool ask_probe(dns::Time now) noexcept;
  // |claim| is of no tie. If the connection is passed on, it is then the next one's.
  Permits::Parked park(uint32_t worker, Claim& claim) noexcept;
  void lost_idle(uint32_t worker) noexcept;
  void pause(dns::Time now) noexcept;
  std::optional<Claim> tie(const Waiter& holder) noexcept;
  uint64_t tie_idle(uint32_t worker);  // never given up before it has returned
  void tie_busy(uint64_t tie) noexcept;
  void shed_again() noexcept;
  void sweep(dns::Time now) noexcept;
  bool over_cap() const noexcept;
  bool has_ready() const noexcept;
  bool crowded(uint32_t own) const noexcept;
  bool good_waits() const noexcept;
  bool redeem(uint32_t worker) noexcept;
  // What time it is, for those who give back and have no clock.
  void see(dns::Time now) noexcept {
    seen_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // --- for Permit and Claim ---
  void connected(dns::Time now) noexcept;
  void connect_failed(ConnectFault fault) noexcept;
  void closed(bool was_ready) noexcept;
  void untie(const Waiter& holder) noexcept;
  void answered() noexcept;
  void put_back(PlaceInLine place) noexcept;

  // A reply came from it; a question sent at |asked| was not answered in time.
  void heard(dns::Time now) {
    last_heard_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void silent_since(dns::Time asked, dns::Time now) noexcept;

  // It has refused a MAIL; the RCPT behind it is then refused, too.
  void refused_sender(dns::Time now) {
    refuses_until_.store((now + kRefusesSenders).time_since_epoch().count(),
                         std::memory_order_relaxed);
  }
  // May it again, as it has of late?
  bool refuses_senders(dns::Time now) const {
    return now.time_since_epoch().count() < refuses_until_.load(std::memory_order_relaxed);
  }
  static constexpr std::chrono::minutes kRefusesSenders{10};

  // TLS did not work, and need not: the next connections do without, for a while.
  void shun_tls(dns::Time now) {
    shunned_.store((now + kShunTls).time_since_epoch().count(), std::memory_order_relaxed);
  }
  bool shuns_tls(dns::Time now) const {
    return now.time_since_epoch().count() < shunned_.load(std::memory_order_relaxed);
  }
  static constexpr std::chrono::minutes kShunTls{10};

  // What its last EHLO reply offered; kept while it is down. nullopt: never seen.
  void learn(const smtp::Capabilities& offers);
  std::optional<smtp::Capabilities> capabilities() const;
  // Of its last EHLO reply; 0: none stated.
  struct RcptLimits {
    uint32_t rcpts = 0;    // of a transaction
    uint32_t domains = 0;  // of these
  };
  RcptLimits rcpt_limits() const;
  // Changes whenever capabilities() does.
  uint64_t learned() const { return learned_.load(std::memory_order_acquire); }
  // |letter| is for a worker that does something for this backend.
  void send(uint32_t worker, LetterPtr letter) noexcept;

  // Configured no more: pools close what they hold.
  void set_retired(bool retired) { retired_ = retired; }
  bool retired() const { return retired_; }
  // An administrator's word: it gets nothing new until told otherwise.
  void set_drained(bool drained) { drained_ = drained; }
  bool drained() const { return drained_; }
  // True once after each call of want_probe().
  void want_probe() { probe_wanted_ = true; }
  bool take_probe() { return probe_wanted_.load() && probe_wanted_.exchange(false); }

  struct Snapshot {
    std::string name;
    std::vector<dns::Endpoint> addresses;
    bool down = false;
    bool drained = false;
    uint32_t cap = 0;          // configured
    uint32_t learned_cap = 0;  // 0: none
    uint32_t open = 0;
    uint32_t idle = 0;
    uint32_t ties = 0;
    size_t waiting = 0;
    uint64_t connects = 0, connect_failures = 0, questions = 0, refusals = 0, messages = 0,
             rotations = 0, handovers = 0, replays = 0, stale = 0, secured = 0, pipelined = 0;
    BackendTls tls = BackendTls::Off;
  };
  Snapshot snapshot() const;

  BackendCounters counters;

 private:
  template <class Do>
  auto with_permits(Do&& act);  // defined and used in backend.cc only
  void dispatch(Orders& orders) noexcept;
  Claim granted(PlaceInLine place) noexcept;
  dns::Time seen() const noexcept {
    return dns::Time(dns::Time::duration(seen_.load(std::memory_order_relaxed)));
  }

  const std::string name_;
  std::string host_;
  uint16_t port_ = 25;
  bool literal_ = false;
  MailRoom& room_;
  Guarded<Permits> permits_;
  Guarded<BackendSettings> settings_;
  Guarded<std::vector<dns::Endpoint>> addresses_;
  Guarded<std::optional<smtp::Capabilities>> offers_;
  std::atomic<uint64_t> learned_{0};
  std::atomic<dns::Time::rep> last_heard_{0};
  std::atomic<dns::Time::rep> seen_{0};
  std::atomic<dns::Time::rep> shunned_{0};
  std::atomic<dns::Time::rep> refuses_until_{0};
  std::atomic<bool> resolved_{false};  // there is an address
  std::atomic<bool> retired_{false};
  std::atomic<bool> drained_{false};
  std::atomic<bool> probe_wanted_{true};
};

}  // namespace ravelin::proxy
