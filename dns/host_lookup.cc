#include "dns/host_lookup.h"

#include <algorithm>
#include <new>
#include <utility>

#include "dns/name.h"

namespace ravelin::dns {
namespace {

struct Half {
  bool done = false;
  Status status = Status::TempFail;
  std::vector<IpAddress> addresses;
};

Status combine(const Half& one, const Half& other) {
  for (const auto status : {Status::Ok, Status::TempFail, Status::NoData})
    if (one.status == status || other.status == status) return status;
  return Status::NoName;
}

}  // namespace

// One name, asked once for each family: a failure in one must not hide behind a "no" in the other.
struct HostLookup::Job {
  explicit Job(std::string asked) : name(std::move(asked)) {}
  ~Job();
  bool answer_without_asking();
  bool done() const { return v4.done && v6.done; }

  const std::string name;
  Half v4, v6;
  Waiter* waiter = nullptr;  // null: nobody waits any more
};

// A literal, or this machine (RFC 6761 §6.3). Not left to c-ares, which leaks a few bytes each time
// that it finds "localhost" in /etc/hosts for one family only.
bool HostLookup::Job::answer_without_asking() {
  if (canonical_name(name) == "localhost") {
    v4 = {true, Status::Ok, {*IpAddress::parse("127.0.0.1")}};
    v6 = {true, Status::Ok, {*IpAddress::parse("::1")}};
  } else if (const auto literal = IpAddress::parse(name)) {
    v4 = {true, Status::Ok, {*literal}};
    v6 = {true, Status::NoData, {}};
  }
  return done();
}

class HostLookup::Waiter final : public Pending {
 public:
  Waiter(Job& job, Callback done) : job_(&job), done_(std::move(done)) { job.waiter = this; }
  ~Waiter() override { forget(); }

  void forget() {
    if (job_ != nullptr) job_->waiter = nullptr;
    job_ = nullptr;
  }
  // The callback may destroy this.
  void answer(Status status, std::vector<IpAddress> addresses) {
    forget();
    const auto done = std::move(done_);
    done(status, std::move(addresses));
  }

 private:
  Job* job_;
  Callback done_;
};

bool HostLookup::is_done(const std::unique_ptr<Job>& job) { return job->done(); }

HostLookup::Job::~Job() {
  if (waiter != nullptr) waiter->forget();
}

HostLookup::HostLookup(Reactor& reactor, const AresSettings& settings)
    : reactor_(reactor), settings_(settings) {
  open_channel();
}

// The channel goes first, then the jobs that its questions name.
HostLookup::~HostLookup() = default;

void HostLookup::open_channel() {
  channel_ = std::make_unique<AresChannel>(reactor_, settings_, AresChannel::Transport::Either,
                                           [this] { schedule_delivery(); });
}

void HostLookup::reconfigure() {
  channel_.reset();
  open_channel();
  for (const auto& job : jobs_)
    if (!job->done()) send(*job);
  schedule_delivery();
}

Handle HostLookup::look_up(const std::string& name, Callback done) {
  auto& job = *jobs_.emplace_back(std::make_unique<Job>(name));
  auto waiter = std::make_unique<Waiter>(job, std::move(done));
  if (!job.answer_without_asking()) send(job);
  schedule_delivery();
  return waiter;
}

void HostLookup::send(Job& job) {
  for (const bool v4 : {true, false}) {
    if ((v4 ? job.v4 : job.v6).done) continue;
    try {
      channel_->addresses(job.name, v4,
                          [this, &job, v4](Status status, std::vector<IpAddress> addresses) {
                            store(job, v4, status, std::move(addresses));
                          });
    } catch (const std::bad_alloc&) {
      store(job, v4, Status::TempFail, {});
    }
  }
}

// Inside c-ares: stores, no more.
void HostLookup::store(Job& job, bool v4, Status status,
                       std::vector<IpAddress> addresses) noexcept {
  (v4 ? job.v4 : job.v6) = {true, status, std::move(addresses)};
}

void HostLookup::schedule_delivery() {
  if (!delivery_ && std::any_of(jobs_.begin(), jobs_.end(), is_done))
    delivery_ = reactor_.defer([this] { deliver(); });
}

// One at a time, the next one booked before anybody is called: who is called may ask again or
// throw.
void HostLookup::deliver() {
  delivery_.reset();
  const auto ready = std::find_if(jobs_.begin(), jobs_.end(), is_done);
  if (ready == jobs_.end()) return;
  const auto job = std::move(*ready);
  jobs_.erase(ready);
  schedule_delivery();
  if (job->waiter == nullptr) return;
  auto addresses = std::move(job->v4.addresses);
  addresses.insert(addresses.end(), job->v6.addresses.begin(), job->v6.addresses.end());
  job->waiter->answer(combine(job->v4, job->v6), std::move(addresses));
}

}  // namespace ravelin::dns
