#pragma once
// Running sums.

#include <glia/kernels/cpu/scan.hpp>
#include <glia/ops/view.hpp>

namespace GLIA_NS {

namespace detail {

template <class T, class D>
Tensor<T, D> running_sum(const Tensor<T, D>& x, int axis, bool reverse);

template <class T, class D>
struct CumsumNode final : autograd::Node {
  int axis = 0;
  bool reverse = false;
  const char* name() const noexcept override { return "cumsum"; }
  void backward(autograd::Gradients& g) override { g.set(0, running_sum(g.template output<T, D>(), axis, !reverse)); }
};

template <class T, class D>
Tensor<T, D> running_sum(const Tensor<T, D>& x, int axis, bool reverse) {
  auto out = Tensor<T, D>::empty(x.shape());
  Index outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape()[i];
  for (int i = axis + 1; i < x.rank(); ++i) inner *= x.shape()[i];
  {
    const NoGrad plain;
    const auto input = x.contiguous();
    cumsum(D{}, input.data(), outer, x.shape()[axis], inner, reverse, out.mutable_data());
  }
  if constexpr (Floating<T>)
    if (auto* node = autograd::record<CumsumNode<T, D>>(out, x)) node->axis = axis, node->reverse = reverse;
  return out;
}

}  // namespace detail

// out[..., k, ...] = sum of x[..., 0 .. k, ...] along `axis`, or of x[..., k .. n-1, ...] if `reverse`. Floating sums are held
// in double. IndexError if there is no such axis. Twice differentiable.
template <class T, class D>
Tensor<T, D> cumsum(const Tensor<T, D>& x, Index axis, bool reverse = false) {
  detail::require_defined("cumsum", "input", x);
  return detail::running_sum(x, detail::require_axis("cumsum", axis, x.rank()), reverse);
}

}  // namespace GLIA_NS
