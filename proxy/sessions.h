// The dialogs of one worker: who is there, and whose turn it is to be looked at.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proxy/event/stream.h"
#include "proxy/overload/fd_budget.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {

// Used on the worker's thread.
class Sessions {
 public:
  explicit Sessions(Reactor& reactor) : reactor_(reactor) {}

  Session& add(std::shared_ptr<Session> session);
  // Ends |session| at the end of this turn: it may be on the stack.
  void retire(Session& session) noexcept;
  // It is another client's from now on.
  void refile(const Session& session) noexcept;
  // Looks at a tenth of them, the next tenth at each call.
  void sweep(Time now);
  void shut_down(bool now);
  // The place of |holder| is free when this returns. Its connection is closed at the next sweep, or
  // when more have yielded than there are descriptors for.
  void yield(Session& holder);

  // Whose place goes to a client in good standing: the dialog without it that has been idle for the
  // longest; null if there is none. Looks at all, or at some by chance.
  enum class Looks : uint8_t { All, Some };
  Session* oldest_doubtful(Looks looks);
  // It yields; false if there is none. Where only some are looked at, nobody knows yet who comes,
  // and that happens a few times between two sweeps only.
  bool yield_to_known(Looks looks);
  // Whose place goes to |newcomer|, so that networks have fair shares; null if there is nobody who
  // has more than its own, or nobody among those with the null sender. Looks at some: whoever has
  // most is among them most likely; then at some of that one's wide network, or of the newcomer's
  // if there is no such, for there who has most of it is to be found. In a flood in which nobody
  // has more than its share looks are fruitless: of those that promise nothing there are only so
  // many between two sweeps. |times|: as is_fair().
  enum class Kind : uint8_t { All, Bounces };
  Session* unfair_to(const dns::IpAddress& newcomer, const Places& places, Kind kind,
                     uint32_t times = 1);
  // It yields; false if there is none, or if enough have between two sweeps: each costs a dialog
  // that has come as far as a new one would. Half of these are for networks of which less than half
  // as many are here: bots differ by little, and are the most, and who is one of few is not to wait
  // behind them.
  bool yield_to_stranger(const dns::IpAddress& newcomer, const Places& places, Kind kind);

  void each(size_t limit, const std::function<void(const Session&)>& look) const;
  // Up to |limit| of those whose dialog |wanted| likes, in no order.
  using Wanted = std::function<bool(const DialogInfo& dialog)>;
  std::vector<SessionView> views(Time now, size_t limit, const Wanted& wanted) const;
  // The one of this id, dialog's or transaction's; null if it is not here.
  Session* find(Id id);
  // Where they are, by Session::Phase, as the last round of sweeps saw them. From any thread.
  using Phases = std::array<uint32_t, Session::kPhases>;
  Phases phases() const;

  size_t size() const { return sessions_.size(); }
  bool empty() const { return sessions_.empty(); }

 private:
  static constexpr size_t kSlices = 10;
  static constexpr size_t kSample = 16;
  static constexpr uint32_t kFruitless = 20;
  static constexpr uint32_t kYields = 20;
  static constexpr uint32_t kKeptYields = kYields / 2;

  // Those of a wide network. |largest|: the most doubtful dialogs of a /24 or /64 of it that looks
  // saw in |round|, for newcomers of it.
  struct Network {
    std::vector<Session*> members;
    uint32_t largest = 0;
    uint32_t round = 0;
  };
  using Networks = std::unordered_map<dns::IpAddress, Network, dns::IpHash>;
  // Shared, as retiring needs it: a dialog that ends must not need memory for it.
  struct Member {
    std::shared_ptr<Session> owner;
    mutable Networks::value_type* network;  // where it is filed
    mutable uint32_t at;                    // and where there
  };
  // A set, whose nodes are smaller than a map's.
  struct ByAddress {
    using is_transparent = void;
    static const Session* of(const Session* session) { return session; }
    static const Session* of(const Member& member) { return member.owner.get(); }
    size_t operator()(const auto& one) const noexcept {
      return std::hash<const Session*>()(of(one));
    }
    bool operator()(const auto& one, const auto& other) const { return of(one) == of(other); }
  };

  struct Newcomer;

  Session* any();
  bool may_have_more(const Newcomer& newcomer) const;
  // Of some by chance one of the wide network that has most; null if no other has more than that of
  // |newcomer|.
  Session* in_widest(const Newcomer& newcomer);
  // Of some by chance in the wide network of |some|, or in that of |newcomer| if it is null, who
  // has most there.
  Session* in_network(const Newcomer& newcomer, Session* some);
  Networks::value_type& with_room(const Session& session);
  void join(const Member& member) noexcept;
  void leave(const Member& member) noexcept;
  void drop_if_empty(const Networks::value_type& network) noexcept;
  void sweep_yielded(Time now);
  void count(const Session& session);

  Reactor& reactor_;
  std::unordered_set<Member, ByAddress, ByAddress> sessions_;
  Networks networks_;
  size_t slice_ = 0;
  Phases counted_{};  // in this round
  std::array<std::atomic<uint32_t>, Session::kPhases> phases_{};
  uint32_t yields_left_ = kYields;       // until the next sweep
  std::array<uint32_t, 2> fruitless_{};  // looks since the last one, by Kind
  uint32_t widest_ = 0;                  // crowd in a wide network that looks saw since then
  uint32_t round_ = 1;                   // of sweeps
  std::vector<Session*> due_;            // work space of sweep() and shut_down()
  // Those with a descriptor and no place; some may have ended.
  std::array<Session*, kYieldedPerWorker> yielded_{};
  size_t yields_ = 0;
  std::minstd_rand chance_;  // whom unfair_to() looks at: nobody's guess is worth anything
};

}  // namespace ravelin::proxy
