#pragma once
// Is the representation collapsing? Deviation, effective rank, alignment and uniformity of features [N, D]. No
// gradients.

#include <glia/ops/convert.hpp>
#include <glia/ssl/features.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace GLIA_NS::ssl {

namespace detail {
template <class T, class D>
Tensor<double> host_features(const char* op, const Tensor<T, D>& z) {
  glia::detail::require_rank(op, "features", z, 2);
  if (z.size(0) < 2 || z.size(1) < 1) raise<ShapeError>(op, "needs at least two samples, got shape ", z.shape());
  return z.detach().template to<Cpu>().template cast<double>();
}

// Eigenvalues of a symmetric matrix [n, n] by cyclic Jacobi rotations.
GLIA_LAZY std::vector<double> symmetric_eigenvalues(std::vector<double> a, Index n) {
  double* const m = a.data();
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0, total = 0;
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) {
        total += m[i * n + j] * m[i * n + j];
        if (i != j) off += m[i * n + j] * m[i * n + j];
      }
    if (!(off > 1e-22 * total)) break;
    for (Index p = 0; p + 1 < n; ++p)
      for (Index q = p + 1; q < n; ++q) {
        const double apq = m[p * n + q];
        if (apq == 0.0) continue;
        const double theta = (m[q * n + q] - m[p * n + p]) / (2.0 * apq);
        const double t = (theta >= 0.0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1.0));
        const double c = 1.0 / std::sqrt(t * t + 1.0), s = t * c;
        for (Index k = 0; k < n; ++k) {
          const double kp = m[k * n + p], kq = m[k * n + q];
          m[k * n + p] = c * kp - s * kq, m[k * n + q] = s * kp + c * kq;
        }
        for (Index k = 0; k < n; ++k) {
          const double pk = m[p * n + k], qk = m[q * n + k];
          m[p * n + k] = c * pk - s * qk, m[q * n + k] = s * pk + c * qk;
        }
      }
  }
  std::vector<double> values(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = m[i * n + i];
  std::sort(values.begin(), values.end(), std::greater<double>());
  return values;
}
}  // namespace detail

// Mean standard deviation over the features of rows scaled to length 1: 1 / sqrt(D) when they fill the sphere, 0 when
// all rows are the same (Chen and He 2021).
template <std::floating_point T, class D>
double feature_deviation(const Tensor<T, D>& features) {
  const NoGrad plain;
  const auto z = normalize(detail::host_features("feature_deviation", features));
  const auto c = sub(z, mean(z, Axes{0}, true));
  return mean(sqrt(mean(mul(c, c), Axes{0}))).item();
}

// exp of the entropy of the singular values of the features, normalised to sum 1 (Roy and Vetterli 2007; RankMe of
// Garrido et al. 2023): from 1 (collapse to a line) to min(N, D). Cost min(N, D)^3.
template <std::floating_point T, class D>
double effective_rank(const Tensor<T, D>& features) {
  const NoGrad plain;
  const auto z = detail::host_features("effective_rank", features);
  const bool tall = z.size(0) >= z.size(1);
  const auto gram = tall ? matmul(z.transpose(), z) : matmul(z, z.transpose());
  const auto values = detail::symmetric_eigenvalues(gram.to_vector(), gram.size(0));
  double total = 0;
  for (const double v : values) total += std::sqrt(std::max(v, 0.0));
  if (!(total > 0.0)) return 0.0;
  double entropy = 0;
  for (const double v : values) {
    const double p = std::sqrt(std::max(v, 0.0)) / total;
    if (p > 0.0) entropy -= p * std::log(p);
  }
  return std::exp(entropy);
}

// Mean squared distance of the two views of a sample on the unit sphere (Wang and Isola 2020): 0 is perfect.
template <std::floating_point T, class D>
double alignment(const Tensor<T, D>& z1, const Tensor<T, D>& z2) {
  detail::require_views("alignment", z1, z2);
  const NoGrad plain;
  const auto d =
      sub(normalize(detail::host_features("alignment", z1)), normalize(detail::host_features("alignment", z2)));
  return mean(sum(mul(d, d), Axes{1})).item();
}

// log of the mean over pairs of exp(-2 |a - b|^2) on the unit sphere (Wang and Isola 2020): 0 when all rows are the
// same, towards -4 when they are spread.
template <std::floating_point T, class D>
double uniformity(const Tensor<T, D>& features) {
  const NoGrad plain;
  const auto z = normalize(detail::host_features("uniformity", features));
  const auto cosine = matmul(z, z.transpose()).to_vector();
  const Index n = z.size(0);
  double total = 0;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j) total += std::exp(-4.0 * (1.0 - cosine[static_cast<std::size_t>(i * n + j)]));
  return std::log(total / (0.5 * static_cast<double>(n) * static_cast<double>(n - 1)));
}

// All of them at once, for logs.
struct FeatureReport {
  double deviation = 0, effective_rank = 0, alignment = 0, uniformity = 0;
};
template <std::floating_point T, class D>
FeatureReport feature_report(const Tensor<T, D>& z1, const Tensor<T, D>& z2) {
  return {feature_deviation(z1), effective_rank(z1), alignment(z1, z2), uniformity(z1)};
}

}  // namespace GLIA_NS::ssl
