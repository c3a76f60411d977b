#pragma once
// Feature vectors on the unit sphere and their similarities.

#include <glia/ops/elementwise.hpp>
#include <glia/ops/matmul.hpp>

namespace GLIA_NS::ssl {

namespace detail {
// max(x, floor), derivative 0 below
template <class C>
struct AtLeast {
  C low;
  static constexpr const char* name = "at_least";
  template <class R>
  GLIA_HD R operator()(R x) const {
    return math::max(x, R(low));
  }
};
}  // namespace detail

// x / max(|x|, epsilon) along the last axis. Zero rows stay zero. Twice differentiable.
template <Floating T, class D>
Tensor<T, D> normalize(const Tensor<T, D>& x, double epsilon = 1e-12) {
  glia::detail::require_min_rank("normalize", "input", x, 1);
  using C = glia::detail::compute_t<T>;
  const auto squares = sum(mul(x, x), Axes{-1}, true);
  return mul(x, rsqrt(map(detail::AtLeast<C>{static_cast<C>(epsilon * epsilon)}, squares)));
}

// Cosine of every row of a [N, D] with every row of b [M, D]: [N, M].
template <std::floating_point T, class D>
Tensor<T, D> cosine_matrix(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return matmul(normalize(a), normalize(b).transpose());
}

namespace detail {
template <class T, class D>
void require_views(const char* op, const Tensor<T, D>& a, const Tensor<T, D>& b) {
  glia::detail::require_rank(op, "first view", a, 2);
  glia::detail::require_shape(op, "second view", b, a.shape());
  if (a.size(0) < 1) raise<ShapeError>(op, "needs at least one sample, got shape ", a.shape());
}
GLIA_LAZY void require_temperature(const char* op, double temperature) {
  if (!(temperature > 0.0)) raise<ValueError>(op, "the temperature must be positive, got ", temperature);
}
}  // namespace detail

}  // namespace GLIA_NS::ssl
