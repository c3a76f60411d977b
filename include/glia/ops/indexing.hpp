#pragma once
// Reading and adding by index: gather, scatter_add, index_select, index_add, embedding, one_hot. Indices are int64, counted from 0;
// negative ones are refused. Each op is the adjoint of another, so all are twice differentiable.

#include <glia/kernels/cpu/gather.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/softmax.hpp>

namespace GLIA_NS {

namespace detail {

// IndexError unless every index is in [0, limit) or, if given, equal to `except`.
template <class D>
void require_indices(const char* op, const char* argument, const Tensor<std::int64_t, D>& index, Index limit,
                     std::optional<std::int64_t> except = {}) {
  const auto flat = plain_contiguous(index);
  const Index bad = find_out_of_range(D{}, flat.data(), flat.numel(), limit, except.has_value(), except.value_or(0));
  if (bad < 0) return;
  const std::int64_t value = flat.reshape({flat.numel()}).select(0, bad).item();
  raise<IndexError>(op, argument, " holds ", value, " (element ", bad, " of shape ", index.shape(), "), expected 0 to ",
                    limit - 1);
}

// A copy of `onto`, or zeros of `shape` if it is undefined, with src added along `axis` at the positions of a same-shaped
// (scatter) or one-dimensional (add) index.
template <class T, class D>
Tensor<T, D> scatter_values(const Tensor<T, D>& src, const Shape& shape, int axis, const Tensor<std::int64_t, D>& index,
                            const Tensor<T, D>& onto = {});
template <class T, class D>
Tensor<T, D> add_values(const Tensor<T, D>& src, const Shape& shape, int axis, const Tensor<std::int64_t, D>& index,
                        const Tensor<T, D>& onto = {});
template <class T, class D>
Tensor<T, D> gather_values(const Tensor<T, D>& x, int axis, const Tensor<std::int64_t, D>& index);
template <class T, class D>
Tensor<T, D> select_values(const Tensor<T, D>& x, int axis, const Tensor<std::int64_t, D>& index);

// The four maps share a node: two read, two add, onto a second input if there is one; each is the adjoint of another.
template <class T, class D>
struct IndexNode final : autograd::Node {
  autograd::Saved<std::int64_t, D> index;
  Shape from;
  int axis = 0;
  bool reads = true, elementwise = true;
  const char* op = "gather";
  const char* name() const noexcept override { return op; }
  void release() noexcept override { index.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    if (!reads) g.set(1, dy);  // what was added onto
    if (!g.needs(0)) return;
    const auto where = index.get(this);
    if (reads)
      g.set(0, elementwise ? scatter_values(dy, from, axis, where) : add_values(dy, from, axis, where));
    else
      g.set(0, elementwise ? gather_values(dy, axis, where) : select_values(dy, axis, where));
  }
};

template <class T, class D>
void record_index(Tensor<T, D>& out, const Tensor<T, D>& input, int axis, const Tensor<std::int64_t, D>& index, bool reads,
                  bool elementwise, const Tensor<T, D>& onto = {}) {
  if constexpr (Floating<T>) {
    if (auto* node = autograd::record<IndexNode<T, D>>(out, input, onto)) {
      node->index.save(index);
      node->from = input.shape(), node->axis = axis;
      node->reads = reads, node->elementwise = elementwise;
      node->op = elementwise ? (reads ? "gather" : "scatter_add") : (reads ? "index_select" : "index_add");
    }
  }
}

template <class T, class D>
Tensor<T, D> gather_values(const Tensor<T, D>& x, int axis, const Tensor<std::int64_t, D>& index) {
  const profile::Span span("gather");
  const AxisExtents e(x.shape(), axis);
  auto out = Tensor<T, D>::empty(index.shape());
  gather(D{}, plain_contiguous(x).data(), plain_contiguous(index).data(), e.outer, e.n, e.inner, index.shape()[axis],
         out.mutable_data());
  record_index(out, x, axis, index, true, true);
  return out;
}

template <class T, class D>
Tensor<T, D> scatter_values(const Tensor<T, D>& src, const Shape& shape, int axis, const Tensor<std::int64_t, D>& index,
                            const Tensor<T, D>& onto) {
  const profile::Span span("scatter_add");
  const AxisExtents e(shape, axis);
  auto out = onto.defined() ? copy_values(onto) : filled<T, D>(shape, T(0));
  scatter_add(D{}, plain_contiguous(src).data(), plain_contiguous(index).data(), e.outer, e.n, e.inner, index.shape()[axis],
              out.mutable_data());
  record_index(out, src, axis, index, false, true, onto);
  return out;
}

template <class T, class D>
Tensor<T, D> select_values(const Tensor<T, D>& x, int axis, const Tensor<std::int64_t, D>& index) {
  const profile::Span span("index_select");
  const AxisExtents e(x.shape(), axis);
  Shape shape = x.shape();
  shape[axis] = index.numel();
  auto out = Tensor<T, D>::empty(shape);
  index_select(D{}, plain_contiguous(x).data(), plain_contiguous(index).data(), e.outer, e.n, e.inner, index.numel(),
               out.mutable_data());
  record_index(out, x, axis, index, true, false);
  return out;
}

template <class T, class D>
Tensor<T, D> add_values(const Tensor<T, D>& src, const Shape& shape, int axis, const Tensor<std::int64_t, D>& index,
                        const Tensor<T, D>& onto) {
  const profile::Span span("index_add");
  const AxisExtents e(shape, axis);
  auto out = onto.defined() ? copy_values(onto) : filled<T, D>(shape, T(0));
  index_add(D{}, plain_contiguous(src).data(), plain_contiguous(index).data(), e.outer, e.n, e.inner, index.numel(),
            out.mutable_data());
  record_index(out, src, axis, index, false, false, onto);
  return out;
}

}  // namespace detail

// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1, and so on: `index` has x's rank, and no more than x's extent on every other
// axis. IndexError if an index is outside the axis.
template <class T, class D>
Tensor<T, D> gather(const Tensor<T, D>& x, Index axis, const Tensor<std::int64_t, D>& index) {
  detail::require_min_rank("gather", "input", x, 1);
  detail::require_rank("gather", "index", index, x.rank());
  const int a = detail::require_axis("gather", axis, x.rank());
  Tensor<T, D> source = x;
  for (int i = 0; i < x.rank(); ++i) {
    if (i == a || index.shape()[i] == x.shape()[i]) continue;
    if (index.shape()[i] > x.shape()[i])
      raise<ShapeError>("gather", "index ", index.shape(), " is larger than input ", x.shape(), " on axis ", i);
    source = source.slice(i, {0, index.shape()[i]});
  }
  detail::require_indices("gather", "index", index, x.shape()[a]);
  return detail::gather_values(source, a, index);
}

// A copy of x in which src[i][j][k] is added to [i][index[i][j][k]][k] for axis 1, and so on; src has the shape of index, and both have
// x's extents except along the axis. Additions happen in index order: the result does not depend on the thread count.
template <class T, class D>
Tensor<T, D> scatter_add(const Tensor<T, D>& x, Index axis, const Tensor<std::int64_t, D>& index, const Tensor<T, D>& src) {
  detail::require_min_rank("scatter_add", "input", x, 1);
  const int a = detail::require_axis("scatter_add", axis, x.rank());
  detail::require_rank("scatter_add", "index", index, x.rank());
  Shape expected = x.shape();
  expected[a] = index.shape()[a];
  detail::require_shape("scatter_add", "index", index, expected);
  detail::require_shape("scatter_add", "source", src, expected);
  detail::require_indices("scatter_add", "index", index, x.shape()[a]);
  return detail::scatter_values(src, x.shape(), a, index, x);
}

// The slices of x at the positions of the one-dimensional `index` along `axis`, in that order.
template <class T, class D>
Tensor<T, D> index_select(const Tensor<T, D>& x, Index axis, const Tensor<std::int64_t, D>& index) {
  detail::require_min_rank("index_select", "input", x, 1);
  const int a = detail::require_axis("index_select", axis, x.rank());
  detail::require_rank("index_select", "index", index, 1);
  detail::require_indices("index_select", "index", index, x.shape()[a]);
  return detail::select_values(x, a, index);
}

// A copy of x in which slice j of src along `axis` is added to slice index[j]; deterministic.
template <class T, class D>
Tensor<T, D> index_add(const Tensor<T, D>& x, Index axis, const Tensor<std::int64_t, D>& index, const Tensor<T, D>& src) {
  detail::require_min_rank("index_add", "input", x, 1);
  const int a = detail::require_axis("index_add", axis, x.rank());
  detail::require_rank("index_add", "index", index, 1);
  Shape expected = x.shape();
  expected[a] = index.numel();
  detail::require_shape("index_add", "source", src, expected);
  detail::require_indices("index_add", "index", index, x.shape()[a]);
  return detail::add_values(src, x.shape(), a, index, x);
}

// Rows of `weight` [V, E] for indices of any shape: [...] -> [..., E].
template <class T, class D>
Tensor<T, D> embedding(const Tensor<T, D>& weight, const Tensor<std::int64_t, D>& index) {
  detail::require_rank("embedding", "weight", weight, 2);
  detail::require_defined("embedding", "index", index);
  detail::require_indices("embedding", "index", index, weight.shape()[0]);
  Shape shape = index.shape();
  shape.push_back(weight.shape()[1]);
  return detail::select_values(weight, 0, index.reshape({index.numel()})).reshape(shape);
}

// [...] -> [..., classes]: 1 at the class, else 0. IndexError for a label outside 0 .. classes - 1.
template <class T = float, class D>
Tensor<T, D> one_hot(const Tensor<std::int64_t, D>& labels, Index classes) {
  detail::require_defined("one_hot", "labels", labels);
  if (classes < 0) raise<ValueError>("one_hot", "the number of classes must not be negative, got ", classes);
  detail::require_indices("one_hot", "labels", labels, classes);
  Shape shape = labels.shape();
  shape.push_back(classes);
  auto out = Tensor<T, D>::empty(shape);
  one_hot(D{}, detail::plain_contiguous(labels).data(), labels.numel(), classes, out.mutable_data());
  return out;
}

}  // namespace GLIA_NS
