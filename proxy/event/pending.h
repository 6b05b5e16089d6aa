// The handles that a loop gives out. Included in this folder only.
#pragma once

#include <memory>
#include <utility>

#include "proxy/event/loop_core.h"

namespace ravelin::proxy {

// A callback that is called again and again. It may destroy its own handle, so a call holds on to
// the function itself.
template <class... Args>
class Repeated {
 public:
  using Function = std::function<void(Args...)>;
  explicit Repeated(Function function)
      : function_(std::make_shared<const Function>(std::move(function))) {}

  void operator()(LoopCore& core, Args... args) const {
    const auto function = function_;
    core.guarded([&] { (*function)(args...); });
  }

 private:
  std::shared_ptr<const Function> function_;
};

class Deferred final : public dns::Pending, public Link {
 public:
  Deferred(LoopCore& core, dns::Reactor::Callback done) : core_(core), done_(std::move(done)) {
    core_.deferred.push_back(*this);
  }
  void run() {
    const auto done = std::exchange(done_, nullptr);  // it may destroy this
    core_.guarded(done);
  }

 private:
  LoopCore& core_;
  dns::Reactor::Callback done_;
};

class Hook final : public dns::Pending, public Link {
 public:
  Hook(LoopCore& core, dns::Reactor::Callback call) : core_(core), call_(std::move(call)) {
    core_.hooks.push_back(*this);
  }
  void run() { call_(core_); }

 private:
  LoopCore& core_;
  Repeated<> call_;
};

class Timer final : public dns::Pending {
 public:
  Timer(LoopCore& core, std::chrono::nanoseconds after, dns::Reactor::Callback done);

 private:
  void arm(std::chrono::nanoseconds after);
  void fire();

  LoopCore& core_;
  const dns::Time due_;
  dns::Reactor::Callback done_;
  Event event_;
};

class Periodic final : public dns::Pending {
 public:
  Periodic(LoopCore& core, std::chrono::nanoseconds period, dns::Reactor::Callback tick);

 private:
  void fire() { tick_(core_); }

  LoopCore& core_;
  Repeated<> tick_;
  Event event_;
};

class Watch final : public dns::Pending {
 public:
  Watch(LoopCore& core, int fd, bool read, bool write,
        std::function<void(dns::Reactor::Ready)> on_ready);

 private:
  static void fire(evutil_socket_t fd, short what, void* self) noexcept;

  LoopCore& core_;
  Repeated<dns::Reactor::Ready> on_ready_;
  Event event_;
};

}  // namespace ravelin::proxy
