#include "dns/ares_resolver.h"

#include <algorithm>
#include <new>

#include "dns/answer.h"
#include "dns/name.h"

namespace ravelin::dns {

// One question on its way. It lives until c-ares has given its answer, whoever waits for it.
struct AresResolver::Flight {
  Flight(Question asked, Trust from) : question(std::move(asked)), trust(from), ticket(1, this) {}
  ~Flight();

  bool arrived() const { return ticket.empty(); }

  const Question question;
  const Trust trust;
  FlightMap::iterator place;  // its own, so that leaving needs no memory
  Time since{};               // it was sent first
  bool tcp = false;
  Reading reading;
  std::list<Waiter*> waiters;
  std::list<Flight*> ticket;  // moves to arrived_ and back: queueing needs no memory inside c-ares
};

// Somebody who waits for a flight: what ask() hands out. Always among the deadlines until the
// answer is given, so a flight that comes to nothing still ends in a TempFail.
class AresResolver::Waiter final : public Pending {
 public:
  Waiter(AresResolver& resolver, Flight& flight, Time deadline, Callback done)
      : resolver_(&resolver), flight_(&flight), deadline_(deadline), done_(std::move(done)) {
    std::list<Waiter*> place(1, this);
    place_ = place.begin();
    resolver.deadlines_.emplace(deadline_, this);
    flight.waiters.splice(flight.waiters.end(), place);
  }
  ~Waiter() override { leave(); }

  // Ends the wait. The callback may destroy this.
  void answer(const Answer& answer) {
    leave();
    const auto done = std::move(done_);
    done(answer);
  }

  // The resolver goes first.
  void abandon() { resolver_ = nullptr; }
  // The flight ends without an answer for this one.
  void forget_flight() { flight_ = nullptr; }

 private:
  void leave() {
    if (flight_ != nullptr) flight_->waiters.erase(place_);
    flight_ = nullptr;
    if (resolver_ != nullptr) resolver_->deadlines_.erase({deadline_, this});
    resolver_ = nullptr;
  }

