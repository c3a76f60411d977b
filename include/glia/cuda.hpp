#pragma once
// The CUDA half of glia, for .cu files: include it next to glia/glia.hpp, in any order. Tensor<float, Cuda> then works
// with the ops whose kernels exist (docs/cuda.md).

#if !defined(__CUDACC__)
#error \
    "glia/cuda.hpp holds CUDA kernels: compile this file with a CUDA compiler (name it .cu, or set its LANGUAGE to CUDA in CMake). Files for a C++ compiler include glia/glia.hpp alone, or glia/device/cuda.hpp for the device handles."
#else

#include <glia/device/cuda.hpp>
#include <glia/device/cuda_allocator.hpp>
#include <glia/device/cuda_copy.hpp>
#include <glia/device/cuda_dnn.hpp>
#include <glia/device/cuda_pinned.hpp>
#include <glia/kernels/cuda/arg_extreme.cuh>
#include <glia/kernels/cuda/batch_norm.cuh>
#include <glia/kernels/cuda/batch_norm_silu.cuh>
#include <glia/kernels/cuda/conv.cuh>
#include <glia/kernels/cuda/cross_entropy.cuh>
#include <glia/kernels/cuda/elementwise.cuh>
#include <glia/kernels/cuda/gather.cuh>
#include <glia/kernels/cuda/gemm.cuh>
#include <glia/kernels/cuda/layer_norm.cuh>
#include <glia/kernels/cuda/optim.cuh>
#include <glia/kernels/cuda/pool.cuh>
#include <glia/kernels/cuda/qcfs.cuh>
#include <glia/kernels/cuda/random.cuh>
#include <glia/kernels/cuda/reduce.cuh>
#include <glia/kernels/cuda/scan.cuh>
#include <glia/kernels/cuda/softmax.cuh>
#include <glia/kernels/cuda/sort.cuh>
#include <glia/kernels/cuda/spiking.cuh>

#endif
