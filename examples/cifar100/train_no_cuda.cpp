// Stands for train_cuda.cu in a build without CUDA.

#include "train.hpp"

#include <glia/core/error.hpp>

namespace cifar100 {

Outcome train_cuda(const Options&) {
  glia::raise<glia::DeviceError>(
      "cifar100",
      "--device cuda: this program was built without CUDA (it needs nvcc, cuBLAS and cuDNN when CMake runs; "
      "-DGLIA_CUDA=ON says what is missing)");
}

}  // namespace cifar100
