#pragma once
// Views: reshape, permute, transpose, expand, slice, select, squeeze. They share storage; gradients flow through.

#include <glia/autograd/engine.hpp>
#include <glia/ops/check.hpp>
#include <glia/kernels/cpu/elementwise.hpp>

namespace GLIA_NS {

template <class T, class D>
Tensor<T, D> sum_to(const Tensor<T, D>& x, const Shape& shape);

namespace detail {

// Elements copied to fresh contiguous memory, unrecorded.
template <class T, class D>
Tensor<T, D> copy_values(const Tensor<T, D>& x) {
  const profile::Span span("copy");
  auto out = Tensor<T, D>::empty(x.shape());
  copy_elements(D{}, x.view(), out.mutable_view());
  return out;
}

template <class T, class D>
struct CloneNode final : autograd::Node {
  const char* name() const noexcept override { return "clone"; }
  void backward(autograd::Gradients& g) override { g.set(0, g.template output<T, D>()); }
};

template <class T, class D>
struct ReshapeNode final : autograd::Node {
  Shape from;
  const char* name() const noexcept override { return "reshape"; }
  void backward(autograd::Gradients& g) override { g.set(0, g.template output<T, D>().reshape(from)); }
};

template <class T, class D>
struct PermuteNode final : autograd::Node {
  Axes inverse;
  const char* name() const noexcept override { return "permute"; }
  void backward(autograd::Gradients& g) override { g.set(0, g.template output<T, D>().permute(inverse)); }
};

template <class T, class D>
struct ExpandNode final : autograd::Node {
  Shape from;
  const char* name() const noexcept override { return "expand"; }
  void backward(autograd::Gradients& g) override { g.set(0, sum_to(g.template output<T, D>(), from)); }
};

// Writes `x` into zeros of shape `full` at the strided region (the transpose of slicing).
template <class T, class D>
Tensor<T, D> embed_slice(const Tensor<T, D>& x, const Shape& full, int axis, Index start, Index step);

template <class T, class D>
struct SliceNode final : autograd::Node {
  Shape full;
  int axis = 0;
  Index start = 0, step = 1;
  const char* name() const noexcept override { return "slice"; }
  void backward(autograd::Gradients& g) override {
    g.set(0, embed_slice(g.template output<T, D>(), full, axis, start, step));
  }
};

template <class T, class D>
struct EmbedSliceNode final : autograd::Node {
  int axis = 0;
  Index start = 0, stop = 0, step = 1;
  const char* name() const noexcept override { return "slice"; }
  void backward(autograd::Gradients& g) override {
    g.set(0, g.template output<T, D>().slice(axis, {start, stop, step}));
  }
};

template <class T, class D>
Tensor<T, D> embed_slice(const Tensor<T, D>& x, const Shape& full, int axis, Index start, Index step) {
  auto out = Tensor<T, D>::empty(full);
  fill_elements(D{}, T(0), out.numel(), out.mutable_data());
  View<T> region = out.mutable_view();
  region.data += start * region.strides[axis];
  region.shape[axis] = x.shape()[axis];
  region.strides[axis] *= step;
  copy_elements(D{}, x.view(), region);
  if (auto* node = autograd::record<EmbedSliceNode<T, D>>(out, x)) {
    node->axis = axis, node->start = start, node->step = step;
    node->stop = start + step * x.shape()[axis];
  }
  return out;
}

// Fills in an extent of -1 and checks the element count.
inline Shape resolve_reshape(const char* op, const Shape& from, Shape to) {
  if (to.rank() > max_rank) raise<ShapeError>(op, "at most ", max_rank, " axes are supported, got ", to.rank());
  int unknown = -1;
  Index known = 1;
  bool fits = true;
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == -1 && unknown < 0) {
      unknown = i;
    } else if (to[i] < 0) {
      raise<ShapeError>(op, "extents must not be negative, except for one -1; got ", to);
    } else {
      fits = !__builtin_mul_overflow(known, to[i], &known) && fits;
    }
  }
  if (!fits) raise<ShapeError>(op, "too many elements in ", to);
  if (unknown >= 0) {
    if (known == 0 || from.numel() % known != 0)
      raise<ShapeError>(op, "cannot infer the -1 in ", to, " for ", from.numel(), " elements of shape ", from);
    to[unknown] = from.numel() / known;
  }
  if (to.numel() != from.numel())
    raise<ShapeError>(op, "shape ", to, " does not hold the ", from.numel(), " elements of shape ", from);
  return to;
}

