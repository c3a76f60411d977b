#pragma once
// Ridge regression in closed form, for trained read-outs and probes.

#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/matmul.hpp>

#include <cmath>
#include <vector>

namespace GLIA_NS::nn {

namespace detail {
// Solves a x = b for a symmetric positive definite a [n, n] (row-major, overwritten) and b [n, m] (overwritten by x),
// by Cholesky decomposition. False if a is not positive definite.
GLIA_LAZY bool cholesky_solve(std::vector<double>& a, std::vector<double>& b, Index n, Index m) {
  double* const l = a.data();
  double* const x = b.data();
  for (Index j = 0; j < n; ++j) {
    double pivot = l[j * n + j];
    for (Index k = 0; k < j; ++k) pivot -= l[j * n + k] * l[j * n + k];
    if (!(pivot > 0.0)) return false;
    const double root = std::sqrt(pivot);
    l[j * n + j] = root;
    for (Index i = j + 1; i < n; ++i) {
      double sum = l[i * n + j];
      for (Index k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = sum / root;
    }
  }
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < i; ++k)
      for (Index c = 0; c < m; ++c) x[i * m + c] -= l[i * n + k] * x[k * m + c];
    for (Index c = 0; c < m; ++c) x[i * m + c] /= l[i * n + i];
  }
  for (Index i = n - 1; i >= 0; --i) {
    for (Index k = i + 1; k < n; ++k)
      for (Index c = 0; c < m; ++c) x[i * m + c] -= l[k * n + i] * x[k * m + c];
    for (Index c = 0; c < m; ++c) x[i * m + c] /= l[i * n + i];
  }
  return true;
}
}  // namespace detail

// A linear map with offset: prediction = x weight + bias.
template <class T = float>
struct RidgeModel {
  Tensor<T> weight;  // [D, M]
  Tensor<T> bias;    // [M]

  // [N, D] -> [N, M]
  Tensor<T> operator()(const Tensor<T>& x) const { return add(matmul(x, weight), bias); }
};

// argmin over W, b of |x W + b - y|^2 + lambda |W|^2 (the offset is not penalised): x [N, D], y [N, M]. Solved in
// double on the host through the D x D normal equations; no gradient. ShapeError if the rows differ, ValueError unless
// lambda > 0.
template <std::floating_point T>
RidgeModel<T> ridge_regression(const Tensor<T>& x, const Tensor<T>& y, double lambda) {
  glia::detail::require_rank("ridge_regression", "x", x, 2);
  glia::detail::require_rank("ridge_regression", "y", y, 2);
  if (x.size(0) != y.size(0) || x.size(0) < 1)
    raise<ShapeError>("ridge_regression", "x and y need the same positive number of rows, got ", x.shape(), " and ",
                      y.shape());
  if (!(lambda > 0.0)) raise<ValueError>("ridge_regression", "lambda must be positive, got ", lambda);
  const NoGrad plain;
  const auto a = x.detach().template cast<double>(), b = y.detach().template cast<double>();
  const auto x_mean = mean(a, Axes{0}, true), y_mean = mean(b, Axes{0}, true);
  const auto xc = sub(a, x_mean), yc = sub(b, y_mean);
  const Index n = x.size(1), m = y.size(1);
  auto gram = matmul(xc.transpose(), xc).to_vector();
  auto right = matmul(xc.transpose(), yc).to_vector();
  for (Index i = 0; i < n; ++i) gram[static_cast<std::size_t>(i * n + i)] += lambda;
  if (!detail::cholesky_solve(gram, right, n, m))
    raise<ValueError>("ridge_regression", "the normal equations are not positive definite; is there a NaN in x?");
  const auto weight = from_vector<double>(right, {n, m});
  const auto bias = sub(y_mean, matmul(x_mean, weight)).reshape({m});
  return {weight.template cast<T>(), bias.template cast<T>()};
}

}  // namespace GLIA_NS::nn
