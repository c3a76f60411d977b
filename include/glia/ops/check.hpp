#pragma once
// Argument checks shared by ops; every failure names the op, the argument, what was expected and what came.

#include <glia/tensor/tensor.hpp>

namespace GLIA_NS::detail {

template <class T, class D>
void require_defined(const char* op, const char* argument, const Tensor<T, D>& tensor) {
  if (!tensor.defined()) raise<Error>(op, argument, " is undefined (a default-constructed tensor)");
}

template <class T, class D>
void require_rank(const char* op, const char* argument, const Tensor<T, D>& tensor, int rank) {
  require_defined(op, argument, tensor);
  if (tensor.rank() != rank)
    raise<ShapeError>(op, argument, " must have ", rank, " axes, got shape ", tensor.shape());
}

template <class T, class D>
void require_min_rank(const char* op, const char* argument, const Tensor<T, D>& tensor, int rank) {
  require_defined(op, argument, tensor);
  if (tensor.rank() < rank)
    raise<ShapeError>(op, argument, " must have at least ", rank, " axes, got shape ", tensor.shape());
}

template <class T, class D>
void require_shape(const char* op, const char* argument, const Tensor<T, D>& tensor, const Shape& expected) {
  require_defined(op, argument, tensor);
  if (tensor.shape() != expected)
    raise<ShapeError>(op, argument, " must have shape ", expected, ", got ", tensor.shape());
}

// The axis in [0, rank); IndexError otherwise.
inline int require_axis(const char* op, Index axis, int rank) {
  const int a = normalize_axis(axis, rank);
  if (a < 0) raise<IndexError>(op, "axis ", axis, " is outside a tensor of rank ", rank);
  return a;
}

// Axes as flags, each normalised and named at most once; an empty list means all axes.
struct AxisSet {
  bool reduced[max_rank] = {};
  bool all = false;
};
inline AxisSet require_axes(const char* op, const Axes& axes, int rank) {
  AxisSet set;
  set.all = axes.empty();
  for (int i = 0; i < rank && set.all; ++i) set.reduced[i] = true;
  for (const Index axis : axes) {
    const int a = require_axis(op, axis, rank);
    if (set.reduced[a]) raise<IndexError>(op, "axis ", axis, " is named twice in ", axes);
    set.reduced[a] = true;
  }
  return set;
}

// The common broadcast shape of all arguments.
inline Shape require_broadcast(const char* op, const Shape& a, const Shape& b) {
  Shape out;
  if (!broadcast_shapes(a, b, out))
    raise<ShapeError>(op, "shapes ", a, " and ", b, " do not broadcast: aligned from the right, extents must be equal or 1");
  return out;
}

// Both operands of a binary op must be tensors of one scalar and one device; the message is the fix.
template <class T, class D, class U, class E>
constexpr void require_same_type() {
  static_assert(std::is_same_v<D, E>, "both tensors must be on the same device: write x.to<Cuda>() or x.to<Cpu>()");
  static_assert(std::is_same_v<T, U>, "both tensors must have the same scalar: write x.cast<float>() or the like");
}

}  // namespace GLIA_NS::detail
