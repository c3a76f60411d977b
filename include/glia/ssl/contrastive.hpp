#pragma once
// Contrastive losses: NT-Xent (SimCLR) and SupCon. Composed of ops, so twice differentiable. Features of any length whose
// square is finite; the losses depend on directions alone.

#include <glia/ops/create.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/join.hpp>
#include <glia/ssl/features.hpp>

#include <algorithm>
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

// Row i: 1 / positives for the other samples of i's class, else 0; `anchors` becomes the number of rows that have some.
template <class T>
Tensor<T> positive_targets(const std::vector<std::int64_t>& labels, Index& anchors) {
  const Index n = static_cast<Index>(labels.size());
  std::vector<std::int64_t> sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  auto out = Tensor<T>::empty({n, n});
  T* const target = out.mutable_data();
  const std::int64_t* const y = labels.data();
  anchors = 0;
  for (Index i = 0; i < n; ++i) {
    const auto same = std::equal_range(sorted.begin(), sorted.end(), y[i]);
    const auto positives = same.second - same.first - 1;
    const T share = positives > 0 ? static_cast<T>(1.0 / static_cast<double>(positives)) : T(0);
    T* const row = target + i * n;
    GLIA_OMP(simd)
    for (Index j = 0; j < n; ++j) row[j] = y[j] == y[i] ? share : T(0);
    row[i] = T(0);
    anchors += positives > 0 ? 1 : 0;
  }
  return out;
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
  const profile::Span span("sup_con");
  const Index n = z.size(0);
  if (n < 1) raise<ShapeError>("sup_con", "needs at least one sample, got shape ", z.shape());
  Index anchors = 0;
  const auto target = detail::positive_targets<T>(labels.to_vector(), anchors).template to<D>();
  const auto logits = detail::pair_logits(z, temperature);
  const auto loss = cross_entropy(logits, target, {.reduction = Reduction::sum});
  return scale(loss, static_cast<T>(1.0 / static_cast<double>(std::max<Index>(anchors, 1))));
}

}  // namespace GLIA_NS::ssl
