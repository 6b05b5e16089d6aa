// All mail servers behind us and what is known of them, for the whole process. Workers reach it
// through their BackendWorker; the server configures it, tells it addresses, and asks it for
// ravelinctl.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/ahead.h"
#include "proxy/backend/alarms.h"
#include "proxy/backend/backend.h"
#include "proxy/backend/breaker.h"
#include "proxy/backend/duties.h"
#include "proxy/backend/mail_room.h"
#include "proxy/backend/negative_answers.h"
#include "proxy/backend/one_by_one.h"
#include "proxy/backend/plan.h"
#include "proxy/backend/questions.h"
#include "proxy/backend/remembered.h"
#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/event/guarded.h"
#include "proxy/observe/journal.h"
#include "smtp/capabilities.h"

namespace ravelin::proxy {

// Thread-safe. |journal| and |clock| must outlive it; it must outlive all BackendWorkers.
class Backends {
 public:
  Backends(Journal& journal, const Clock& clock);

  // At start and at each reload, always from the same thread. Backends that stay keep their state
  // and connections.
  void configure(const Config& config);
  // Names that want resolving, each once: "mail.internal" with its port. Literals are not among
  // them.
  struct Host {
    std::string backend;  // "mail.internal:25", as set_addresses() takes it
    std::string host;
    uint16_t port = 0;
  };
  std::vector<Host> hosts() const;
  // All addresses of a backend, as often as there is news. The last ones that were not empty are
  // kept without limit.
  void set_addresses(std::string_view backend, std::vector<dns::Endpoint> addresses);
  // Addresses that we connect from, if they are known: a refusal that names one is about us.
  void set_own_addresses(std::vector<dns::IpAddress> addresses);

  // Kept on disk between runs, by whoever has a store. Before the first worker starts.
  void restore_capabilities(std::string_view backend, const smtp::Capabilities& offers);
  std::vector<std::pair<std::string, smtp::Capabilities>> known_capabilities() const;
  Remembered& remembered() { return remembered_; }
  OneByOne& one_by_one() { return one_by_one_; }

  // The intersection over all backends of all routes; only SIZE while one was never seen.
  smtp::Capabilities offered() const;

  // --- ravelinctl ---
  std::vector<Backend::Snapshot> snapshot() const;
  // No new questions or messages for |backend|, or again; what is under way ends. Lasts as long as
  // it is configured. False: there is no such backend.
  bool drain(std::string_view backend, bool drained);
  size_t forget(std::string_view address_or_domain) { return negatives_.forget(address_or_domain); }
  size_t negative_answers() const { return negatives_.size(); }
  dns::Occupancy kept_refusals() const { return negatives_.occupancy(); }
  dns::Occupancy kept_recipients() const { return remembered_.occupancy(); }
  struct BreakerSnapshot {
    std::string route;
    Breaker::State state = Breaker::State::Closed;
    size_t lost = 0;   // remembered recipients that vanished in the last 10 minutes
    size_t asked = 0;  // of so many that were asked for
  };
  std::vector<BreakerSnapshot> breakers() const;
  bool reset_breaker(std::string_view route);  // false: no such route

  // --- for BackendWorker and its parts ---
  std::shared_ptr<const Plan> plan() const;
  uint64_t plan_version() const { return plan_version_.load(std::memory_order_acquire); }
  MailRoom& room() { return room_; }
  Questions& questions() { return questions_; }
  AheadRoom& ahead_room() { return ahead_room_; }
  NegativeAnswers& negatives() { return negatives_; }
  Alarms& alarms() { return alarms_; }
  Duties& duties() { return duties_; }
  uint64_t next_question() { return ++last_question_; }

  // What a RCPT answer says about the whole route. True: a "no such user" must be held back (451).
  bool held_back(const Route& route, std::string_view recipient, dns::Time now);
  void accepted(const Route& route, std::string_view recipient, dns::Time now);
  bool breaker_open(const Route& route) const;
  void sweep(dns::Time now);  // by each worker
  void canary_answered(const std::string& route, bool accepted, dns::Time now);
  void catch_all_answered(const std::string& domain, bool accepts_all, dns::Time now);

 private:
  using BackendMap = std::map<std::string, std::shared_ptr<Backend>, std::less<>>;
  // |domain|: of the recipient that raised the suspicion last. The route's own name need not be one
  // that it serves: ".example.com" is not example.com.
  struct Watched {
    Breaker breaker;
    std::string domain;
  };
  using BreakerMap = std::map<std::string, Watched, std::less<>>;

  void forget_breakers(const Plan& plan);
  std::shared_ptr<Backend> backend_of(const std::string& name);
  void bind_backends(Plan& plan);
  void configure_backends(const Plan& plan, double reserved);
  void publish(std::shared_ptr<Plan> plan);
  void say_closed(const std::string& route, std::string_view why);

  const Clock& clock_;
  Alarms alarms_;
  MailRoom room_;
  Questions questions_;
  AheadRoom ahead_room_;
  NegativeAnswers negatives_;
  Remembered remembered_;
  OneByOne one_by_one_;
  Duties duties_;
  BackendMap backends_;  // configure() only
  // Configured no more, but perhaps still held by transactions: one that comes back must count the
  // connections that it has.
  std::map<std::string, std::weak_ptr<Backend>> retired_;
  Guarded<BreakerMap> breakers_;
  std::atomic<uint32_t> breakers_active_{0};  // not closed: spares the lock on most answers
  Guarded<std::shared_ptr<const Plan>> plan_;
  Guarded<std::vector<dns::IpAddress>> own_addresses_;
  std::atomic<uint64_t> plan_version_{0};
  std::atomic<uint64_t> last_question_{0};
};

}  // namespace ravelin::proxy
