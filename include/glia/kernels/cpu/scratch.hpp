#pragma once
// Work memory of the CPU kernels: per-thread buffers that grow and are kept, so that repeated calls allocate nothing.

#include <glia/core/config.hpp>

#include <array>
#include <cstddef>
#include <new>

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace GLIA_NS {

// The uses of scratch memory that may be alive at the same time in one thread.
enum class Scratch {
  gemm_a, gemm_b, gemm_shared, gemm_result,
  conv_weight, conv_input, conv_output, conv_partial, conv_shared_input, conv_shared_output,
  widened_left, widened_right, widened_result,
  sort,
  count
};

namespace detail {
class ScratchBuffer {
 public:
  ScratchBuffer() = default;
  ScratchBuffer(const ScratchBuffer&) = delete;
  ScratchBuffer& operator=(const ScratchBuffer&) = delete;
  ~ScratchBuffer() { release(); }

  void* reserve(std::size_t bytes) {
    if (bytes > bytes_) {
      release();
      grow(bytes + bytes / 4);
    }
    return data_;
  }

 private:
  static constexpr std::size_t huge_page = std::size_t{1} << 21;

  void grow(std::size_t bytes) {
    alignment_ = bytes >= huge_page ? huge_page : 4096;
    bytes = (bytes + alignment_ - 1) / alignment_ * alignment_;
    data_ = ::operator new(bytes, std::align_val_t{alignment_});
    bytes_ = bytes;
#if defined(MADV_HUGEPAGE)
    if (alignment_ == huge_page) ::madvise(data_, bytes, MADV_HUGEPAGE);
#endif
  }
  void release() {
    if (data_ != nullptr) ::operator delete(data_, std::align_val_t{alignment_});
    data_ = nullptr;
    bytes_ = 0;
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t alignment_ = 0;
};

inline ScratchBuffer& scratch_buffer(Scratch use) {
  thread_local std::array<ScratchBuffer, static_cast<std::size_t>(Scratch::count)> buffers;
  return buffers[static_cast<std::size_t>(use)];
}
}  // namespace detail

// Uninitialised memory for `count` elements of T, aligned to 4096 bytes, valid until the next request of this thread
// for the same use.
template <class T>
T* scratch(Scratch use, Index count) {
  return static_cast<T*>(detail::scratch_buffer(use).reserve(static_cast<std::size_t>(count) * sizeof(T)));
}

}  // namespace GLIA_NS
