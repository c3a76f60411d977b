// The run on a CUDA device; part of the program where CUDA is (see train_no_cuda.cpp).

#include "predict.hpp"
#include "train_on.hpp"

#include <glia/cuda.hpp>

namespace cifar100 {

Outcome train_cuda(const Options& options) {
  if (glia::cuda::device_count() == 0)
    glia::raise<glia::DeviceError>("cifar100", "--device cuda: no CUDA device was found");
  return train_on<glia::Cuda>(options);
}

}  // namespace cifar100
