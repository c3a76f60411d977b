#pragma once
// How good frozen features are: k nearest neighbours and linear probes. They train on features [N, D] and labels [N],
// on the host, without gradients.

#include <glia/nn/ridge.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ssl/features.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace GLIA_NS::ssl {

namespace detail {
template <class T>
void require_labelled(const char* op, const Tensor<T>& features, const Tensor<std::int64_t>& labels, Index classes) {
  glia::detail::require_rank(op, "features", features, 2);
  glia::detail::require_shape(op, "labels", labels, {features.size(0)});
  if (features.size(0) < 1) raise<ShapeError>(op, "needs at least one sample, got shape ", features.shape());
  if (classes < 1) raise<ValueError>(op, "the number of classes must be positive, got ", classes);
  for (const auto y : labels.to_vector())
    if (y < 0 || y >= classes) raise<IndexError>(op, "label ", y, " is outside 0 .. ", classes - 1);
}
template <class T>
Tensor<std::int64_t> best_class(const Tensor<T>& scores) {
  const Index n = scores.size(0), classes = scores.size(1);
  const auto host = scores.to_vector();
  std::vector<std::int64_t> out(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i)
    out[static_cast<std::size_t>(i)] =
        std::max_element(host.begin() + i * classes, host.begin() + (i + 1) * classes) - (host.begin() + i * classes);
  return from_vector<std::int64_t>(out);
}
}  // namespace detail

// Share of equal entries of two label vectors.
GLIA_LAZY double agreement(const Tensor<std::int64_t>& predicted, const Tensor<std::int64_t>& labels) {
  glia::detail::require_shape("agreement", "labels", labels, predicted.shape());
  const auto a = predicted.to_vector(), b = labels.to_vector();
  Index same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) same += a[i] == b[i] ? 1 : 0;
  return a.empty() ? 0.0 : static_cast<double>(same) / static_cast<double>(a.size());
}

struct KnnOptions {
  Index k = 200, classes = 100;
  double temperature = 0.07;  // a neighbour's vote weighs exp(cosine / temperature)
};

// Class of each query by the weighted vote of its k nearest neighbours in cosine (Wu et al. 2018): [M]. Equal cosines:
// the earlier sample is nearer. ValueError unless 1 <= k.
template <std::floating_point T>
Tensor<std::int64_t> knn_predict(const Tensor<T>& features, const Tensor<std::int64_t>& labels,
                                 const Tensor<T>& queries, const KnnOptions& options = {}) {
  detail::require_labelled("knn_predict", features, labels, options.classes);
  glia::detail::require_rank("knn_predict", "queries", queries, 2);
  if (queries.size(1) != features.size(1))
    raise<ShapeError>("knn_predict", "queries of shape ", queries.shape(), " for features of shape ", features.shape());
  if (options.k < 1) raise<ValueError>("knn_predict", "k must be positive, got ", options.k);
  detail::require_temperature("knn_predict", options.temperature);
  const NoGrad plain;
  const Index n = features.size(0), m = queries.size(0), k = std::min(options.k, n);
  const auto bank = normalize(features.detach());
  const auto y = labels.to_vector();
  std::vector<std::int64_t> out(static_cast<std::size_t>(m));
  constexpr Index block = 256;
  for (Index b = 0; b < m; b += block) {
    const Index rows = std::min(block, m - b);
    const auto cosine = matmul(normalize(queries.detach().slice(0, {b, b + rows})), bank.transpose()).contiguous();
    const T* c = cosine.data();
    parallel_for(rows, 4, [&](Index first, Index last) {
      std::vector<Index> order(static_cast<std::size_t>(n));
      std::vector<double> votes(static_cast<std::size_t>(options.classes));
      for (Index r = first; r < last; ++r) {
        const T* row = c + r * n;
        std::iota(order.begin(), order.end(), Index{0});
        std::partial_sort(order.begin(), order.begin() + k, order.end(),
                          [&](Index i, Index j) { return row[i] != row[j] ? row[i] > row[j] : i < j; });
        std::fill(votes.begin(), votes.end(), 0.0);
        for (Index i = 0; i < k; ++i) {
          const Index j = order[static_cast<std::size_t>(i)];
          const double above = static_cast<double>(row[j]) - static_cast<double>(row[order[0]]);
          votes[static_cast<std::size_t>(y[static_cast<std::size_t>(j)])] += std::exp(above / options.temperature);
        }
        out[static_cast<std::size_t>(b + r)] = std::max_element(votes.begin(), votes.end()) - votes.begin();
      }
    });
  }
  return from_vector<std::int64_t>(out);
}

// A linear classifier on standardised features.
template <class T = float>
struct LinearProbe {
  Tensor<T> shift, inverse_scale;  // [1, D]
  Tensor<T> weight, bias;          // [D, C], [1, C]

