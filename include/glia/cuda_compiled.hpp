#pragma once
// Tensor<T, Cuda> for plain C++ files: include it next to glia/glia.hpp, in any order, and link glia::cuda_compiled, which
// holds the kernels (docs/cuda.md says which). It declares the launchers that ops find by the tag Cuda, and defines none.

#include <glia/device/cuda.hpp>
#include <glia/device/cuda_allocator.hpp>
#include <glia/device/cuda_copy.hpp>
#include <glia/device/cuda_dnn.hpp>
#include <glia/device/cuda_pinned.hpp>
#include <glia/kernels/cuda/arg_extreme.hpp>
#include <glia/kernels/cuda/batch_norm.hpp>
#include <glia/kernels/cuda/batch_norm_silu.hpp>
#include <glia/kernels/cuda/conv.hpp>
#include <glia/kernels/cuda/cross_entropy.hpp>
#include <glia/kernels/cuda/elementwise.hpp>
#include <glia/kernels/cuda/gather.hpp>
#include <glia/kernels/cuda/gemm.hpp>
#include <glia/kernels/cuda/layer_norm.hpp>
#include <glia/kernels/cuda/optim.hpp>
#include <glia/kernels/cuda/pool.hpp>
#include <glia/kernels/cuda/qcfs.hpp>
#include <glia/kernels/cuda/random.hpp>
#include <glia/kernels/cuda/reduce.hpp>
#include <glia/kernels/cuda/scan.hpp>
#include <glia/kernels/cuda/softmax.hpp>
#include <glia/kernels/cuda/sort.hpp>
#include <glia/kernels/cuda/spiking.hpp>
