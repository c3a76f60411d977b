#pragma once
// The spike as an elementwise op: a gate with a surrogate gradient, for networks without time.

#include <glia/ops/map.hpp>
#include <glia/spiking/step.hpp>

namespace GLIA_NS::spiking {

namespace functor {
template <class S>
struct Spike {
  S surrogate;
  double threshold;
  static constexpr const char* name = "spike";
  template <class R>
  GLIA_HD R operator()(R x) const {
    return fire(surrogate, x - R(threshold));
  }
};
}  // namespace functor

// 1 where x >= threshold, else 0; the gradient is surrogate(x - threshold). Twice differentiable in that sense.
template <Floating T, class D, class S = surrogate::Atan>
Tensor<T, D> spike(const Tensor<T, D>& x, double threshold = 0.0, const S& surrogate = {}) {
  return map(functor::Spike<S>{surrogate, threshold}, x);
}

}  // namespace GLIA_NS::spiking
