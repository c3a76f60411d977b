#pragma once
// Sorting and selection along one axis. NaN comes last, whatever the direction; equal values keep their order.

#include <glia/kernels/cpu/sort.hpp>
#include <glia/ops/indexing.hpp>

namespace GLIA_NS {

// Values and the positions along the axis that they came from.
template <class T, class D>
struct SortResult {
  Tensor<T, D> values;
  Tensor<std::int64_t, D> indices;
};

namespace detail {

// x as contiguous rows along `axis`, unrecorded, and the order of axes that undoes the move.
template <class T, class D>
struct RowsAlong {
  Tensor<T, D> rows;
  Axes back;
  Index count = 0, n = 0;

  RowsAlong(const Tensor<T, D>& x, int axis) : n(x.shape()[axis]) {
    const int last = x.rank() - 1;
    Axes order;
    for (int i = 0; i <= last; ++i)
      if (i != axis) order.push_back(i);
    order.push_back(axis);
    for (int i = 0; i <= last; ++i) back.push_back(i < axis ? i : i == axis ? last : i - 1);
    if (n > Index{0xffffffff}) raise<ShapeError>("sort", "at most 2^32 - 1 elements can be sorted along an axis, got shape ", x.shape());
    const NoGrad plain;
    rows = x.permute(order).contiguous();
    count = n == 0 ? 0 : rows.numel() / n;
  }
};

template <class T, class D>
Tensor<std::int64_t, D> sorted_positions(const Tensor<T, D>& x, int axis, bool descending) {
  const RowsAlong<T, D> along(x, axis);
  auto order = Tensor<std::int64_t, D>::empty(along.rows.shape());
  sort_rows(D{}, along.rows.data(), along.count, along.n, descending, static_cast<T*>(nullptr), order.mutable_data());
  return order.permute(along.back).contiguous();
}

}  // namespace detail

// Positions that sort x along `axis`; stable. IndexError if there is no such axis.
template <class T, class D>
Tensor<std::int64_t, D> argsort(const Tensor<T, D>& x, Index axis = -1, bool descending = false) {
  detail::require_defined("argsort", "input", x);
  return detail::sorted_positions(x, detail::require_axis("argsort", axis, x.rank()), descending);
}

// x sorted along `axis`, stably, and the positions. Gradients flow through the values; twice differentiable.
template <class T, class D>
SortResult<T, D> sort(const Tensor<T, D>& x, Index axis = -1, bool descending = false) {
  detail::require_defined("sort", "input", x);
  const int a = detail::require_axis("sort", axis, x.rank());
  const auto indices = detail::sorted_positions(x, a, descending);
  return {detail::gather_values(x, a, indices), indices};
}

// The k largest (or smallest) values along `axis`, best first, and their positions. ValueError unless 0 <= k <= extent.
template <class T, class D>
SortResult<T, D> topk(const Tensor<T, D>& x, Index k, Index axis = -1, bool largest = true) {
  detail::require_defined("topk", "input", x);
  const int a = detail::require_axis("topk", axis, x.rank());
  if (k < 0 || k > x.shape()[a])
    raise<ValueError>("topk", "k must be between 0 and the extent of axis ", axis, " of shape ", x.shape(), ", got ", k);
  const detail::RowsAlong<T, D> along(x, a);
  Shape shape = along.rows.shape();
  shape[shape.rank() - 1] = k;
  auto values = Tensor<T, D>::empty(shape);
  auto order = Tensor<std::int64_t, D>::empty(shape);
  topk_rows(D{}, along.rows.data(), along.count, along.n, k, largest, values.mutable_data(), order.mutable_data());
  const auto indices = order.permute(along.back).contiguous();
  return {detail::gather_values(x, a, indices), indices};
}

}  // namespace GLIA_NS
