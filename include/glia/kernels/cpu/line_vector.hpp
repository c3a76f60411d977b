#pragma once
// Working memory that starts at a cache line: wide reads and writes that cross from one line into the next cost twice.

#include <glia/core/config.hpp>

#include <cstddef>
#include <new>
#include <vector>

namespace GLIA_NS::detail {

template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, std::size_t) noexcept { ::operator delete (p, std::align_val_t{64}); }
  friend bool operator==(LineAllocator, LineAllocator) { return true; }
};

template <class T>
using LineVector = std::vector<T, LineAllocator<T>>;

}  // namespace GLIA_NS::detail
