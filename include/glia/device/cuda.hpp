#pragma once
// NVIDIA GPUs as a device type: the tag, checked calls, streams, events and the cuBLAS handle. Plain C++ on the
// toolkit's host API; glia/cuda.hpp adds the kernels.

#include <glia/core/error.hpp>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <utility>

namespace GLIA_NS {

// Tag of the current CUDA device. Work goes to cuda::current_stream() of the calling thread.
struct Cuda {
  static constexpr const char* name = "cuda";
};

namespace cuda {

// DeviceError that names the op and carries CUDA's own text, unless the call succeeded.
inline void check(std::string_view op, cudaError_t status) {
  if (status != cudaSuccess)
    raise<DeviceError>(op, "CUDA reports ", cudaGetErrorName(status), ": ", cudaGetErrorString(status));
}
inline void check(std::string_view op, cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS)
    raise<DeviceError>(op, "cuBLAS reports ", cublasGetStatusName(status), ": ", cublasGetStatusString(status));
}
// The same for the kernel launch just made. Errors inside a kernel arise in a later call.
inline void check_launch(std::string_view op) { check(op, cudaGetLastError()); }

// Number of CUDA devices; 0 where there is no device or no driver.
inline int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  static_cast<void>(cudaGetLastError());
  return 0;
}

namespace detail {
inline cudaStream_t& stream_slot() {
  thread_local cudaStream_t stream = nullptr;  // the default stream
  return stream;
}
}  // namespace detail

// The stream on which this thread's device work runs in order: the default stream, or that of the innermost
// StreamScope.
inline cudaStream_t current_stream() { return detail::stream_slot(); }

// Waits until the work on the current stream is done. DeviceError if some of it failed.
inline void synchronize() { check("synchronize", cudaStreamSynchronize(current_stream())); }

// Whether ops on this thread check indices and labels on the device before they use them, which waits for the device.
// Without the check an index outside its axis reads or writes memory that is not the tensor's.
inline bool& index_checks() {
  thread_local bool enabled = true;
  return enabled;
}

// An event on a stream. Without timing it is cheaper.
class Event {
 public:
  explicit Event(bool timing = false) {
    check("event", cudaEventCreateWithFlags(&handle_, timing ? cudaEventDefault : cudaEventDisableTiming));
  }
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Event() {
    if (handle_ != nullptr) static_cast<void>(cudaEventDestroy(handle_));
  }

  // Marks this point of the stream.
  void record(cudaStream_t stream = current_stream()) { check("event", cudaEventRecord(handle_, stream)); }
  // Lets later work on the stream wait for the recorded point.
  void block(cudaStream_t stream) const { check("event", cudaStreamWaitEvent(stream, handle_, 0)); }
  // Lets the host wait for it.
  void synchronize() const { check("event", cudaEventSynchronize(handle_)); }
  // Milliseconds from `start` to here; both were made with timing and are done.
  float milliseconds_since(const Event& start) const {
    float elapsed = 0.0f;
    check("event", cudaEventElapsedTime(&elapsed, start.handle_, handle_));
    return elapsed;
  }
  cudaEvent_t get() const noexcept { return handle_; }

 private:
  cudaEvent_t handle_ = nullptr;
};

// A stream that does not wait for the default stream.
class Stream {
 public:
  Stream() { check("stream", cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking)); }
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Stream() {
    if (handle_ != nullptr) static_cast<void>(cudaStreamDestroy(handle_));
  }

  void synchronize() const { check("stream", cudaStreamSynchronize(handle_)); }
  cudaStream_t get() const noexcept { return handle_; }

 private:
  cudaStream_t handle_ = nullptr;
};

// Makes a stream the current one of this thread while the scope lives. Its work comes after what the thread submitted
// before the scope and before what it submits afterwards, so tensors may pass in and out.
class StreamScope {
 public:
  explicit StreamScope(const Stream& stream) : inner_(stream.get()), outer_(current_stream()) {
    order_.record(outer_);
    order_.block(inner_);
    detail::stream_slot() = inner_;
  }
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;
  ~StreamScope() {
    detail::stream_slot() = outer_;
    // A failure here is a failed device: the next checked call reports it.
    if (cudaEventRecord(order_.get(), inner_) == cudaSuccess)
      static_cast<void>(cudaStreamWaitEvent(outer_, order_.get(), 0));
  }

 private:
  cudaStream_t inner_, outer_;
  Event order_;
};

// An owned cuBLAS handle. Products are computed in the precision of their operands (no TF32), those of 16-bit floats
// with sums in float.
class CublasHandle {
 public:
  CublasHandle() {
    check("cublas", cublasCreate(&handle_));
    check("cublas",
          cublasSetMathMode(handle_, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                                               CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)));
    check("cublas", cublasSetPointerMode(handle_, CUBLAS_POINTER_MODE_HOST));
    check("cublas", cublasSetAtomicsMode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED));
  }
  CublasHandle(CublasHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  CublasHandle& operator=(CublasHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~CublasHandle() {
    if (handle_ != nullptr) static_cast<void>(cublasDestroy(handle_));
  }
  cublasHandle_t get() const noexcept { return handle_; }

 private:
  cublasHandle_t handle_ = nullptr;
};

// This thread's handle, set to the current stream; made at first use.
inline cublasHandle_t cublas() {
  thread_local CublasHandle handle;
  check("cublas", cublasSetStream(handle.get(), current_stream()));
  return handle.get();
}

}  // namespace cuda
}  // namespace GLIA_NS
