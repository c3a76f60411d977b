#pragma once
// What glia::compiled holds of elementwise ops and losses made of them, declared so that programs do not compile it
// again (see docs/design.md, "The compiled half"). A missing entry costs compile time only. A new op: one line here.

#include <glia/compiled/tensor.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/arithmetic.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/loss.hpp>

#if defined(GLIA_COMPILED)
#if defined(GLIA_COMPILED_PART_ELEMENTWISE)
#define GLIA_COMPILED_TEMPLATE template
#else
#define GLIA_COMPILED_TEMPLATE extern template
#endif

// clang-format off
namespace GLIA_NS {
GLIA_COMPILED_TEMPLATE Tensor<> leaky_relu<float, Cpu>(const Tensor<>&, float);
GLIA_COMPILED_TEMPLATE Tensor<> elu<float, Cpu>(const Tensor<>&, float);
GLIA_COMPILED_TEMPLATE Tensor<> relu<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> relu6<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> sigmoid<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> silu<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> softplus<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> mish<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> softsign<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> gelu<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> gelu_tanh<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> hard_sigmoid<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> hard_swish<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> log_sigmoid<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> add<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> sub<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> mul<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> div<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> scale<float, Cpu>(const Tensor<>&, float);
GLIA_COMPILED_TEMPLATE Tensor<> shift<float, Cpu>(const Tensor<>&, float);
GLIA_COMPILED_TEMPLATE Tensor<> neg<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> pow<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> pow<float, Cpu>(const Tensor<>&, float);
GLIA_COMPILED_TEMPLATE Tensor<> maximum<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> minimum<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> clamp<float, Cpu>(const Tensor<>&, float, float);
GLIA_COMPILED_TEMPLATE Tensor<bool> less<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<bool> less_equal<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<bool> equal<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<bool> not_equal<float, Cpu>(const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<bool> isnan<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<bool> isfinite<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> where<float, Cpu>(const Tensor<bool>&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> abs<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> square<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> sqrt<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> rsqrt<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> reciprocal<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> exp<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> expm1<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> log<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> log2<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> log1p<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> sin<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> cos<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> tan<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> asin<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> acos<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> atan<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> sinh<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> cosh<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> tanh<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> erf<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> floor<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> ceil<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> round<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> trunc<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> sign<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> mse_loss<float, Cpu>(const Tensor<>&, const Tensor<>&, Reduction);
GLIA_COMPILED_TEMPLATE Tensor<> l1_loss<float, Cpu>(const Tensor<>&, const Tensor<>&, Reduction);
GLIA_COMPILED_TEMPLATE Tensor<> huber_loss<float, Cpu>(const Tensor<>&, const Tensor<>&, double, Reduction);
GLIA_COMPILED_TEMPLATE Tensor<> smooth_l1_loss<float, Cpu>(const Tensor<>&, const Tensor<>&, double, Reduction);
GLIA_COMPILED_TEMPLATE Tensor<> bce_with_logits<float, Cpu>(const Tensor<>&, const Tensor<>&, double, Reduction);
GLIA_COMPILED_TEMPLATE Tensor<> kl_div<float, Cpu>(const Tensor<>&, const Tensor<>&, bool, Reduction);
GLIA_COMPILED_TEMPLATE Tensor<> cosine_similarity<float, Cpu>(const Tensor<>&, const Tensor<>&, Index, double);
}  // namespace GLIA_NS
// clang-format on

#undef GLIA_COMPILED_TEMPLATE
#endif
