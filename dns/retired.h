// What ends at the end of a turn. Ending must not need memory: what could not be kept until then
// would be destroyed inside its own call. So each object has its place in the line in itself; a
// vector of pointers, however much room it is given ahead, can be one too small.
#pragma once

#include <cassert>
#include <memory>
#include <utility>

namespace ravelin::dns {

// A base of what can be retired, once.
class Retirable {
 protected:
  Retirable() = default;
  Retirable(const Retirable&) = delete;
  Retirable& operator=(const Retirable&) = delete;
  ~Retirable() = default;

 private:
  friend class RetiredList;
  std::shared_ptr<Retirable> next_;
};

class RetiredList {
 public:
  bool empty() const { return first_ == nullptr; }

  // |object| is not null.
  void push_back(std::shared_ptr<Retirable> object) noexcept {
    auto* const last = object.get();
    assert(last->next_ == nullptr && (empty() || last != last_));
    (empty() ? first_ : last_->next_) = std::move(object);
    last_ = last;
  }
  // Lets go of all, in order; not of those that they retire in turn. False if there was none.
  bool clear() noexcept {
    auto object = std::exchange(first_, nullptr);
    const bool some = object != nullptr;
    while (object != nullptr) object = std::exchange(object->next_, nullptr);
    return some;
  }

 private:
  std::shared_ptr<Retirable> first_;
  Retirable* last_ = nullptr;  // if there is a first one
};

}  // namespace ravelin::dns
