#pragma once
// Losses that need no negatives because they keep features spread: Barlow Twins and VICReg.

#include <glia/ops/activation.hpp>
#include <glia/ops/create.hpp>
#include <glia/ssl/features.hpp>

namespace GLIA_NS::ssl {

namespace detail {
// x minus its column means.
template <class T, class D>
Tensor<T, D> centred(const Tensor<T, D>& x) {
  return sub(x, mean(x, Axes{0}, true));
}
// 1 where i != j.
template <class T, class D>
Tensor<T, D> off_diagonal(Index n) {
  return sub(ones<T, D>({n, n}), eye<T, D>(n));
}
}  // namespace detail

struct BarlowTwinsOptions {
  double lambda = 5e-3;   // weight of the off-diagonal terms
  double scale = 1.0;     // of the whole loss (0.1 is usual on CIFAR)
  double epsilon = 1e-5;  // added to the variances
};

// Barlow Twins (Zbontar et al. 2021): the cross-correlation C of the batch-normalised views [N, D] is drawn to the
// identity: sum (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2. Twice differentiable. ShapeError if the shapes differ or N
// < 2.
template <std::floating_point T, class D>
Tensor<T, D> barlow_twins(const Tensor<T, D>& z1, const Tensor<T, D>& z2, const BarlowTwinsOptions& options = {}) {
  detail::require_views("barlow_twins", z1, z2);
  if (z1.size(0) < 2) raise<ShapeError>("barlow_twins", "needs at least two samples, got shape ", z1.shape());
  const auto standard = [&](const Tensor<T, D>& z) {
    const auto c = detail::centred(z);
    return mul(c, rsqrt(mean(mul(c, c), Axes{0}, true) + static_cast<T>(options.epsilon)));
  };
  const auto correlation =
      scale(matmul(standard(z1).transpose(), standard(z2)), static_cast<T>(1.0 / static_cast<double>(z1.size(0))));
  const auto distance = sub(correlation, eye<T, D>(z1.size(1)));
  const auto weight =
      add(eye<T, D>(z1.size(1)), scale(detail::off_diagonal<T, D>(z1.size(1)), static_cast<T>(options.lambda)));
  return scale(sum(mul(weight, mul(distance, distance))), static_cast<T>(options.scale));
}

struct VicRegOptions {
  double invariance = 25, variance = 25, covariance = 1;
  double target = 1.0;    // deviation below which a feature is pushed apart
  double epsilon = 1e-4;  // added to the variances
};

// VICReg (Bardes et al. 2022): invariance * mean squared distance of the views + variance * mean hinge on the deviation
// of every feature (summed over the two views, halved as in the paper's code) + covariance * sum of squared
// off-diagonal covariances / D. Twice differentiable. ShapeError if the shapes differ or N < 2.
template <std::floating_point T, class D>
Tensor<T, D> vicreg(const Tensor<T, D>& z1, const Tensor<T, D>& z2, const VicRegOptions& options = {}) {
  detail::require_views("vicreg", z1, z2);
  const Index n = z1.size(0), d = z1.size(1);
  if (n < 2) raise<ShapeError>("vicreg", "needs at least two samples, got shape ", z1.shape());
  const auto difference = sub(z1, z2);
  auto loss = scale(mean(mul(difference, difference)), static_cast<T>(options.invariance));
  const auto mask = detail::off_diagonal<T, D>(d);
  const T unbiased = static_cast<T>(1.0 / static_cast<double>(n - 1));
  for (const auto& z : {z1, z2}) {
    const auto c = detail::centred(z);
    const auto deviation = sqrt(scale(sum(mul(c, c), Axes{0}), unbiased) + static_cast<T>(options.epsilon));
    const auto hinge = mean(relu(static_cast<T>(options.target) - deviation));
    const auto covariance = mul(scale(matmul(c.transpose(), c), unbiased), mask);
    const auto spread = scale(sum(mul(covariance, covariance)), static_cast<T>(1.0 / static_cast<double>(d)));
    loss = add(loss, add(scale(hinge, static_cast<T>(0.5 * options.variance)),
                         scale(spread, static_cast<T>(options.covariance))));
  }
  return loss;
}

}  // namespace GLIA_NS::ssl
