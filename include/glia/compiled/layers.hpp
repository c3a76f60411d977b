#pragma once
// What glia::compiled holds of convolutions, products, normalisations, pooling, softmax and the layers around them,
// declared so that programs do not compile it again (see docs/design.md, "The compiled half"). A missing entry costs
// compile time only. A new op: one line here.

#include <glia/compiled/elementwise.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/nn/pooling.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/softmax.hpp>

#if defined(GLIA_COMPILED)
#if defined(GLIA_COMPILED_PART_LAYERS)
#define GLIA_COMPILED_TEMPLATE template
#else
#define GLIA_COMPILED_TEMPLATE extern template
#endif

// clang-format off
namespace GLIA_NS {
GLIA_COMPILED_TEMPLATE BatchNormResult<float, Cpu> batch_norm_silu<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, NormOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> batch_norm_silu_inference<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, const Tensor<>&, const Tensor<>&, NormOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> conv2d<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, const Conv2dOptions&);
GLIA_COMPILED_TEMPLATE Tensor<> conv2d_relu<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, const Conv2dOptions&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> conv_transpose2d<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, const ConvTranspose2dOptions&);
GLIA_COMPILED_TEMPLATE Tensor<> cross_entropy<float, Cpu>(const Tensor<>&, const Tensor<std::int64_t>&, CrossEntropyOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> cross_entropy<float, Cpu>(const Tensor<>&, const Tensor<>&, CrossEntropyOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> nll_loss<float, Cpu>(const Tensor<>&, const Tensor<std::int64_t>&, CrossEntropyOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> linear<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> matmul<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> outer<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE BatchNormResult<float, Cpu> batch_norm<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, NormOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> batch_norm_inference<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, const Tensor<>&, const Tensor<>&, NormOptions, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> layer_norm<float, Cpu>(const Tensor<>&, const Tensor<>&, const Tensor<>&, NormOptions);
GLIA_COMPILED_TEMPLATE Tensor<> group_norm<float, Cpu>(const Tensor<>&, Index, const Tensor<>&, const Tensor<>&, NormOptions);
GLIA_COMPILED_TEMPLATE Tensor<> max_pool2d<float, Cpu>(const Tensor<>&, PoolOptions);
GLIA_COMPILED_TEMPLATE Tensor<> avg_pool2d<float, Cpu>(const Tensor<>&, PoolOptions);
GLIA_COMPILED_TEMPLATE Tensor<> adaptive_avg_pool2d<float, Cpu>(const Tensor<>&, Index, Index);
GLIA_COMPILED_TEMPLATE Tensor<> global_mean_pool<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> softmax<float, Cpu>(const Tensor<>&, Index);
GLIA_COMPILED_TEMPLATE Tensor<> log_softmax<float, Cpu>(const Tensor<>&, Index);
}  // namespace GLIA_NS

namespace GLIA_NS::nn {
GLIA_COMPILED_TEMPLATE class Parameter<float, Cpu>;
GLIA_COMPILED_TEMPLATE class Buffer<float, Cpu>;
GLIA_COMPILED_TEMPLATE struct Linear<Cpu, float>;
GLIA_COMPILED_TEMPLATE struct Conv2d<Cpu, float>;
GLIA_COMPILED_TEMPLATE struct BatchNorm<Cpu, float>;
GLIA_COMPILED_TEMPLATE struct LayerNorm<Cpu, float>;
}  // namespace GLIA_NS::nn
// clang-format on

#undef GLIA_COMPILED_TEMPLATE
#endif
