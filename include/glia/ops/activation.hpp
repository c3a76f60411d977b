#pragma once
// Activation functions. Differentiable twice, through dual numbers (ops/map.hpp).

#include <glia/ops/elementwise.hpp>

namespace GLIA_NS {

// max(x, 0), NaN for NaN; derivative 0 at 0.
GLIA_DETAIL_UNARY(Relu, relu, math::select(x <= R(0), R(0), x))
GLIA_DETAIL_UNARY(Relu6, relu6, math::select(x <= R(0), R(0), math::select(x >= R(6), R(6), x)))
GLIA_DETAIL_UNARY(Sigmoid, sigmoid, math::sigmoid(x))
// x * sigmoid(x) (swish)
GLIA_DETAIL_UNARY(Silu, silu, x* math::logistic(x))
// log(1 + exp(x)), overflow-safe
GLIA_DETAIL_UNARY(Softplus, softplus, math::softplus(x))
GLIA_DETAIL_UNARY(Mish, mish, x* math::tanh(math::softplus(x)))
GLIA_DETAIL_UNARY(Softsign, softsign, x / (R(1) + math::abs(x)))
// x * Phi(x) with the exact normal distribution function
GLIA_DETAIL_UNARY(Gelu, gelu, x * (R(0.5) * (R(1) + math::erf(x * R(0.70710678118654752440)))))
// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
GLIA_DETAIL_UNARY(GeluTanh, gelu_tanh,
                  x * (R(0.5) * (R(1) + math::tanh(R(0.79788456080286535588) * (x + R(0.044715) * x * x * x)))))
GLIA_DETAIL_UNARY(HardSigmoid, hard_sigmoid, math::clamp(x / R(6) + R(0.5), R(0), R(1)))
GLIA_DETAIL_UNARY(HardSwish, hard_swish, x* math::clamp(x / R(6) + R(0.5), R(0), R(1)))
GLIA_DETAIL_UNARY(LogSigmoid, log_sigmoid, -math::softplus(-x))

namespace functor {
template <class C>
struct LeakyRelu {
  C slope;
  static constexpr const char* name = "leaky_relu";
  template <class R> GLIA_HD R operator()(R x) const { return math::select(x > R(0), x, x * R(slope)); }
};
template <class C>
struct Elu {
  C alpha;
  static constexpr const char* name = "elu";
  template <class R> GLIA_HD R operator()(R x) const {
    return math::select(x > R(0), x, math::expm1(math::min(x, R(0))) * R(alpha));
  }
};
}  // namespace functor

// x for x > 0, else slope * x.
template <Floating T, class D>
Tensor<T, D> leaky_relu(const Tensor<T, D>& x, std::type_identity_t<T> slope = static_cast<T>(0.01)) {
  using C = detail::compute_t<T>;
  return map(functor::LeakyRelu<C>{static_cast<C>(slope)}, x);
}
// x for x > 0, else alpha * (exp(x) - 1).
template <Floating T, class D>
Tensor<T, D> elu(const Tensor<T, D>& x, std::type_identity_t<T> alpha = static_cast<T>(1)) {
  using C = detail::compute_t<T>;
  return map(functor::Elu<C>{static_cast<C>(alpha)}, x);
}

}  // namespace GLIA_NS

#undef GLIA_DETAIL_UNARY
