#pragma once
// Losses between a predictor and a still target: BYOL and SimSiam.

#include <glia/ssl/features.hpp>

namespace GLIA_NS::ssl {

// Mean over rows of -cosine(prediction, target) with no gradient into the target: [N, D] each.
template <std::floating_point T, class D>
Tensor<T, D> negative_cosine(const Tensor<T, D>& prediction, const Tensor<T, D>& target) {
  detail::require_views("negative_cosine", prediction, target);
  return neg(mean(sum(mul(normalize(prediction), normalize(target.detach())), Axes{1})));
}

// SimSiam (Chen and He 2021): the mean of both directions, -1 at best; p = predictor(z).
template <std::floating_point T, class D>
Tensor<T, D> simsiam_loss(const Tensor<T, D>& p1, const Tensor<T, D>& p2, const Tensor<T, D>& z1,
                          const Tensor<T, D>& z2) {
  return scale(add(negative_cosine(p1, z2), negative_cosine(p2, z1)), static_cast<T>(0.5));
}

// BYOL (Grill et al. 2020): 2 - 2 cosine, added over both directions; the targets come from the momentum encoder.
template <std::floating_point T, class D>
Tensor<T, D> byol_loss(const Tensor<T, D>& p1, const Tensor<T, D>& p2, const Tensor<T, D>& target1,
                       const Tensor<T, D>& target2) {
  return scale(add(negative_cosine(p1, target2), negative_cosine(p2, target1)), static_cast<T>(2)) + static_cast<T>(4);
}

}  // namespace GLIA_NS::ssl
