#pragma once
// Page-locked host memory, which the device copies from and to while the host goes on.

#include <glia/device/cuda.hpp>

#include <cstddef>
#include <cstring>

namespace GLIA_NS::cuda {

// A page-locked block. Making and freeing one is slow and may wait for the device: keep it.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::size_t bytes) : bytes_(bytes) {
    if (bytes != 0) check("pinned memory", cudaMallocHost(&data_, bytes));
  }
  PinnedMemory(PinnedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PinnedMemory& operator=(PinnedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PinnedMemory() {
    if (data_ != nullptr) static_cast<void>(cudaFreeHost(data_));
  }
  void* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Copies to the device by way of two page-locked buffers in turn: the source may be reused on return, and the host
// waits only if both buffers are still on their way. Belongs to one thread and the device that was current at first
// use.
class Staging {
 public:
  static constexpr std::size_t largest = std::size_t{64} << 20;  // bytes of one copy

  // False if it cannot take the copy: too large, or another device.
  bool upload(void* target, const void* source, std::size_t bytes) {
    int device = 0;
    check("copy to the device", cudaGetDevice(&device));
    if (bytes > largest || device != device_) return false;
    Buffer& buffer = buffers_[next_];
    next_ = 1 - next_;
    buffer.sent.synchronize();
    if (buffer.memory.bytes() < bytes) buffer.memory = PinnedMemory(bytes);
    std::memcpy(buffer.memory.data(), source, bytes);
    check("copy to the device",
          cudaMemcpyAsync(target, buffer.memory.data(), bytes, cudaMemcpyHostToDevice, current_stream()));
    buffer.sent.record();
    return true;
  }
  Staging() { check("copy to the device", cudaGetDevice(&device_)); }

 private:
  struct Buffer {
    PinnedMemory memory;
    Event sent;
    // The block must outlive the copy.
    ~Buffer() { static_cast<void>(cudaEventSynchronize(sent.get())); }
  };
  Buffer buffers_[2];
  int next_ = 0, device_ = 0;
};
inline Staging& staging() {
  thread_local Staging instance;
  return instance;
}

// A copy of device memory on its way to the host: started by the constructor in the order of the current stream.
class Readback {
 public:
  Readback(const void* source, std::size_t bytes) : memory_(bytes) {
    if (bytes != 0)
      check("copy to the host",
            cudaMemcpyAsync(memory_.data(), source, bytes, cudaMemcpyDeviceToHost, current_stream()));
    done_.record();
  }
  Readback(Readback&&) = default;
  Readback& operator=(Readback&&) = default;
  // The page-locked block must outlive the copy.
  ~Readback() {
    if (done_.get() != nullptr) static_cast<void>(cudaEventSynchronize(done_.get()));
  }
  bool ready() const {
    const cudaError_t status = cudaEventQuery(done_.get());
    if (status != cudaErrorNotReady) check("copy to the host", status);
    return status == cudaSuccess;
  }
  // Waits, then gives the bytes.
  const void* get() const {
    done_.synchronize();
    return memory_.data();
  }

 private:
  PinnedMemory memory_;
  Event done_;
};

}  // namespace GLIA_NS::cuda
