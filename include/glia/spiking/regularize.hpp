#pragma once
// Regularisers on activity: rate, energy, homeostasis. Each returns a 0-d tensor to add, weighted, to the loss.

#include <glia/ops/activation.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::spiking {

// Mean |activity| over everything: L1, pushes towards silence.
template <Floating T, class D>
Tensor<T, D> rate_l1(const Tensor<T, D>& activity) {
  return mean(abs(activity));
}

// (mean activity - target)^2: holds the rate of the layer at a target.
template <Floating T, class D>
Tensor<T, D> rate_l2(const Tensor<T, D>& activity, double target = 0.0) {
  const auto excess = mean(activity) - static_cast<T>(target);
  return mul(excess, excess);
}

struct HomeostasisOptions {
  double lower = 0.01, upper = 0.5;  // rates that cost nothing
};

// Mean over the channels (last axis) of the squared distance of each channel's rate to [lower, upper]: wakes silent
// channels and calms saturated ones, leaves the others alone. ValueError if lower > upper; ShapeError for a 0-d input.
template <Floating T, class D>
Tensor<T, D> homeostatic(const Tensor<T, D>& activity, const HomeostasisOptions& options = {}) {
  glia::detail::require_min_rank("homeostatic", "activity", activity, 1);
  if (!(options.lower <= options.upper))
    raise<ValueError>("homeostatic", "lower (", options.lower, ") must not exceed upper (", options.upper, ")");
  const auto rate = mean(activity.reshape({-1, activity.size(-1)}), 0);
  const auto below = relu(static_cast<T>(options.lower) - rate), above = relu(rate - static_cast<T>(options.upper));
  return mean(add(mul(below, below), mul(above, above)));
}

// Energy in nanojoule per sample of the additions that these spikes cause, 0.9 pJ each (45 nm): spikes [T, N, ...],
// `operations` per spike (the fan-out of a neuron; see synaptic_operations).
template <Floating T, class D>
Tensor<T, D> energy_penalty(const Tensor<T, D>& spikes, double operations) {
  glia::detail::require_min_rank("energy_penalty", "spikes", spikes, 2);
  return scale(sum(spikes),
               static_cast<T>(0.9e-3 * operations / static_cast<double>(std::max<Index>(spikes.size(1), 1))));
}

namespace detail {
// (norm / sqrt(square))^rate; 1 for a zero filter.
struct FilterFactor {
  double norm, rate;
  static constexpr const char* name = "normalize_filters_";
  template <class R>
  GLIA_HD R operator()(R square) const {
    const bool some = square > R(0);
    const R factor = math::pow(R(norm) * math::rsqrt(math::select(some, square, R(1))), R(rate));
    return math::select(some, factor, R(1));
  }
};
}  // namespace detail

// Synaptic scaling: rescales every filter (row of axis 0) of a weight [O, ...] in place towards length `norm`, by the
// factor (norm / |w|)^rate; rate 1 sets the length, smaller rates approach it. Zero filters stay. Call after the
// optimizer step.
template <Floating T, class D>
void normalize_filters_(Tensor<T, D> weight, double norm, double rate = 1.0) {
  glia::detail::require_min_rank("normalize_filters_", "weight", weight, 2);
  if (!(norm > 0.0)) raise<ValueError>("normalize_filters_", "norm must be positive, got ", norm);
  if (!(rate > 0.0 && rate <= 1.0)) raise<ValueError>("normalize_filters_", "rate must be in (0, 1], got ", rate);
  const NoGrad plain;
  const auto rows = weight.reshape({weight.size(0), -1});
  const auto squares = sum(mul(rows, rows), Axes{1}, true);
  const auto factors = map(detail::FilterFactor{norm, rate}, squares);
  Shape shape = Shape::filled(weight.rank(), 1);
  shape[0] = weight.size(0);
  weight.mul_(factors.reshape(shape));
}

}  // namespace GLIA_NS::spiking
