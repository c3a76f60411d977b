#pragma once
// Everything that needs no CUDA compiler. glia/cuda.hpp adds the GPU.

#include <glia/autograd/checkpoint.hpp>
#include <glia/autograd/function.hpp>
#include <glia/nn/module.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/conv.hpp>
#include <glia/ops/join.hpp>
#include <glia/ops/matmul.hpp>
