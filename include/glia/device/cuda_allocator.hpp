#pragma once
// Device memory from the driver's stream-ordered pool, and scratch memory for kernels.

#include <glia/device/allocator.hpp>
#include <glia/device/cuda.hpp>

#include <cstdint>

namespace GLIA_NS {

// cudaMallocAsync and cudaFreeAsync on the current stream. A freed block is reused by later work of the same stream without
// waiting; a block used on several streams needs them ordered before it is freed (StreamScope does that).
class CudaAllocator final : public Allocator {
 public:
  // Lets the device's default pool keep freed memory across synchronisations.
  CudaAllocator() {
    std::uint64_t all = UINT64_MAX;
    cuda::check("allocate", cudaMemPoolSetAttribute(pool(), cudaMemPoolAttrReleaseThreshold, &all));
  }

  void* allocate(std::size_t bytes) override {
    void* block = nullptr;
    const std::size_t size = bytes == 0 ? 1 : bytes;
    cudaError_t status = cudaMallocAsync(&block, size, cuda::current_stream());
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      release_cached();  // blocks freed on other streams, and the pool's fragments
      status = cudaMallocAsync(&block, size, cuda::current_stream());
    }
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      std::size_t free = 0, total = 0;
      static_cast<void>(cudaMemGetInfo(&free, &total));
      raise<DeviceError>("allocate", "out of device memory: asked for ", bytes, " bytes, ", free, " of ", total,
                         " are free");
    }
    cuda::check("allocate", status);
    return block;
  }

  // Errors cannot be reported from here; a failed device reports them in the next checked call.
  void deallocate(void* block, std::size_t) noexcept override {
    if (block != nullptr) static_cast<void>(cudaFreeAsync(block, cuda::current_stream()));
  }

  // Waits for the device and returns all unused memory of the pool to it.
  void release_cached() {
    cuda::check("allocate", cudaDeviceSynchronize());
    cuda::check("allocate", cudaMemPoolTrimTo(pool(), 0));
  }

  // Bytes that are in use now, were in use at most, and are held by the pool.
  AllocatorStatistics statistics() const {
    AllocatorStatistics out;
    const std::size_t reserved = read(cudaMemPoolAttrReservedMemCurrent);
    out.bytes_in_use = read(cudaMemPoolAttrUsedMemCurrent);
    out.peak_bytes_in_use = read(cudaMemPoolAttrUsedMemHigh);
    out.bytes_cached = reserved > out.bytes_in_use ? reserved - out.bytes_in_use : 0;
    return out;
  }

 private:
  static cudaMemPool_t pool() {
    int device = 0;
    cudaMemPool_t handle = nullptr;
    cuda::check("allocate", cudaGetDevice(&device));
    cuda::check("allocate", cudaDeviceGetDefaultMemPool(&handle, device));
    return handle;
  }
  static std::size_t read(cudaMemPoolAttr attribute) {
    std::uint64_t value = 0;
    cuda::check("allocate", cudaMemPoolGetAttribute(pool(), attribute, &value));
    return static_cast<std::size_t>(value);
  }
};

// The process's device allocator. Never destroyed: storages with static lifetime may outlive everything. DeviceError where
// there is no device.
inline CudaAllocator& cuda_allocator() {
  static CudaAllocator* instance = new CudaAllocator;
  return *instance;
}

inline Allocator& device_allocator(Cuda) { return cuda_allocator(); }

namespace cuda {

// Uninitialised device memory for the length of a scope, null for none; freed in stream order.
template <class T>
class Scratch {
 public:
  explicit Scratch(Index count)
      : bytes_(static_cast<std::size_t>(count) * sizeof(T)),
        data_(count == 0 ? nullptr : static_cast<T*>(cuda_allocator().allocate(bytes_))) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (data_ != nullptr) cuda_allocator().deallocate(data_, bytes_);
  }
  T* data() const noexcept { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace cuda
}  // namespace GLIA_NS
