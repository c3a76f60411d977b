#pragma once
// What neuron functors are written with: the spike and its surrogate derivative, stopped gradients, reset rules.

#include <glia/spiking/surrogate.hpp>

namespace GLIA_NS::spiking {

// The Heaviside function of x: 1 where x >= 0, else 0. On dual numbers its derivative is surrogate(x).
template <class S, math::Real R>
GLIA_HD inline R fire(const S&, R x) {
  return math::step(x);
}
template <class S, class R>
GLIA_HD inline Dual<R> fire(const S& surrogate, Dual<R> x) {
  return {math::step(x.value), surrogate(x.value) * x.tangent};
}

// A number of spikes: x rounded to a whole number in [0, levels]; on dual numbers the slope is 1 where 0 <= x <=
// levels, else 0 (Luo et al. 2024, integer leaky integrate-and-fire).
template <math::Real R>
GLIA_HD inline R fire_levels(double levels, R x) {
  return math::round(math::clamp(x, R(0), R(levels)));
}
template <class R>
GLIA_HD inline Dual<R> fire_levels(double levels, Dual<R> x) {
  const bool inside = static_cast<bool>(static_cast<int>(x.value >= R(0)) & static_cast<int>(x.value <= R(levels)));
  return {math::round(math::clamp(x.value, R(0), R(levels))), math::select(inside, x.tangent, R(0))};
}

// The same value with its derivative multiplied by `factor`: 0 stops the gradient.
template <math::Real R>
GLIA_HD inline R scale_gradient(R x, double) {
  return x;
}
template <class R>
GLIA_HD inline Dual<R> scale_gradient(Dual<R> x, double factor) {
  return {x.value, x.tangent * R(factor)};
}
template <class R>
GLIA_HD inline R stop_gradient(R x) {
  return scale_gradient(x, 0.0);
}

// factor * x + y with one rounding where the hardware has it: the same bits in every loop that contains it.
template <math::Real R>
GLIA_HD inline R multiply_add(double factor, R x, R y) {
  return math::fma(R(factor), x, y);
}
template <class R>
GLIA_HD inline Dual<R> multiply_add(double factor, Dual<R> x, Dual<R> y) {
  return {math::fma(R(factor), x.value, y.value), math::fma(R(factor), x.tangent, y.tangent)};
}

// What a spike does to the membrane: soft subtracts the threshold, hard returns it to a fixed potential.
enum class Reset { soft, hard, none };

// V = H - threshold * S (soft), H (1 - S) + potential * S (hard), or H (none). With `detach` the gradient does not flow
// through S here (it would make the threshold repelling).
struct ResetRule {
  double hard = 0, subtract = 1, add = 0, keep = 0;

  ResetRule() = default;
  ResetRule(Reset kind, bool detach, double potential = 0)
      : hard(kind == Reset::hard ? 1 : 0),
        subtract(kind == Reset::soft ? 1 : 0),
        add(kind == Reset::hard ? potential : 0),
        keep(detach ? 0 : 1) {}

  // H, S and the threshold; the arithmetic is exact for S in {0, 1}.
  template <class R>
  GLIA_HD R operator()(R h, R spike, R threshold) const {
    const R s = scale_gradient(spike, keep);
    const R change = multiply_add(-subtract, threshold, R(add));
    return multiply_add(-hard, s, R(1)) * h + s * change;
  }
};

}  // namespace GLIA_NS::spiking