  // Class scores [M, C] of features [M, D].
  Tensor<T> scores(const Tensor<T>& features) const {
    const NoGrad plain;
    return add(matmul(mul(sub(features.detach(), shift), inverse_scale), weight), bias);
  }
  Tensor<std::int64_t> predict(const Tensor<T>& features) const { return detail::best_class(scores(features)); }
};

namespace detail {
template <class T>
LinearProbe<T> standardised(const Tensor<T>& features) {
  LinearProbe<T> probe;
  probe.shift = mean(features, Axes{0}, true);
  const auto c = sub(features, probe.shift);
  probe.inverse_scale = rsqrt(mean(mul(c, c), Axes{0}, true) + static_cast<T>(1e-8));
  return probe;
}
template <class T>
Tensor<T> targets_of(const Tensor<std::int64_t>& labels, Index classes) {
  const auto y = labels.to_vector();
  std::vector<T> rows(y.size() * static_cast<std::size_t>(classes), T(0));
  for (std::size_t i = 0; i < y.size(); ++i)
    rows[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(y[i])] = T(1);
  return from_vector<T>(rows, {static_cast<Index>(y.size()), classes});
}
}  // namespace detail

// Probe by ridge regression onto one-hot labels; one linear solve. lambda is per sample.
template <std::floating_point T>
LinearProbe<T> ridge_probe(const Tensor<T>& features, const Tensor<std::int64_t>& labels, Index classes,
                           double lambda = 1e-3) {
  detail::require_labelled("ridge_probe", features, labels, classes);
  const NoGrad plain;
  auto probe = detail::standardised(features.detach());
  const auto x = mul(sub(features.detach(), probe.shift), probe.inverse_scale);
  const auto model =
      nn::ridge_regression(x, detail::targets_of<T>(labels, classes), lambda * static_cast<double>(features.size(0)));
  probe.weight = model.weight;
  probe.bias = model.bias.reshape({1, classes});
  return probe;
}

struct SoftmaxProbeOptions {
  Index classes = 100;
  int iterations = 200;
  double decay = 1e-4;  // L2 on the weights
};

// Probe by multinomial logistic regression: full-batch accelerated gradient descent (Nesterov), the step from the
// largest eigenvalue of the features. Deterministic.
template <std::floating_point T>
LinearProbe<T> softmax_probe(const Tensor<T>& features, const Tensor<std::int64_t>& labels,
                             const SoftmaxProbeOptions& options = {}) {
  detail::require_labelled("softmax_probe", features, labels, options.classes);
  if (options.iterations < 1)
    raise<ValueError>("softmax_probe", "iterations must be positive, got ", options.iterations);
  const NoGrad plain;
  auto probe = detail::standardised(features.detach());
  const Index n = features.size(0), d = features.size(1), classes = options.classes;
  const auto x = mul(sub(features.detach(), probe.shift), probe.inverse_scale);
  const auto target = detail::targets_of<T>(labels, classes);
  const T share = static_cast<T>(1.0 / static_cast<double>(n));
  // largest eigenvalue of x^T x / n (at least 1, the offset's) by power iteration
  auto v = ones<T>({d, 1});
  double curvature = 1.0;
  for (int i = 0; i < 30; ++i) {
    const auto w = scale(matmul(x.transpose(), matmul(x, v)), share);
    const double length = std::sqrt(static_cast<double>(sum(mul(w, w)).item()));
    if (!(length > 0.0)) break;
    curvature = std::max(1.0, length / std::sqrt(static_cast<double>(sum(mul(v, v)).item())));
    v = scale(w, static_cast<T>(1.0 / length));
  }
  const double step = 1.0 / (0.5 * 1.1 * (curvature + 1.0) + options.decay);
  auto weight = zeros<T>({d, classes}), bias = zeros<T>({1, classes});
  auto last_weight = weight, last_bias = bias;
  for (int i = 0; i < options.iterations; ++i) {
    const T push = static_cast<T>(static_cast<double>(i) / static_cast<double>(i + 3));
    const auto w = add(weight, scale(sub(weight, last_weight), push)), b = add(bias, scale(sub(bias, last_bias), push));
    const auto error = scale(sub(softmax(add(matmul(x, w), b)), target), share);
    last_weight = weight, last_bias = bias;
    weight =
        sub(w, scale(add(matmul(x.transpose(), error), scale(w, static_cast<T>(options.decay))), static_cast<T>(step)));
    bias = sub(b, scale(sum(error, Axes{0}, true), static_cast<T>(step)));
  }
  probe.weight = weight, probe.bias = bias;
  return probe;
}

}  // namespace GLIA_NS::ssl
