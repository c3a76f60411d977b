#pragma once
// Losses on the output of a spiking network, [T, N, C].

#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/loss.hpp>
#include <glia/spiking/simulate.hpp>

namespace GLIA_NS::spiking {

// Cross entropy of the mean over time: outputs [T, N, C], labels [N]. Options as glia::cross_entropy.
template <std::floating_point T, class D>
Tensor<T, D> rate_cross_entropy(const Tensor<T, D>& outputs, const Tensor<std::int64_t, D>& labels,
                                CrossEntropyOptions options = {}) {
  glia::detail::require_rank("rate_cross_entropy", "outputs", outputs, 3);
  return cross_entropy(mean(outputs, 0), labels, options);
}

struct TetOptions {
  double lambda = 0.05;    // weight of the second term, in [0, 1]
  double threshold = 1.0;  // where the outputs are drawn to
  double label_smoothing = 0.0;
};

// Temporal efficient training (Deng et al. 2022): (1 - lambda) mean over t of cross_entropy(outputs[t], labels) +
// lambda mean (outputs - threshold)^2. outputs [T, N, C], labels [N].
template <std::floating_point T, class D>
Tensor<T, D> tet_loss(const Tensor<T, D>& outputs, const Tensor<std::int64_t, D>& labels,
                      const TetOptions& options = {}) {
  glia::detail::require_rank("tet_loss", "outputs", outputs, 3);
  glia::detail::require_shape("tet_loss", "labels", labels, {outputs.size(1)});
  if (!(options.lambda >= 0.0 && options.lambda <= 1.0))
    raise<ValueError>("tet_loss", "lambda must be in [0, 1], got ", options.lambda);
  const auto steps = repeat(labels, outputs.size(0));
  const auto each = cross_entropy(outputs, steps, {.label_smoothing = options.label_smoothing});
  const auto distance = outputs - static_cast<T>(options.threshold);
  return add(scale(each, static_cast<T>(1.0 - options.lambda)),
             scale(mean(mul(distance, distance)), static_cast<T>(options.lambda)));
}

}  // namespace GLIA_NS::spiking
