// Who may hold a connection to one backend: its cap, the connections being opened, the fair waiting
// lists, the idle connections that lie in the workers' pools, and the ties (connections that wait
// for a client). A state machine without threads, clock or I/O; Backend puts a lock around it.
//
// A permit is the right to hold one connection, from before connect() until after close(). It is a
// count, not an object here; whoever holds it has a Permit or a Claim (permit.h), which give back.
//
// Without memory nothing here fails half-way. Only ask() needs any for the one who asks, before
// anything has changed; an order that there is no room for is not given, and sweep() looks again.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "dns/ip.h"
#include "dns/reactor.h"
#include "proxy/backend/health.h"
#include "proxy/backend/waiting_line.h"

namespace ravelin::proxy {

using PlaceInLine = WaitingLine::Place;

// What a worker is to do now, decided under the lock and sent after it.
struct Order {
  enum class Kind : uint8_t {
    Open,      // |waiter| has a permit: open a connection for it
    HandOver,  // park one idle connection again: somebody else waits
    Close,     // close one idle connection: a new one is wanted in its place
    GiveUp,    // give the tie |tie| up: somebody waits
    Fail,      // |waiter| waits in vain: the backend is down
  };
  Kind kind = Kind::Open;
  uint32_t worker = 0;
  uint64_t tie = 0;
  PlaceInLine place{};  // of the one to open for, or who waits in vain

  const Waiter& waiter() const { return place.value(); }
};
using Orders = std::vector<Order>;

class Permits {
 public:
  enum class Grant : uint8_t {
    Idle,  // take the newest idle connection of the own pool
    Open,  // open one
    Wait,  // an Order or a connection will come
    Down,  // nothing to wait for
  };

  // Once for each worker, before all else that names it. Throws std::bad_alloc, as ask() does.
  void know(uint32_t worker);
  // Writes the ticket into |waiter|.
  Grant ask(Waiter& waiter, dns::Time now, Orders& orders);
  // Would it be given one that nobody uses now, or waits for?
  bool spares(const Waiter& waiter, dns::Time now) const noexcept;
  // False: it waits no more; what was sent to it is on its way and must be given back.
  bool cancel(const Waiter& waiter) noexcept;

  // A permit for a connection nobody asked for (probe, opened ahead of need): only while no
  // question could use it.
  bool ask_spare(dns::Time now) noexcept;
  // The only way to connect while the backend is down: one at a time, when its time has come.
  bool ask_probe(dns::Time now) noexcept;

  enum class Parked : uint8_t { Idle, Pass, Close };
  // A connection is free; |asked|: one who is not good had it for a question. Pass gives it to
  // |next|; Close means that there are more than there may be.
  Parked park(uint32_t worker, bool asked, PlaceInLine& next) noexcept;
  // The question of one who is not good has ended, and its connection is on its way out.
  void answered(dns::Time now, Orders& orders) noexcept;
  // Whose |place| it is was to have a connection that could not be given to it: it waits on.
  void put_back(PlaceInLine place) noexcept;
  // It could not be sent: as if it had not been given.
  void unsent(Order order) noexcept;
  // An idle connection of |worker| is taken out of the pool to be closed.
  void lost_idle(uint32_t worker) noexcept;
  // |worker| has an order to part with an idle connection. False: the one that was meant has been
  // closed, and its permit has served somebody.
  bool redeem(uint32_t worker) noexcept;

  // An attempt to connect ended. Each open permit passes one of these once.
  void connected(dns::Time now, Orders& orders) noexcept;
  void connect_failed(ConnectFault fault, dns::Time now, Orders& orders) noexcept;
  // The connection is gone and its permit back. |was_ready|: connected() had been said for it.
  void closed(bool was_ready, dns::Time now, Orders& orders) noexcept;

  // Connected, but it does not answer.
  void silent(dns::Time now, Orders& orders) noexcept;
  // There is no memory for a connection: no use in trying again at once.
  void pause(dns::Time now) noexcept;

  // May a connection be kept for this client until its next command?
  bool tie(const Waiter& holder) noexcept;
  void untie(const Waiter& holder, dns::Time now, Orders& orders) noexcept;
  // A tie begins to wait for its client; the result names it for GiveUp and tie_busy(). Ties of
  // good clients are never given up for others. Throws std::bad_alloc and has done nothing then.
  uint64_t tie_idle(uint32_t worker, Orders& orders);
  void tie_busy(uint64_t tie) noexcept { idle_ties_.erase(tie); }
  // An order to give up came too late: another tie must do it.
  void shed_again(Orders& orders) noexcept;

