// Words for the operator, from threads that a lack of memory must not end.
#pragma once

#include <functional>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace ravelin::proxy {

// One line of |parts|. Without the memory for it there is none: counters tell the same.
inline void raise_alarm(const std::function<void(std::string)>& alarm,
                        std::initializer_list<std::string_view> parts) {
  try {
    std::string line;
    for (const auto part : parts) line += part;
    alarm(std::move(line));
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace ravelin::proxy
