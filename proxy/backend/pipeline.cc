#include "proxy/backend/pipeline.h"

#include <cassert>
#include <utility>

namespace ravelin::proxy {

void Pipeline::push(Pipelined& who, size_t replies) noexcept {
  assert(replies > 0 && turns_.size() < turns_.capacity());
  turns_.push_back({&who, replies});
  replies_ += replies;
}

void Pipeline::leave(const Pipelined& who) noexcept {
  for (auto& turn : turns_)
    if (turn.who == &who) turn.who = nullptr;
}

Pipelined* Pipeline::next() noexcept {
  assert(!turns_.empty());
  const auto turn = turns_.front();
  turns_.erase(turns_.begin());
  replies_ -= turn.replies;
  return turn.who;
}

void Pipeline::cut_off() noexcept {
  replies_ = 0;
  for (const auto& turn : std::exchange(turns_, {}))
    if (turn.who != nullptr) turn.who->on_cut_off();
}

}  // namespace ravelin::proxy