  // Do clients that are not good, beside |own| connections of the one who asks, hold half of what
  // they may have for messages, or wait for one?
  bool crowded(uint32_t own) const noexcept;

  // In line, with no connection on its way to it, and not for its own client's share alone.
  bool good_waits() const noexcept;

  // |reserved|: the share of the cap that only good clients get, 0 to 1.
  void set_cap(uint32_t cap, double reserved, dns::Time now, Orders& orders) noexcept;
  void sweep(dns::Time now, Orders& orders) noexcept;  // what time alone brings
  Health& health() { return health_; }
  const Health& health() const { return health_; }

  uint32_t cap() const { return health_.cap(cap_); }
  uint32_t configured_cap() const { return cap_; }
  uint32_t held() const { return held_; }
  uint32_t ready() const { return ready_; }
  uint32_t idle() const;
  size_t waiting() const;
  uint32_t ties() const { return ties_; }

 private:
  // Whose turn it is, one after the other; of the strangers, who are in most of it, those who send
  // bounces and all others.
  enum Lane : uint8_t { Strangers, Bounces, Good, kLanes };
  using Lines = WaitingLine[kLanes][2];  // [lane][want]
  struct IdleTie {
    uint32_t worker = 0;
    bool asked = false;  // to give up
  };

  WaitingLine& line_of(const Waiter& waiter);
  bool may_hold(const Waiter& waiter) const;
  bool has_room_for(const Waiter& waiter) const;
  uint32_t free_ties(const Waiter& waiter) const;
  uint32_t ties_of(const Waiter& waiter) const;
  bool has_its_share(const Waiter& waiter) const;
  uint32_t tie_limit() const;
  bool can_open(dns::Time now) const;
  void opening();
  bool room_for_one(Orders& orders) noexcept;
  void hold(const Waiter& waiter);
  void hold_tie(const Waiter& waiter);
  void let_go(const Waiter& waiter);
  void let_go_question();
  void let_go_tie(const Waiter& waiter);
  bool claim_idle(Order::Kind kind, Orders& orders);
  bool find_room(const Waiter& waiter, Orders& orders);
  void shed(Orders& orders);
  void pump(dns::Time now, Orders& orders);
  void fail_vain(Orders& orders);
  void order_again(Orders& orders);
  const Waiter* first_of(WaitingLine& line) const;
  bool somebody_can_go(Lines& lines) const;
  // Waits for more than its own client's share.
  static bool somebody_next(const WaitingLine (&by_want)[2]);
  bool somebody_next() const;
  uint32_t stranger_limit() const;
  void serve_held_up(dns::Time now, Orders& orders) noexcept;
  using Home = WaitingLine::Home;
  PlaceInLine next(Home home);
  PlaceInLine next_fresh();
  PlaceInLine next_stranger(Lines& lines, Home home);
  PlaceInLine next_of(Lines& lines, Lane lane, Home home);
  PlaceInLine granted(WaitingLine& line, Home home);

  Health health_;
  uint32_t cap_ = 1;
  double reserved_ = 0;
  uint32_t held_ = 0;               // permits out
  uint32_t connecting_ = 0;         // of these, not connected yet
  uint32_t ready_ = 0;              // of these, connected
  std::vector<uint32_t> promised_;  // per worker, idle ones that must be parted with
  std::vector<uint32_t> idle_;      // per worker, not promised to others
  Lines fresh_;                     // before all others
  Lines lines_;
  uint32_t goods_in_a_row_ = 0;
  bool bounce_next_ = false;  // of the strangers
  uint64_t last_ticket_ = 0;

  uint32_t ties_ = 0;  // and messages on their way
  uint32_t unknown_ties_ = 0;
  uint32_t unknown_questions_ = 0;  // connections that are out for one
  // Without memory one is not counted here, for it is fairness only; then it counts for less.
  std::unordered_map<dns::IpAddress, uint32_t, dns::IpHash> ties_of_;
  std::map<uint64_t, IdleTie> idle_ties_;  // oldest first
  uint64_t last_tie_ = 0;
  bool order_missing_ = false;  // for want of memory
};

}  // namespace ravelin::proxy
