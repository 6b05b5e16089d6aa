#include "proxy/event/signals.h"

#include <cerrno>
#include <system_error>

namespace ravelin::proxy {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  return set;
}

}  // namespace

void prepare_signals() {
  const sigset_t set = set_of({SIGHUP, SIGUSR1, SIGTERM, SIGINT});
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

SignalWatcher::SignalWatcher(Loop& loop, std::initializer_list<int> signals,
                             std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)) {
  const sigset_t set = set_of(signals);
  fd_.reset(sys.signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
  watch_ = loop.watch(fd_.get(), true, false, [this](dns::Reactor::Ready) { on_ready(); });
}

// One signal a call; if there is another, the descriptor stays readable.
void SignalWatcher::on_ready() {
  signalfd_siginfo info;
  if (sys.read(fd_.get(), &info, sizeof info) != sizeof info) return;
  const auto on_signal = on_signal_;  // it may destroy this
  on_signal(static_cast<int>(info.ssi_signo));
}

}  // namespace ravelin::proxy
