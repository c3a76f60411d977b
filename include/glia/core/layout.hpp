#pragma once
// Free functions on shapes and strides: row-major strides, contiguity, broadcasting, axis collapsing.

#include <glia/core/shape.hpp>

namespace GLIA_NS {

// Row-major strides of a contiguous tensor.
GLIA_HD constexpr Strides contiguous_strides(const Shape& shape) {
  Strides out = Strides::filled(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) out[i] = out[i + 1] * (shape[i + 1] > 0 ? shape[i + 1] : 1);
  return out;
}

// True if the elements lie one after another in row-major order. Axes of extent 1 may have any stride, and a
// tensor without elements is contiguous.
GLIA_HD constexpr bool is_contiguous(const Shape& shape, const Strides& strides) {
  Index expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return shape.numel() == 0;
    expected *= shape[i];
  }
  return true;
}

// True if `b` can be expanded with `a` under NumPy's rule; the common shape is written to `out`.
GLIA_HD constexpr bool broadcast_shapes(const Shape& a, const Shape& b, Shape& out) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  if (rank > max_rank) return false;
  Shape result = Shape::filled(rank, 1);
  for (int i = 0; i < rank; ++i) {
    const int ia = a.rank() - 1 - i, ib = b.rank() - 1 - i;
    const Index na = ia >= 0 ? a[ia] : 1, nb = ib >= 0 ? b[ib] : 1;
    if (na != nb && na != 1 && nb != 1) return false;
    result[rank - 1 - i] = na == 1 ? nb : na;
  }
  out = result;
  return true;
}

// Strides with which a tensor of (shape, strides) is read as `target`: 0 on every expanded axis.
GLIA_HD constexpr Strides broadcast_strides(const Shape& shape, const Strides& strides, const Shape& target) {
  Strides out = Strides::filled(target.rank(), 0);
  const int shift = target.rank() - shape.rank();
  for (int i = 0; i < shape.rank(); ++i) out[i + shift] = shape[i] == 1 && target[i + shift] != 1 ? 0 : strides[i];
  return out;
}

// Element offset of the position with row-major number `linear` inside `shape`, under `strides`.
GLIA_HD constexpr Index offset_of(Index linear, const Shape& shape, const Strides& strides) {
  Index offset = 0;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    offset += (linear % shape[i]) * strides[i];
    linear /= shape[i];
  }
  return offset;
}

// Merges neighbouring axes that every operand walks with one stride and drops axes of extent 1, so that kernels
// see as few axes as possible. `strides` holds `count` stride lists, all changed together with `shape`.
GLIA_HD constexpr void collapse(Shape& shape, Strides* strides, int count) {
  Shape s;
  Strides kept[8];
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    bool merge = s.rank() > 0;
    for (int k = 0; k < count && merge; ++k) merge = kept[k].back() == strides[k][i] * shape[i];
    if (merge) {
      s[s.rank() - 1] *= shape[i];
      for (int k = 0; k < count; ++k) kept[k][s.rank() - 1] = strides[k][i];
    } else {
      s.push_back(shape[i]);
      for (int k = 0; k < count; ++k) kept[k].push_back(strides[k][i]);
    }
  }
  shape = s;
  for (int k = 0; k < count; ++k) strides[k] = kept[k];
}

// Maps an axis in [-rank, rank) to [0, rank); returns -1 if it is outside.
GLIA_HD constexpr int normalize_axis(Index axis, int rank) {
  if (axis < -rank || axis >= rank) return -1;
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace GLIA_NS
