#pragma once
// Sums over axes, and the sum that undoes broadcasting.

#include <glia/kernels/cpu/reduce.hpp>
#include <glia/ops/arithmetic.hpp>
#include <glia/ops/view.hpp>

#include <concepts>

namespace GLIA_NS {

namespace detail {

// How a reduction over a set of axes is run: the input permuted so that it is a contiguous [outer, n, inner].
template <class T, class D>
struct ReductionPlan {
  Tensor<T, D> input;    // contiguous, unrecorded
  Index outer = 1, n = 1, inner = 1;
  Shape kept, kept_dims; // result shape without and with the reduced axes
};

template <class T, class D>
ReductionPlan<T, D> plan_reduction(const char* op, const Tensor<T, D>& x, const Axes& axes) {
  require_defined(op, "input", x);
  const AxisSet set = require_axes(op, axes, x.rank());
  ReductionPlan<T, D> plan;
  int first = x.rank(), last = -1;
  Axes order;
  for (int i = 0; i < x.rank(); ++i) {
    plan.kept_dims.push_back(set.reduced[i] ? 1 : x.shape()[i]);
    if (set.reduced[i]) {
      first = std::min(first, i), last = i;
      plan.n *= x.shape()[i];
    } else {
      plan.kept.push_back(x.shape()[i]);
      order.push_back(i);
    }
  }
  bool neighbours = true;
  for (int i = first; i <= last; ++i) neighbours = neighbours && set.reduced[i];
  const NoGrad plain;
  if (neighbours) {
    for (int i = 0; i < first && i < x.rank(); ++i) plan.outer *= x.shape()[i];
    for (int i = last + 1; i < x.rank() && last >= 0; ++i) plan.inner *= x.shape()[i];
    plan.input = x.contiguous();
  } else {
    for (int i = 0; i < x.rank(); ++i)
      if (set.reduced[i]) order.push_back(i);
    plan.outer = plan.kept.numel();
    plan.input = x.permute(order).contiguous();
  }
  return plan;
}

template <class T, class D>
struct SumNode final : autograd::Node {
  Shape from, kept_dims;
  compute_t<T> factor{};
  const char* name() const noexcept override { return "sum"; }
  void backward(autograd::Gradients& g) override {
    auto dy = g.template output<T, D>().reshape(kept_dims);
    if (static_cast<double>(factor) != 1.0) dy = scale(dy, factor);
    g.set(0, dy.expand(from));
  }
};

template <class T, class D>
Tensor<T, D> sum_axes(const char* op, const Tensor<T, D>& x, const Axes& axes, bool keepdim, bool average) {
  const profile::Span span(op);
  auto plan = plan_reduction(op, x, axes);
  auto out = Tensor<T, D>::empty(keepdim ? plan.kept_dims : plan.kept);
  if (average)
    reduce_mean(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  else
    reduce_sum(D{}, plan.input.data(), plan.outer, plan.n, plan.inner, out.mutable_data());
  if (auto* node = autograd::record<SumNode<T, D>>(out, x)) {
    node->from = x.shape(), node->kept_dims = plan.kept_dims;
    node->factor = static_cast<compute_t<T>>(average ? 1.0 / static_cast<double>(plan.n) : 1.0);
  }
  return out;
}

}  // namespace detail

// Sum over `axes` (all axes if the list is empty); the axes vanish, or stay with extent 1 if `keepdim`. The sum has the scalar of x:
// cast bool and uint8 first to count or to add up. Twice differentiable. Floating sums are held in double, in an order that does not depend on the thread count.
template <class T, class D>
Tensor<T, D> sum(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  return detail::sum_axes("sum", x, axes, keepdim, false);
}

// Arithmetic mean over `axes` (all if empty). An empty range gives NaN.
template <Floating T, class D>
Tensor<T, D> mean(const Tensor<T, D>& x, const Axes& axes = {}, bool keepdim = false) {
  return detail::sum_axes("mean", x, axes, keepdim, true);
}

// The mean over one axis: mean(x, 0). (The axis is a template parameter so that mean(x, {}) keeps meaning all axes.)
template <Floating T, class D, std::integral I>
Tensor<T, D> mean(const Tensor<T, D>& x, I axis, bool keepdim = false) {
  return mean(x, Axes{static_cast<Index>(axis)}, keepdim);
}
template <class T, class D, std::integral I>
Tensor<T, D> sum(const Tensor<T, D>& x, I axis, bool keepdim = false) {
  return sum(x, Axes{static_cast<Index>(axis)}, keepdim);
}

// Sums `x` down to `shape`, which must broadcast to x's shape: the gradient of an expansion.
template <class T, class D>
Tensor<T, D> sum_to(const Tensor<T, D>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int shift = x.rank() - shape.rank();
  Axes axes;
  for (int i = 0; i < x.rank(); ++i)
    if (i < shift || (shape[i - shift] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  if (axes.empty()) return x.reshape(shape);
  return sum(x, axes, true).reshape(shape);
}

}  // namespace GLIA_NS
