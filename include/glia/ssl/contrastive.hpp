#pragma once
// Contrastive losses: NT-Xent (SimCLR) and SupCon. Composed of ops, so twice differentiable; safe for any feature
// length.

#include <glia/ops/create.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/join.hpp>
#include <glia/ssl/features.hpp>

#include <vector>

namespace GLIA_NS::ssl {

namespace detail {
// Cosines over temperature of all pairs of rows of z [n, D], a row with itself out of the running: [n, n].
template <class T, class D>
Tensor<T, D> pair_logits(const Tensor<T, D>& z, double temperature) {
  const auto unit = normalize(z);
  const auto logits = scale(matmul(unit, unit.transpose()), static_cast<T>(1.0 / temperature));
  return add(logits, scale(eye<T, D>(z.size(0)), static_cast<T>(-1e9)));
}
}  // namespace detail

// Normalised temperature-scaled cross entropy (Chen et al. 2020): z1 and z2 [N, D] are two views of the same N samples;
// every view must find its partner among the other 2N - 1. Mean over the 2N views, a 0-d tensor. ShapeError if the
// shapes differ, ValueError unless temperature > 0.
template <std::floating_point T, class D>
Tensor<T, D> nt_xent(const Tensor<T, D>& z1, const Tensor<T, D>& z2, double temperature = 0.2) {
  detail::require_views("nt_xent", z1, z2);
  detail::require_temperature("nt_xent", temperature);
  const Index n = z1.size(0);
  std::vector<std::int64_t> partner(static_cast<std::size_t>(2 * n));
  for (Index i = 0; i < 2 * n; ++i) partner[static_cast<std::size_t>(i)] = (i + n) % (2 * n);
  const auto logits = detail::pair_logits(concat(std::vector<Tensor<T, D>>{z1, z2}, 0), temperature);
  return cross_entropy(logits, from_vector<std::int64_t, D>(partner));
}

// Supervised contrastive loss (Khosla et al. 2020, the form with the mean outside the logarithm): z [N, D], labels [N].
// For each anchor the mean over the other samples of its class of -log softmax(cosine / temperature); mean over the
// anchors that have such samples, 0 if none has. Several views: stack them and repeat the labels. ShapeError,
// ValueError as nt_xent.
template <std::floating_point T, class D>
Tensor<T, D> sup_con(const Tensor<T, D>& z, const Tensor<std::int64_t, D>& labels, double temperature = 0.1) {
  glia::detail::require_rank("sup_con", "features", z, 2);
  glia::detail::require_shape("sup_con", "labels", labels, {z.size(0)});
  detail::require_temperature("sup_con", temperature);
  const Index n = z.size(0);
  if (n < 1) raise<ShapeError>("sup_con", "needs at least one sample, got shape ", z.shape());
  const std::vector<std::int64_t> y = labels.to_vector();
  std::vector<T> target(static_cast<std::size_t>(n * n), T(0));
  Index anchors = 0;
  for (Index i = 0; i < n; ++i) {
    Index positives = -1;
    for (Index j = 0; j < n; ++j) positives += y[static_cast<std::size_t>(i)] == y[static_cast<std::size_t>(j)] ? 1 : 0;
    if (positives == 0) continue;
    ++anchors;
    for (Index j = 0; j < n; ++j)
      if (j != i && y[static_cast<std::size_t>(i)] == y[static_cast<std::size_t>(j)])
        target[static_cast<std::size_t>(i * n + j)] = static_cast<T>(1.0 / static_cast<double>(positives));
  }
  const auto logits = detail::pair_logits(z, temperature);
  const auto loss = cross_entropy(logits, from_vector<T, D>(target, {n, n}), {.reduction = Reduction::sum});
  return scale(loss, static_cast<T>(1.0 / static_cast<double>(std::max<Index>(anchors, 1))));
}

}  // namespace GLIA_NS::ssl