  AresResolver* resolver_;  // null: nothing to wait for any more
  Flight* flight_;
  const Time deadline_;
  std::list<Waiter*>::iterator place_;
  Callback done_;
};

// Somebody is left only if one who was told threw: the others' deadlines still hold.
AresResolver::Flight::~Flight() {
  for (auto* waiter : waiters) waiter->forget_flight();
}

AresResolver::AresResolver(Reactor& reactor, DnsCache& cache, const AresSettings& settings)
    : reactor_(reactor), cache_(cache), settings_(settings) {
  open_channels();
}

AresResolver::~AresResolver() {
  for (const auto& [deadline, waiter] : deadlines_) waiter->abandon();
  channels_ = {};  // before the flights that their questions name
}

void AresResolver::open_channels() {
  for (size_t i = 0; i < channels_.size(); ++i) {
    const auto transport = i % 2 == 0 ? Transport::Udp : Transport::Tcp;
    channels_[i] = std::make_unique<AresChannel>(reactor_, settings_, transport, [this] {
      if (!arrived_.empty()) schedule_delivery();
    });
  }
}

void AresResolver::reconfigure(std::vector<Endpoint> servers) {
  settings_.servers = std::move(servers);
  channels_ = {};
  open_channels();
  for (const auto& [key, flight] : flights_) {
    if (flight->arrived()) continue;
    flight->tcp = false;
    send(*flight);
  }
  if (!arrived_.empty()) schedule_delivery();
}

std::optional<Answer> AresResolver::ask(const Question& asked, Asker asker,
                                        std::chrono::milliseconds limit, Handle& query,
                                        Callback done) {
  const Question question{asked.type, canonical_name(asked.name)};
  if (!is_query_name(question.name)) {
    const bool foreign = std::any_of(question.name.begin(), question.name.end(),
                                     [](char c) { return static_cast<unsigned char>(c) > 127; });
    Answer no;
    no.status = foreign ? Status::TempFail : Status::NoName;
    return no;
  }
  if (auto known = cache_.find(question, reactor_.now())) {
    counts_.cached();
    return known;
  }
  if (limit.count() <= 0) return Answer{};

  auto* flight = join_or_start(question, asker);
  if (flight == nullptr) return Answer{};
  const auto deadline = reactor_.now() + limit;
  query = std::make_unique<Waiter>(*this, *flight, deadline, std::move(done));
  arm(deadline);
  if (!arrived_.empty()) schedule_delivery();
  return {};
}

// Null if too many are on their way.
AresResolver::Flight* AresResolver::join_or_start(const Question& question, Asker asker) {
  const auto trust = asker.trust;
  auto& count = flights_of_[static_cast<size_t>(trust)];
  Key key(trust, question.type, question.name);
  if (const auto found = flights_.find(key); found != flights_.end()) return found->second.get();
  const auto most = settings_.max_in_flight;
  if (count >= (asker.stranger ? most - most / 4 : most)) {
    counts_.refused();
    return nullptr;
  }
  auto owner = std::make_unique<Flight>(question, trust);
  auto& flight = *owner;
  flight.since = reactor_.now();
  flight.place = flights_.emplace(std::move(key), std::move(owner)).first;
  ++count;
  send(flight);
  return &flight;
}

void AresResolver::send(Flight& flight) {
  const auto transport = flight.tcp ? Transport::Tcp : Transport::Udp;
  const auto index = static_cast<size_t>(flight.trust) * 2 + (transport == Transport::Tcp ? 1 : 0);
  try {
    channels_[index]->query(flight.question.name, number_of(flight.question.type),
                            [this, &flight](Status failure, std::span<const uint8_t> message) {
                              on_message(flight, failure, message);
                            });
  } catch (const std::bad_alloc&) {  // before c-ares knew of it
    on_message(flight, Status::TempFail, {});
  }
}

// Inside c-ares: reads and stores, no more.
void AresResolver::on_message(Flight& flight, Status failure,
                              std::span<const uint8_t> message) noexcept {
  flight.reading = {};
  flight.reading.answer.status = failure;
  try {
    if (!message.empty()) flight.reading = read_answer(flight.question, message);
  } catch (const std::bad_alloc&) {
    flight.reading = {};
  }
  arrived_.splice(arrived_.end(), flight.ticket);
}

void AresResolver::schedule_delivery() {
  if (!delivery_) delivery_ = reactor_.defer([this] { deliver(); });
}

// Each step leaves everything in order before it calls somebody: who is called may ask, cancel
// others, or throw.
void AresResolver::deliver() {
  delivery_.reset();
  for (auto left = arrived_.size(); left > 0 && !arrived_.empty(); --left) {
    auto& flight = *arrived_.front();
    flight.ticket.splice(flight.ticket.end(), arrived_, arrived_.begin());
    finish(flight);
  }
  const auto now = reactor_.now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    deadlines_.begin()->second->answer(Answer{});
}

void AresResolver::finish(Flight& flight) {
  if (flight.reading.truncated && !flight.tcp) {
    flight.tcp = true;
    return send(flight);
  }
  const auto owner = std::move(flight.place->second);
  flights_.erase(flight.place);
  --flights_of_[static_cast<size_t>(flight.trust)];
  const auto& answer = flight.reading.answer;
  counts_.answered(reactor_.now() - flight.since, answer.status == Status::TempFail);
  try {
    cache_.put(flight.question, answer, flight.reading.ttl, reactor_.now());
  } catch (const std::bad_alloc&) {  // then it is not remembered
  }
  while (!flight.waiters.empty()) flight.waiters.front()->answer(answer);
}

void AresResolver::arm(Time deadline) {
  if (timer_ && armed_ <= deadline) return;
  armed_ = deadline;
  timer_ = reactor_.timer(deadline - reactor_.now(), [this] { on_timer(); });
}

void AresResolver::on_timer() {
  timer_.reset();
  const auto later = deadlines_.upper_bound({reactor_.now(), nullptr});
  if (later != deadlines_.end()) arm(later->first);
  schedule_delivery();
}

}  // namespace ravelin::dns
