#include "proxy/event/loop.h"

#include "proxy/event/loop_core.h"
#include "proxy/event/pending.h"

namespace ravelin::proxy {

Loop::Loop(const Clock& clock) : core_(std::make_unique<LoopCore>(clock)) {}

Loop::~Loop() = default;

void Loop::run() {
  for (stopped_ = false; !stopped_;) turn();
}

void Loop::turn() {
  core_->wait(LoopCore::Sleep::Allowed);
  core_->end_of_turn();
}

void Loop::poll() {
  core_->wait(LoopCore::Sleep::Never);
  core_->end_of_turn();
}

void Loop::post(std::function<void()> function) { core_->posts.put(std::move(function)); }

dns::Handle Loop::watch(int fd, bool read, bool write, std::function<void(Ready)> on_ready) {
  return std::make_unique<Watch>(*core_, fd, read, write, std::move(on_ready));
}

dns::Handle Loop::timer(std::chrono::nanoseconds after, Callback done) {
  return std::make_unique<Timer>(*core_, after, std::move(done));
}

dns::Handle Loop::defer(Callback done) {
  return std::make_unique<Deferred>(*core_, std::move(done));
}

void Loop::retire(std::shared_ptr<dns::Retirable> object) noexcept {
  core_->retired.push_back(std::move(object));
}

dns::Time Loop::now() const { return core_->now(); }

dns::Handle Loop::every(std::chrono::nanoseconds period, Callback tick) {
  return std::make_unique<Periodic>(*core_, period, std::move(tick));
}

dns::Handle Loop::on_turn_end(Callback hook) {
  return std::make_unique<Hook>(*core_, std::move(hook));
}

uint64_t Loop::lost_callbacks() const { return core_->lost_callbacks(); }

event_base* Loop::base() const { return core_->base(); }

}  // namespace ravelin::proxy
