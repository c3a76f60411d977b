#pragma once
// Byte copies to, from and on a CUDA device, in the order of the current stream. Copies to the host return when they
// are done, copies to the device when the source may be reused.

#include <glia/device/copy.hpp>
#include <glia/device/cuda_pinned.hpp>

namespace GLIA_NS {

// Also reports errors of the kernels that ran before on the stream.
inline void copy_bytes(Cpu, Cuda, void* target, const void* source, std::size_t bytes) {
  if (bytes != 0)
    cuda::check("copy to the host",
                cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, cuda::current_stream()));
  cuda::check("copy to the host", cudaStreamSynchronize(cuda::current_stream()));
}

// Waits for the device only if the copy is larger than the staging buffers take, or two copies are still under way.
inline void copy_bytes(Cuda, Cpu, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0 || cuda::staging().upload(target, source, bytes)) return;
  cuda::check("copy to the device",
              cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, cuda::current_stream()));
  cuda::check("copy to the device", cudaStreamSynchronize(cuda::current_stream()));
}

// Returns at once.
inline void copy_bytes(Cuda, Cuda, void* target, const void* source, std::size_t bytes) {
  if (bytes != 0)
    cuda::check("copy on the device",
                cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, cuda::current_stream()));
}

}  // namespace GLIA_NS
