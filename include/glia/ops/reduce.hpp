#pragma once
// Reductions besides sum and mean (ops/sum.hpp): variance, extremes, positions, truth values, norms, products.

#include <glia/kernels/cpu/softmax.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/sum.hpp>

#include <concepts>

namespace GLIA_NS {

namespace functor {
struct RootOfVariance {
  static constexpr const char* name = "stddev";
  template <class R> GLIA_HD R operator()(R x) const { return math::sqrt(x); }
};
// 1 / x, and 0 at 0: the subgradient that norms take at the origin.
struct InverseOrZero {
  static constexpr const char* name = "norm";
  template <class R> GLIA_HD R operator()(R x) const {
    return math::select(x > R(0), R(1) / math::select(x > R(0), x, R(1)), R(0));
  }
};
struct EqualMask {
  template <class R> GLIA_HD R operator()(R a, R b) const { return math::select(a == b, R(1), R(0)); }
};
// exp(x - lse), and 0 where lse is -infinity.
struct ExpDifference {
  static constexpr const char* name = "logsumexp";
  template <class R> GLIA_HD R operator()(R x, R lse) const {
    return math::exp(x - math::select(lse > R(-math::infinity<float>()), lse, R(0)));
  }
};
}  // namespace functor

namespace detail {

// Number of elements that fall together under `axes`, after checking them.
template <class T, class D>
Index reduced_count(const char* op, const Tensor<T, D>& x, const Axes& axes) {
  require_defined(op, "input", x);
  const AxisSet set = require_axes(op, axes, x.rank());
  Index n = 1;
  for (int i = 0; i < x.rank(); ++i)
    if (set.reduced[i]) n *= x.shape()[i];
  return n;
}

template <class T, class D>
struct ExtremeNode final : autograd::Node {
  autograd::Saved<T, D> x;
  Tensor<T, D> values;  // with the reduced axes, no history
  Axes axes;
  const char* op = "max";
  const char* name() const noexcept override { return op; }
  void release() noexcept override { x.reset(), values = Tensor<T, D>(); }
  void backward(autograd::Gradients& g) override {
    const auto input = x.get(this);
    Tensor<T, D> share;
    {
      const NoGrad plain;  // who is the largest does not change in a neighbourhood
      const auto mask = map_values<T>(functor::EqualMask{}, input.shape(), input, values);
      share = div(mask, sum(mask, axes, true));
    }
    g.set(0, mul(g.template output<T, D>().reshape(values.shape()), share));
  }
};

template <bool Max, class T, class D>
Tensor<T, D> extreme(const char* op, const Tensor<T, D>& x, const Axes& axes, bool keepdim) {
  const profile::Span span(op);
  auto plan = plan_reduction(op, x, axes);
  auto out = Tensor<T, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  if (plan.n == 0 && out.numel() > 0)
    raise<ShapeError>(op, "no elements to choose from in an input of shape ", x.shape());
  if constexpr (Max)
    reduce_max(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  else
    reduce_min(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  if constexpr (Floating<T>) {
    if (auto* node = autograd::record<ExtremeNode<T, D>>(out, x)) {
      node->x.save(x);
      const NoGrad plain;
      node->values = copy_values(out).reshape(plan.kept_dims);
      node->axes = axes;
      node->op = op;
    }
  }
  return out;
}

template <bool Max, class T, class D>
Tensor<std::int64_t, D> arg_extreme_op(const char* op, const Tensor<T, D>& x, const Axes& axes, bool keepdim) {
  const profile::Span span(op);
  auto plan = plan_reduction(op, x, axes);
  auto out = Tensor<std::int64_t, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  if (plan.n == 0 && out.numel() > 0)
    raise<ShapeError>(op, "no elements to choose from in an input of shape ", x.shape());
  if constexpr (Max)
    reduce_argmax(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  else
    reduce_argmin(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  return out;
}

template <class T, class D>
struct NormNode final : autograd::Node {
  autograd::Saved<T, D> x, y;
  Shape kept_dims;
  const char* name() const noexcept override { return "norm"; }
  void release() noexcept override { x.reset(), y.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto factor = mul(g.template output<T, D>(), map(functor::InverseOrZero{}, y.get(this)));
    g.set(0, mul(x.get(this), factor.reshape(kept_dims)));
  }
};

template <class T, class D>
struct LogSumExpNode final : autograd::Node {
  autograd::Saved<T, D> x, y;
  Shape kept_dims;
  const char* name() const noexcept override { return "logsumexp"; }
  void release() noexcept override { x.reset(), y.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto p = map(functor::ExpDifference{}, x.get(this), y.get(this).reshape(kept_dims));
    g.set(0, mul(p, g.template output<T, D>().reshape(kept_dims)));
  }
};

// out[..., i] = product of all x[..., j] with j != i, along the last axis. A tree of multiplications: no division, so
// zeros are ordinary values, and it is differentiable any number of times.
template <class T, class D>
Tensor<T, D> products_of_others(const Tensor<T, D>& x) {
  const int axis = x.rank() - 1;
  const Index n = x.shape()[axis], half = n / 2, pairs = n - half;
  if (n <= 1) return filled<T, D>(x.shape(), T(1));
  const auto a = x.slice(axis, {0, half}), b = x.slice(axis, {half, 2 * half});
  Shape level = x.shape();
  level[axis] = pairs;
  auto next = embed_slice(mul(a, b), level, axis, 0, 1);
  if (pairs > half) next = add(next, embed_slice(x.slice(axis, {2 * half, n}), level, axis, half, 1));
  const auto others = products_of_others(next);
  const auto of_pairs = others.slice(axis, {0, half});
  auto out = add(embed_slice(mul(of_pairs, b), x.shape(), axis, 0, 1), embed_slice(mul(of_pairs, a), x.shape(), axis, half, 1));
  if (pairs > half) out = add(out, embed_slice(others.slice(axis, {half, pairs}), x.shape(), axis, 2 * half, 1));
  return out;
}

template <class T, class D>
struct ProdNode final : autograd::Node {
  autograd::Saved<T, D> x;
  Shape kept_dims;
  AxisSet set;
  const char* name() const noexcept override { return "prod"; }
  void release() noexcept override { x.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto input = x.get(this);
    Axes order, inverse = Shape::filled(input.rank(), 0);
    for (const bool reduced : {false, true})
      for (int i = 0; i < input.rank(); ++i)
        if (set.reduced[i] == reduced) inverse[i] = order.rank(), order.push_back(i);
    const auto moved = input.permute(order);
    const Index kept = kept_dims.numel(), n = kept == 0 ? 0 : input.numel() / kept;
    const auto others = products_of_others(moved.reshape({kept, n})).reshape(moved.shape()).permute(inverse);
    g.set(0, mul(g.template output<T, D>().reshape(kept_dims), others));
  }
};

}  // namespace detail

// Variance over `axes` (all if empty): the sum of squared deviations over (n - correction); 16-bit types are computed in float, which
// the sum of squares does not leave. Twice differentiable.
template <Floating T, class D>
Tensor<T, D> var(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false, Index correction = 1) {
  if constexpr (ReducedFloating<T>)
    return var(x.template cast<float>(), axes, keepdim, correction).template cast<T>();
  const Index n = detail::reduced_count("var", x, axes);
  const auto deviation = sub(x, mean(x, axes, true));
  const double divisor = static_cast<double>(std::max<Index>(n - correction, 0));
  return scale(sum(mul(deviation, deviation), axes, keepdim), static_cast<T>(1.0 / divisor));
}

// Square root of var.
template <Floating T, class D>
Tensor<T, D> stddev(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false, Index correction = 1) {
  return map(functor::RootOfVariance{}, var(x, axes, keepdim, correction));
}

// Largest (smallest) value over `axes` (all if empty); any NaN gives NaN. The gradient is shared equally by equals.
// ShapeError if there is nothing to choose from. Twice differentiable.
template <class T, class D>
Tensor<T, D> max(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  return detail::extreme<true>("max", x, axes, keepdim);
}
template <class T, class D>
Tensor<T, D> min(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  return detail::extreme<false>("min", x, axes, keepdim);
}

// Position of the largest (smallest) value over `axes` (all if empty), in the row-major order of the elements along them: the first
// of equals, the first NaN if there is one.
template <class T, class D>
Tensor<std::int64_t, D> argmax(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  return detail::arg_extreme_op<true>("argmax", x, axes, keepdim);
}
template <class T, class D>
Tensor<std::int64_t, D> argmin(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  return detail::arg_extreme_op<false>("argmin", x, axes, keepdim);
}

// Whether any (every) element over `axes` (all if empty) is not zero; false (true) for no elements.
template <class T, class D>
Tensor<bool, D> any(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  auto plan = detail::plan_reduction("any", x, axes);
  auto out = Tensor<bool, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  reduce_any(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  return out;
}
template <class T, class D>
Tensor<bool, D> all(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  auto plan = detail::plan_reduction("all", x, axes);
  auto out = Tensor<bool, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  reduce_all(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  return out;
}

// Euclidean norm over `axes` (all if empty). Its gradient at the zero vector is 0. Twice differentiable elsewhere.
template <Floating T, class D>
Tensor<T, D> norm(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  auto plan = detail::plan_reduction("norm", x, axes);
  auto out = Tensor<T, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  reduce_norm2(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  if (auto* node = autograd::record<detail::NormNode<T, D>>(out, x)) {
    node->x.save(x), node->y.save_output(out);
    node->kept_dims = plan.kept_dims;
  }
  return out;
}

// log(sum(exp(x))) over `axes` (all if empty), without overflow; -infinity for no elements. Twice differentiable.
template <std::floating_point T, class D>
Tensor<T, D> logsumexp(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  auto plan = detail::plan_reduction("logsumexp", x, axes);
  auto out = Tensor<T, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  logsumexp_forward(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  if (auto* node = autograd::record<detail::LogSumExpNode<T, D>>(out, x)) {
    node->x.save(x), node->y.save_output(out);
    node->kept_dims = plan.kept_dims;
  }
  return out;
}

// Product over `axes` (all if empty); 1 for no elements. Differentiable any number of times, also at zeros.
template <class T, class D>
Tensor<T, D> prod(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  auto plan = detail::plan_reduction("prod", x, axes);
  auto out = Tensor<T, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  reduce_prod(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  if constexpr (Floating<T>) {
    if (auto* node = autograd::record<detail::ProdNode<T, D>>(out, x)) {
      node->x.save(x);
      node->kept_dims = plan.kept_dims;
      node->set = detail::require_axes("prod", axes, x.rank());
    }
  }
  return out;
}

// One axis instead of a list: max(x, -1). (Templates, so that an empty list {} keeps meaning all axes.)
// clang-format off
template <Floating T, class D, std::integral I> Tensor<T, D> var(const Tensor<T, D>& x, I axis, bool keepdim = false, Index correction = 1) { return var(x, Axes{static_cast<Index>(axis)}, keepdim, correction); }
template <Floating T, class D, std::integral I> Tensor<T, D> stddev(const Tensor<T, D>& x, I axis, bool keepdim = false, Index correction = 1) { return stddev(x, Axes{static_cast<Index>(axis)}, keepdim, correction); }
template <class T, class D, std::integral I> Tensor<T, D> max(const Tensor<T, D>& x, I axis, bool keepdim = false) { return max(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <class T, class D, std::integral I> Tensor<T, D> min(const Tensor<T, D>& x, I axis, bool keepdim = false) { return min(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <class T, class D, std::integral I> Tensor<std::int64_t, D> argmax(const Tensor<T, D>& x, I axis, bool keepdim = false) { return argmax(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <class T, class D, std::integral I> Tensor<std::int64_t, D> argmin(const Tensor<T, D>& x, I axis, bool keepdim = false) { return argmin(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <class T, class D, std::integral I> Tensor<bool, D> any(const Tensor<T, D>& x, I axis, bool keepdim = false) { return any(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <class T, class D, std::integral I> Tensor<bool, D> all(const Tensor<T, D>& x, I axis, bool keepdim = false) { return all(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <Floating T, class D, std::integral I> Tensor<T, D> norm(const Tensor<T, D>& x, I axis, bool keepdim = false) { return norm(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <Floating T, class D, std::integral I> Tensor<T, D> logsumexp(const Tensor<T, D>& x, I axis, bool keepdim = false) { return logsumexp(x, Axes{static_cast<Index>(axis)}, keepdim); }
template <class T, class D, std::integral I> Tensor<T, D> prod(const Tensor<T, D>& x, I axis, bool keepdim = false) { return prod(x, Axes{static_cast<Index>(axis)}, keepdim); }
// clang-format on

}  // namespace GLIA_NS