// Strides under which the elements of (shape, strides) read as `target` without a copy; false if there are none.
inline bool view_strides(const Shape& shape, const Strides& strides, const Shape& target, Strides& out) {
  out = contiguous_strides(target);
  if (shape.numel() == 0 || is_contiguous(shape, strides)) return true;
  Shape merged = shape;
  Strides steps = strides;
  collapse(merged, &steps, 1);
  int source = merged.rank() - 1;
  Index left = source >= 0 ? merged[source] : 1, step = source >= 0 ? steps[source] : 1;
  for (int i = target.rank() - 1; i >= 0; --i) {
    if (target[i] == 1) {
      out[i] = step;
      continue;
    }
    if (left == 1) {
      if (--source < 0) return false;
      left = merged[source], step = steps[source];
    }
    if (left % target[i] != 0) return false;
    out[i] = step;
    step *= target[i];
    left /= target[i];
  }
  return true;
}

template <class T, class D>
Tensor<T, D> make_reshaped(const char* op, const Tensor<T, D>& x, const Shape& shape, bool may_copy) {
  require_defined(op, "input", x);
  const Shape target = resolve_reshape(op, x.shape(), shape);
  Strides strides;
  if (!view_strides(x.shape(), x.strides(), target, strides)) {
    if (!may_copy)
      raise<ShapeError>(op, "shape ", target, " is no view of shape ", x.shape(), " with strides ", x.strides(),
                        "; write x.reshape(...)");
    return make_reshaped(op, x.contiguous(), target, false);
  }
  auto out = Tensor<T, D>::alias(x, x.offset(), target, strides);
  if (auto* node = autograd::record<ReshapeNode<T, D>>(out, x)) node->from = x.shape();
  return out;
}

}  // namespace detail

