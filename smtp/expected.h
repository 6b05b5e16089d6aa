// A value or an error: what every parser returns. The standard's own comes with C++23.
#pragma once

#include <cassert>
#include <utility>
#include <variant>

namespace ravelin::smtp {

// T and E must be different types, so that `return Error{...}` and `return Value{...}` both read
// plainly. Asking for the side that is not there is an impossible state and asserts.
template <class T, class E>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(value()); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const T& value() const {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T& value() {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const E& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, E> state_;
};

}  // namespace ravelin::smtp
