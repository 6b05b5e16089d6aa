#include "tests/bench/drill/sink.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "tests/bench/drill/sink_dialog.h"

namespace ravelin::drill {

Sink::Sink(Loop& loop, const SinkSettings& settings)
    : loop_(loop),
      settings_(settings),
      began_(loop.now()),
      wall_start_(std::chrono::system_clock::now()) {
  const Endpoint& at = settings.listen;
  listener_ = socket(at.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener_, at.raw(), at.size) != 0 || listen(listener_, 4096) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot listen on " + at.text());
  const auto fire = [](evutil_socket_t, short, void* self) {
    static_cast<Sink*>(self)->on_acceptable();
  };
  event_assign(&acceptable_, loop.base(), listener_, EV_READ | EV_PERSIST, fire, this);
  event_add(&acceptable_, nullptr);
}

Sink::~Sink() {
  event_del(&acceptable_);
  close(listener_);
}

void Sink::on_acceptable() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const bool welcome = settings_.connections == 0 || counts_.open < settings_.connections;
  ++counts_.connections;
  ++(welcome ? counts_.open : counts_.turned_away);
  counts_.peak = std::max(counts_.peak, counts_.open);
  dialogs_.push_back(std::make_unique<SinkDialog>(*this, fd, welcome));
}

void Sink::forget(SinkDialog* dialog) {
  if (dialog->welcome()) --counts_.open;
  dialogs_.remove_if([dialog](const auto& one) { return one.get() == dialog; });
}

void Sink::count_question(bool known) {
  ++counts_.questions;
  ++(known ? counts_.known : counts_.unknown);
  const auto second = static_cast<size_t>((loop_.now() - began_).count());
  if (questions_.size() <= second) questions_.resize(second + 1);
  ++questions_[second];
}

std::string Sink::totals() const {
  const std::chrono::duration<double> start = wall_start_.time_since_epoch();
  const nlohmann::ordered_json all = {{"started", start.count()},
                                      {"connections", counts_.connections},
                                      {"open", counts_.open},
                                      {"peak", counts_.peak},
                                      {"turned_away", counts_.turned_away},
                                      {"questions", counts_.questions},
                                      {"known", counts_.known},
                                      {"unknown", counts_.unknown},
                                      {"mails", counts_.mails},
                                      {"rsets", counts_.rsets},
                                      {"datas", counts_.datas},
                                      {"messages", counts_.messages},
                                      {"octets", counts_.octets},
                                      {"ahead", counts_.ahead},
                                      {"punished", counts_.punished},
                                      {"hung_up", counts_.hung_up},
                                      {"questions_per_second", questions_}};
  return all.dump() + "\n";
}

}  // namespace ravelin::drill