template <class T, class D>
Tensor<T, D> Tensor<T, D>::clone() const {
  auto out = detail::copy_values(*this);
  autograd::record<detail::CloneNode<T, D>>(out, *this);
  return out;
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::contiguous() const {
  return is_contiguous() ? *this : clone();
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::reshape(const Shape& target) const {
  return detail::make_reshaped("reshape", *this, target, true);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::view_as(const Shape& target) const {
  return detail::make_reshaped("view_as", *this, target, false);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::permute(const Axes& order) const {
  const int n = rank();
  if (order.rank() != n)
    raise<ShapeError>("permute", "needs one entry per axis of shape ", shape(), ", got order ", order);
  const auto seen = detail::require_axes("permute", order, n);
  (void)seen;
  Shape extents = shape();
  Strides steps = strides();
  Axes inverse = Shape::filled(n, 0);
  for (int i = 0; i < n; ++i) {
    const int a = normalize_axis(order[i], n);
    extents[i] = shape()[a];
    steps[i] = strides()[a];
    inverse[a] = i;
  }
  auto out = alias(*this, offset(), extents, steps);
  if (auto* node = autograd::record<detail::PermuteNode<T, D>>(out, *this)) node->inverse = inverse;
  return out;
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::transpose(Index axis_a, Index axis_b) const {
  const int a = detail::require_axis("transpose", axis_a, rank()), b = detail::require_axis("transpose", axis_b, rank());
  Axes order = Shape::filled(rank(), 0);
  for (int i = 0; i < rank(); ++i) order[i] = i;
  std::swap(order[a], order[b]);
  return permute(order);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::expand(const Shape& target) const {
  if (target.rank() > max_rank)
    raise<ShapeError>("expand", "at most ", max_rank, " axes are supported, got ", target.rank());
  Shape full = target;
  const int shift = target.rank() - rank();
  for (int i = 0; i < rank() && shift >= 0; ++i)
    if (full[i + shift] == -1) full[i + shift] = shape()[i];
  Shape common;
  if (shift < 0 || !broadcast_shapes(shape(), full, common) || common != full)
    raise<ShapeError>("expand", "shape ", shape(), " does not expand to ", target);
  detail::checked_numel("expand", full, sizeof(T));
  auto out = alias(*this, offset(), full, broadcast_strides(shape(), strides(), full));
  if (auto* node = autograd::record<detail::ExpandNode<T, D>>(out, *this)) node->from = shape();
  return out;
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::slice(Index axis, Slice range) const {
  const int a = detail::require_axis("slice", axis, rank());
  const Index n = shape()[a];
  if (range.step <= 0) raise<ValueError>("slice", "the step must be positive, got ", range.step);
  const auto place = [n](Index position) {
    return std::min(std::max(position < 0 ? position + n : position, Index{0}), n);
  };
  const Index start = place(range.start.value_or(0)), stop = std::max(place(range.stop.value_or(n)), start);
  Shape extents = shape();
  Strides steps = strides();
  extents[a] = stop > start ? (stop - start - 1) / range.step + 1 : 0;
  const Index first = extents[a] == 0 ? 0 : start;
  auto out = alias(*this, offset() + first * strides()[a], extents, steps);
  if (extents[a] > 1) out.impl_->strides[a] *= range.step;
  if (auto* node = autograd::record<detail::SliceNode<T, D>>(out, *this))
    node->full = shape(), node->axis = a, node->start = first, node->step = range.step;
  return out;
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::select(Index axis, Index position) const {
  const int a = detail::require_axis("select", axis, rank());
  const Index n = shape()[a], i = position < 0 ? position + n : position;
  if (i < 0 || i >= n)
    raise<IndexError>("select", "position ", position, " is outside axis ", axis, " of shape ", shape());
  return slice(a, {i, i + 1}).squeeze(a);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::squeeze(Index axis) const {
  const int a = detail::require_axis("squeeze", axis, rank());
  if (shape()[a] != 1) raise<ShapeError>("squeeze", "axis ", axis, " of shape ", shape(), " has not extent 1");
  Shape extents = shape();
  extents.erase(a);
  return view_as(extents);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::squeeze() const {
  Shape extents;
  for (const Index n : shape())
    if (n != 1) extents.push_back(n);
  return view_as(extents);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::unsqueeze(Index axis) const {
  const int a = detail::require_axis("unsqueeze", axis, rank() + 1);
  Shape extents = shape();
  extents.insert(a, 1);
  return view_as(extents);
}

template <class T, class D>
Tensor<T, D> Tensor<T, D>::flatten(Index first, Index last) const {
  if (rank() == 0) return reshape({1});
  const int a = detail::require_axis("flatten", first, rank()), b = detail::require_axis("flatten", last, rank());
  if (a > b) raise<IndexError>("flatten", "first axis ", first, " comes after last axis ", last);
  Shape extents;
  Index merged = 1;
  for (int i = 0; i < rank(); ++i) {
    if (i >= a && i <= b) merged *= shape()[i];
    if (i == b) extents.push_back(merged);
    if (i < a || i > b) extents.push_back(shape()[i]);
  }
  return reshape(extents);
}

// Marks a whole axis in x(all, 3).
struct All {};
inline constexpr All all_of_axis{};

namespace detail {
template <class T, class D>
void index_step(Tensor<T, D>& x, int& axis, const Slice& range) {
  x = x.slice(axis++, range);
}
template <class T, class D>
void index_step(Tensor<T, D>&, int& axis, All) {
  ++axis;
}
template <class T, class D, std::integral I>
void index_step(Tensor<T, D>& x, int& axis, I position) {
  x = x.select(axis, static_cast<Index>(position));
}
}  // namespace detail

template <class T, class D>
template <class... Where>
  requires(sizeof...(Where) > 0)
Tensor<T, D> Tensor<T, D>::operator()(const Where&... where) const {
  if (static_cast<int>(sizeof...(Where)) > rank())
    raise<IndexError>("index", sizeof...(Where), " indices for a tensor of shape ", shape());
  Tensor out = *this;
  int axis = 0;
  (detail::index_step(out, axis, where), ...);
  return out;
}

}  // namespace GLIA_NS
