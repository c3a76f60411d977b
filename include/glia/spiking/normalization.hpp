#pragma once
// Normalisation for spiking networks: tdBN, and lateral divisive normalisation.

#include <glia/nn/normalization.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/spiking/step.hpp>

namespace GLIA_NS::spiking {

struct TdBatchNormOptions {
  double threshold = 1.0;  // of the neurons behind it
  double alpha = 1.0;      // 1 / sqrt(2) where two branches are added
  double momentum = 0.1, epsilon = 1e-5;
};

// Threshold-dependent batch norm (Zheng et al. 2021): a BatchNorm whose scale starts at alpha * threshold. On [T, N,
// ..., C] its statistics run over time and batch: nn::BatchNorm<Device> norm =
// spiking::td_batch_norm<Device>(channels);
template <class Device = Cpu, class T = float>
nn::BatchNorm<Device, T> td_batch_norm(Index channels, const TdBatchNormOptions& o = {}) {
  nn::BatchNorm<Device, T> norm(channels, {.momentum = o.momentum, .epsilon = o.epsilon});
  const NoGrad plain;
  norm.weight.tensor().fill_(static_cast<ParameterScalar<T>>(o.alpha * o.threshold));
  return norm;
}

struct DivisiveNormOptions {
  Index groups = 1;    // of neighbouring channels that inhibit each other
  double sigma = 1.0;  // half-saturation: small inputs pass as x / sigma
};

namespace detail {
struct DivideBy {
  double square;
  static constexpr const char* name = "divisive_norm";
  template <class R>
  GLIA_HD R operator()(R x, R energy) const {
    return x * math::rsqrt(energy + R(square));
  }
};
}  // namespace detail

// Lateral divisive normalisation (Carandini and Heeger 2012): y_c = x_c / sqrt(sigma^2 + mean of x^2 over the channels
// of c's group), at every position by itself. Channels are the last axis. Twice differentiable. ValueError if the
// groups do not divide the channels or sigma is not positive.
template <Floating T, class D>
Tensor<T, D> divisive_norm(const Tensor<T, D>& x, const DivisiveNormOptions& options = {}) {
  glia::detail::require_min_rank("divisive_norm", "input", x, 1);
  const Index channels = x.size(-1);
  if (options.groups < 1 || channels % options.groups != 0)
    raise<ValueError>("divisive_norm", options.groups, " groups do not divide the ", channels, " channels of ",
                      x.shape());
  if (!(options.sigma > 0.0)) raise<ValueError>("divisive_norm", "sigma must be positive, got ", options.sigma);
  const auto grouped =
      x.reshape({x.numel() / std::max<Index>(channels, 1) * options.groups, channels / options.groups});
  const auto energy = mean(mul(grouped, grouped), Axes{1}, true);
  return map(detail::DivideBy{options.sigma * options.sigma}, grouped, energy).reshape(x.shape());
}

}  // namespace GLIA_NS::spiking
