#pragma once
// Where storages get their memory: the allocator interface and the host's caching allocator.

#include <glia/core/config.hpp>
#include <glia/core/error.hpp>
#include <glia/core/profile.hpp>
#include <glia/device/cpu.hpp>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace GLIA_NS {

// Source of raw memory. A storage remembers the allocator that made its block and returns it there.
class Allocator {
 public:
  virtual ~Allocator() = default;
  // At least `bytes` bytes, aligned to 64. Throws DeviceError when there is no memory.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void deallocate(void* block, std::size_t bytes) noexcept = 0;
};

// Counters of a caching allocator, in bytes and calls since the program's start.
struct AllocatorStatistics {
  std::size_t bytes_in_use = 0;
  std::size_t bytes_cached = 0;
  std::size_t peak_bytes_in_use = 0;
  std::size_t allocations = 0;
  std::size_t system_allocations = 0;
};

// Host memory in size classes (four per power of two) that are kept for reuse, because page faults on fresh
// memory cost a training step more than its arithmetic does. Blocks of 2 MiB and more ask for huge pages.
class CachingAllocator final : public Allocator {
 public:
  void* allocate(std::size_t bytes) override {
    const std::size_t size = size_class(bytes);
    {
      const std::lock_guard lock(mutex_);
      ++statistics_.allocations;
      statistics_.bytes_in_use += size;
      statistics_.peak_bytes_in_use = std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
      auto& bin = bins_[bin_of(size)];
      if (!bin.empty()) {
        void* block = bin.back();
        bin.pop_back();
        statistics_.bytes_cached -= size;
        profile::count({.allocations = 1, .allocated_bytes = static_cast<std::int64_t>(size)});
        return block;
      }
      ++statistics_.system_allocations;
    }
    profile::count({.allocations = 1, .allocated_bytes = static_cast<std::int64_t>(size), .system_allocations = 1});
    void* block = system_allocate(size);
    if (block == nullptr) {
      release_cached();
      block = system_allocate(size);
    }
    if (block == nullptr) {
      const std::lock_guard lock(mutex_);
      statistics_.bytes_in_use -= size;
      raise<DeviceError>("allocate", "out of host memory: asked for ", bytes, " bytes");
    }
    return block;
  }

  void deallocate(void* block, std::size_t bytes) noexcept override {
    const std::size_t size = size_class(bytes);
    const std::lock_guard lock(mutex_);
    statistics_.bytes_in_use -= size;
    if constexpr (config::address_sanitizer) {
      std::free(block);  // a cache would hide use after free
    } else {
      auto& bin = bins_[bin_of(size)];
      try {
        bin.push_back(block);
        statistics_.bytes_cached += size;
      } catch (...) {
        std::free(block);
      }
    }
  }

  // Returns all cached blocks to the system.
  void release_cached() noexcept {
    const std::lock_guard lock(mutex_);
    for (auto& bin : bins_) {
      for (void* block : bin) std::free(block);
      bin.clear();
    }
    statistics_.bytes_cached = 0;
  }

  AllocatorStatistics statistics() const {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  // The size that a request is rounded up to: 64 bytes at least, then four steps per power of two.
  static constexpr std::size_t size_class(std::size_t bytes) {
    if (bytes <= 256) return bytes <= 64 ? 64 : (bytes + 63) / 64 * 64;
    const std::size_t step = std::bit_floor(bytes - 1) / 4;
    return (bytes + step - 1) / step * step;
  }

 private:
  static constexpr std::size_t bin_of(std::size_t size) {
    if (size <= 256) return size / 64 - 1;
    const std::size_t base = std::bit_floor(size - 1);
    return 4 * static_cast<std::size_t>(std::bit_width(base) - 9) + 4 + (size - base) / (base / 4) - 1;
  }

  static void* system_allocate(std::size_t size) noexcept {
    constexpr std::size_t huge = std::size_t{2} << 20;
    const std::size_t alignment = size >= huge ? huge : 64;
    if (size > static_cast<std::size_t>(-1) - alignment) return nullptr;
    void* block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
#if __has_include(<sys/mman.h>) && defined(MADV_HUGEPAGE)
    if (block != nullptr && size >= huge) madvise(block, size, MADV_HUGEPAGE);
#endif
    return block;
  }

  mutable std::mutex mutex_;
  AllocatorStatistics statistics_;
  std::vector<void*> bins_[4 * 56 + 8];
};

// The process's host allocator. Never destroyed: storages with static lifetime may outlive everything.
inline CachingAllocator& cpu_allocator() {
  static CachingAllocator* instance = new CachingAllocator;
  return *instance;
}

inline Allocator& device_allocator(Cpu) { return cpu_allocator(); }

}  // namespace GLIA_NS
