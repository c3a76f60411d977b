#pragma once
// Layers that drop values at random while training. Their random stream is part of their state.

#include <glia/nn/init.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/arithmetic.hpp>

namespace GLIA_NS::nn {

namespace detail {
// x times a mask of shape `mask` (broadcast to x) that is 0 with probability p and else 1 / (1 - p).
template <class T, class D>
Tensor<T, D> drop(const Tensor<T, D>& x, const Shape& mask, double p, RandomState& random) {
  if (p >= 1.0) return scale(x, T(0));
  Generator stream = random.draw(mask.numel());
  auto keep = bernoulli<T, D>(mask, stream, 1.0 - p);
  if constexpr (ReducedFloating<T>) {  // a factor rounded to 16 bits would shift every mean
    return scale(mul(x, keep), static_cast<ParameterScalar<T>>(1.0 / (1.0 - p)));
  } else {
    {
      const NoGrad plain;
      keep.mul_(static_cast<T>(1.0 / (1.0 - p)));
    }
    return mul(x, keep);
  }
}

GLIA_LAZY double checked_probability(const char* layer, double p) {
  if (!(p >= 0.0 && p <= 1.0)) raise<ValueError>(layer, "the probability must be in [0, 1], got ", p);
  return p;
}
}  // namespace detail

struct DropoutOptions {
  double p = 0.5;    // probability of dropping
  Axes shared = {};  // axes along which values share their fate: {-3, -2} drops whole channels of images, {0} gives
                     // every time step of a sequence the same mask
};

// Zeroes values with probability p in training and divides the others by 1 - p (Srivastava et al. 2014); does nothing
// in evaluation. Draws repeat when a checkpointed segment is recomputed.
template <class Device = Cpu, class T = float>
struct Dropout {
  DropoutOptions options;
  RandomState random;
  bool training = true;
  GLIA_MEMBERS(random)

  Dropout(const DropoutOptions& o) : options(o), random(detail::next_random_state()) {
    detail::checked_probability("Dropout", o.p);
  }
  Dropout() : Dropout(DropoutOptions{}) {}
  explicit Dropout(double p) : Dropout(DropoutOptions{p, {}}) {}

  Tensor<T, Device> forward(const Tensor<T, Device>& x) {
    glia::detail::require_defined("dropout", "input", x);
    if (!training || options.p == 0.0) return traced(*this, "Dropout", x);
    Shape mask = x.shape();
    for (const Index axis : options.shared) mask[glia::detail::require_axis("dropout", axis, x.rank())] = 1;
    return traced(*this, "Dropout", detail::drop(x, mask, options.p, random));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) { return forward(x); }
};

struct DropPathOptions {
  double p = 0.1;  // probability of dropping
  Index axis = 0;  // the axis of samples; 1 for sequences [T, N, ...]
};

// Drops whole samples with probability p in training and divides the others by 1 - p: stochastic depth (Huang et al.
// 2016) when it ends the body of a Residual.
template <class Device = Cpu, class T = float>
struct DropPath {
  DropPathOptions options;
  RandomState random;
  bool training = true;
  GLIA_MEMBERS(random)

  DropPath(const DropPathOptions& o) : options(o), random(detail::next_random_state()) {
    detail::checked_probability("DropPath", o.p);
  }
  DropPath() : DropPath(DropPathOptions{}) {}
  explicit DropPath(double p) : DropPath(DropPathOptions{p, 0}) {}

  Tensor<T, Device> forward(const Tensor<T, Device>& x) {
    glia::detail::require_defined("drop_path", "input", x);
    if (!training || options.p == 0.0) return traced(*this, "DropPath", x);
    const int axis = glia::detail::require_axis("drop_path", options.axis, x.rank());
    Shape mask = Shape::filled(x.rank(), 1);
    mask[axis] = x.shape()[axis];
    return traced(*this, "DropPath", detail::drop(x, mask, options.p, random));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) { return forward(x); }
};

}  // namespace GLIA_NS::nn
