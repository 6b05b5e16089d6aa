#include "proxy/event/listener.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "proxy/event/loop_core.h"
#include "proxy/event/open_listener.h"
#include "proxy/event/reserve_fd.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptBudget = 64;  // connections a turn
constexpr std::chrono::milliseconds kFirstPause = 10ms;
constexpr std::chrono::milliseconds kLongestPause = 1s;

enum class Failure {
  Empty,      // no connection waits
  ThisOne,    // this connection came to nothing; the next may be well
  Exhausted,  // no descriptors or memory, or a fault that will not go away by itself
};

// accept(2): network errors that wait on the new connection come out of accept(), to be treated
// like "try again".
Failure classify(int error) {
  switch (error) {
    case EAGAIN:
      return Failure::Empty;
    case ECONNABORTED:
    case EINTR:
    case EPERM:  // a firewall rule
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ETIMEDOUT:
      return Failure::ThisOne;
    default:
      return Failure::Exhausted;
  }
}

}  // namespace

class Listener::Impl {
 public:
  Impl(Loop& loop, Fd socket, OnAccept on_accept)
      : core_(loop.core()),
        socket_(std::move(socket)),
        on_accept_(std::move(on_accept)),
        ready_(core_.base(), socket_.get(), EV_READ | EV_PERSIST,
               &trampoline<Impl, &Impl::on_ready>, this),
        retry_(core_.base(), -1, 0, &trampoline<Impl, &Impl::start>, this) {
    if (!ready_.add()) throw std::bad_alloc();
  }

  void drain_backlog(const OnAccept& tell) {
    ready_.remove();
    retry_.remove();
    // Without descriptors each call sheds one and stops; the others are shed by the next.
    for (int budget = kBacklog + 1; budget > 0 && !accept_some(budget, tell);) {
    }
  }

 private:
  void on_ready() {
    int budget = kAcceptBudget;
    if (accept_some(budget, on_accept_))
      pause_ = kFirstPause;
    else
      rest();
  }
  // False if this host is exhausted.
  bool accept_some(int& budget, const OnAccept& tell);
  void rest();
  void start();

  LoopCore& core_;
  const Fd socket_;
  const OnAccept on_accept_;
  Event ready_;
  Event retry_;
  std::chrono::milliseconds pause_ = kFirstPause;
};

bool Listener::Impl::accept_some(int& budget, const OnAccept& tell) {
  while (budget-- > 0) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    Fd fd(sys.accept4(socket_.get(), generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      const auto peer = dns::Endpoint::from(generic).value_or(dns::Endpoint{});
      core_.guarded([&] { tell(std::move(fd), peer); });  // out of memory: the client is let go
      continue;
    }
    const int error = errno;
    const auto failure = classify(error);
    if (failure == Failure::Empty) return true;
    if (failure == Failure::ThisOne) continue;
    const bool files = error == EMFILE || error == ENFILE;
    if (files) ReserveFd::process().shed(socket_.get());
    return false;
  }
  return true;
}

// The event is removed, not ignored: it would fire in each turn. Should there be no memory for the
// timer, it stays: to spin is better than to be deaf for good.
void Listener::Impl::rest() {
  if (retry_.add(pause_)) ready_.remove();
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Listener::Impl::start() {
  if (!ready_.add()) rest();
}

Listener::Listener(Loop& loop, Fd socket, OnAccept on_accept)
    : impl_(std::make_unique<Impl>(loop, std::move(socket), std::move(on_accept))) {}

Listener::~Listener() = default;

void Listener::drain_backlog(const OnAccept& tell) { impl_->drain_backlog(tell); }

}  // namespace ravelin::proxy
