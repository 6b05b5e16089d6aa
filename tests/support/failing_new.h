// The operators new and delete of a test program that wants memory to run out. To be included by
// one file of it, which defines new_fails().
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace ravelin::test {

bool new_fails(std::size_t size);  // must this allocation fail?

}  // namespace ravelin::test

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return ravelin::test::new_fails(size) ? nullptr : std::malloc(size);
}
void* operator new(std::size_t size) {
  void* const memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t& none) noexcept {
  return operator new(size, none);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
