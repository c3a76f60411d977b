#pragma once
// cuDNN: checked calls, the thread's handle, descriptors with an owner, and the settings of convolutions.

#include <glia/device/cuda.hpp>

#include <cudnn.h>

namespace GLIA_NS::cuda {

// DeviceError that names the op and carries cuDNN's own text, unless the call succeeded.
inline void check(std::string_view op, cudnnStatus_t status) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char detail[256] = {};
  cudnnGetLastErrorString(detail, sizeof(detail));
  raise<DeviceError>(op, "cuDNN reports ", cudnnGetErrorString(status), detail[0] == '\0' ? "" : ": ",
                     static_cast<const char*>(detail));
}

// How cuDNN may convolve on this thread.
struct ConvolutionSettings {
  bool search = false;  // time the algorithms once per shape, instead of taking cuDNN's first proposal
  bool deterministic =
      true;           // only algorithms whose results repeat bitwise. (A search may choose differently in every run.)
  bool tf32 = false;  // let float32 products round their operands to 10-bit mantissas (TF32)
  std::size_t workspace_limit = std::size_t{256} << 20;  // bytes of scratch memory per convolution
};
inline ConvolutionSettings& convolution_settings() {
  thread_local ConvolutionSettings settings;
  return settings;
}

// A cuDNN object made by Create and destroyed by Destroy.
template <class Handle, cudnnStatus_t (*Create)(Handle*), cudnnStatus_t (*Destroy)(Handle)>
class DnnObject {
 public:
  DnnObject() { check("cudnn", Create(&handle_)); }
  DnnObject(DnnObject&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  DnnObject& operator=(DnnObject&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~DnnObject() {
    if (handle_ != nullptr) static_cast<void>(Destroy(handle_));
  }
  Handle get() const noexcept { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using DnnHandle = DnnObject<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using DnnTensor = DnnObject<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using DnnFilter = DnnObject<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using DnnConvolution =
    DnnObject<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;

// This thread's handle, set to the current stream; made at first use.
inline cudnnHandle_t cudnn() {
  thread_local DnnHandle handle;
  check("cudnn", cudnnSetStream(handle.get(), current_stream()));
  return handle.get();
}

}  // namespace GLIA_NS::cuda
