#pragma once
// A reference-counted block of device memory with a version counter.

#include <glia/core/ref.hpp>
#include <glia/device/allocator.hpp>

#include <functional>

namespace GLIA_NS {

// Memory shared by a tensor and its views. The version counts in-place writes, so that a saved tensor can tell
// that it was changed.
class Storage final : public RefCounted {
 public:
  Storage(Allocator& allocator, std::size_t bytes)
      : allocator_(&allocator), data_(allocator.allocate(bytes)), bytes_(bytes) {}

  // Wraps memory owned by someone else; `release` (may be empty) runs when the last user goes.
  Storage(void* data, std::size_t bytes, std::function<void()> release)
      : data_(data), bytes_(bytes), release_(std::move(release)) {}

  ~Storage() override {
    if (allocator_ != nullptr) allocator_->deallocate(data_, bytes_);
    if (release_) release_();
  }

  void* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

  std::uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  void bump_version() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }

  // Number of live views: recorded in-place writes are refused while there are any.
  int views() const noexcept { return views_.load(std::memory_order_relaxed); }
  void add_view(int change) noexcept { views_.fetch_add(change, std::memory_order_relaxed); }

 private:
  Allocator* allocator_ = nullptr;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::function<void()> release_;
  std::atomic<std::uint32_t> version_{0};
  std::atomic<int> views_{0};
};

}  // namespace GLIA_NS
