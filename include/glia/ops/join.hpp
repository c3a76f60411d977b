#pragma once
// Joining and rearranging: concat, stack, split, pad, flip, roll.

#include <glia/ops/convert.hpp>

namespace GLIA_NS {

template <class T, class D>
Tensor<T, D> concat(const std::vector<Tensor<T, D>>& parts, Index axis = 0);
template <class T, class D>
Tensor<T, D> flip(const Tensor<T, D>& x, const Axes& axes);

namespace detail {

template <class T, class D>
struct ConcatNode final : autograd::Node {
  int axis = 0;
  std::vector<Index> starts;  // one per part, and the end
  const char* name() const noexcept override { return "concat"; }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    for (std::size_t i = 0; i + 1 < starts.size(); ++i)
      if (g.needs(static_cast<int>(i))) g.set(static_cast<int>(i), dy.slice(axis, {starts[i], starts[i + 1]}));
  }
};

template <class T, class D>
struct FlipNode final : autograd::Node {
  Axes axes;
  const char* name() const noexcept override { return "flip"; }
  void backward(autograd::Gradients& g) override { g.set(0, flip(g.template output<T, D>(), axes)); }
};

template <class T, class D>
struct PadNode final : autograd::Node {
  Shape from;
  Axes before;
  const char* name() const noexcept override { return "pad"; }
  void backward(autograd::Gradients& g) override {
    auto dx = g.template output<T, D>();
    for (int i = 0; i < from.rank(); ++i) dx = dx.slice(i, {before[i], before[i] + from[i]});
    g.set(0, dx);
  }
};

}  // namespace detail

// Joins tensors along an existing axis; all other extents must agree. ShapeError otherwise, or for an empty list.
template <class T, class D>
Tensor<T, D> concat(const std::vector<Tensor<T, D>>& parts, Index axis) {
  const profile::Span span("concat");
  if (parts.empty()) raise<ShapeError>("concat", "needs at least one tensor");
  detail::require_min_rank("concat", "part 0", parts[0], 1);
  const int a = detail::require_axis("concat", axis, parts[0].rank());
  Shape shape = parts[0].shape();
  shape[a] = 0;
  std::vector<Index> starts{0};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    detail::require_defined("concat", "part", parts[i]);
    Shape expected = parts[i].shape();
    if (expected.rank() == shape.rank()) {
      shape[a] += expected[a];
      expected[a] = shape[a];
    }
    if (expected != shape)
      raise<ShapeError>("concat", "part ", i, " has shape ", parts[i].shape(), ", which does not join ",
                        parts[0].shape(), " along axis ", axis);
    starts.push_back(shape[a]);
  }
  auto out = Tensor<T, D>::empty(shape);
  const View<T> target = out.mutable_view();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    View<T> region = target;
    region.data += starts[i] * region.strides[a];
    region.shape[a] = parts[i].shape()[a];
    copy_elements(D{}, parts[i].view(), region);
  }
  if (auto* node = autograd::record_list<detail::ConcatNode<T, D>, T, D>(out, parts)) {
    node->axis = a;
    node->starts = std::move(starts);
  }
  return out;
}

// Joins tensors of one shape along a new axis.
template <class T, class D>
Tensor<T, D> stack(const std::vector<Tensor<T, D>>& parts, Index axis = 0) {
  std::vector<Tensor<T, D>> grown;
  for (const auto& part : parts) {
    detail::require_defined("stack", "part", part);
    grown.push_back(part.unsqueeze(axis));
  }
  return concat(grown, axis);
}

// Views of `size` positions each along an axis; the last one may be smaller.
template <class T, class D>
std::vector<Tensor<T, D>> split(const Tensor<T, D>& x, Index size, Index axis = 0) {
  const int a = detail::require_axis("split", axis, x.rank());
  if (size <= 0) raise<ValueError>("split", "the size must be positive, got ", size);
  std::vector<Tensor<T, D>> parts;
  for (Index start = 0; start < x.shape()[a]; start += size)
    parts.push_back(x.slice(a, {start, std::min(start + size, x.shape()[a])}));
  return parts;
}

// Adds before[i] and after[i] positions of `value` on both sides of axis i.
template <class T, class D>
Tensor<T, D> pad(const Tensor<T, D>& x, const Axes& before, const Axes& after, std::type_identity_t<T> value = T(0)) {
  detail::require_defined("pad", "input", x);
  if (before.rank() != x.rank() || after.rank() != x.rank())
    raise<ShapeError>("pad", "needs one count per axis of shape ", x.shape(), ", got ", before, " and ", after);
  Shape shape = x.shape();
  for (int i = 0; i < x.rank(); ++i) {
    if (before[i] < 0 || after[i] < 0) raise<ValueError>("pad", "counts must not be negative, got ", before, " and ", after);
    shape[i] += before[i] + after[i];
  }
  auto out = detail::filled<T, D>(shape, value);
  View<T> region = out.mutable_view();
  for (int i = 0; i < x.rank(); ++i) region.data += before[i] * region.strides[i];
  region.shape = x.shape();
  copy_elements(D{}, x.view(), region);
  if (auto* node = autograd::record<detail::PadNode<T, D>>(out, x)) node->from = x.shape(), node->before = before;
  return out;
}

// Reverses the order along the given axes (all if the list is empty).
template <class T, class D>
Tensor<T, D> flip(const Tensor<T, D>& x, const Axes& axes) {
  detail::require_defined("flip", "input", x);
  const auto set = detail::require_axes("flip", axes, x.rank());
  View<const T> source = x.view();
  for (int i = 0; i < x.rank(); ++i) {
    if (!set.reduced[i] || x.numel() == 0) continue;
    source.data += (source.shape[i] - 1) * source.strides[i];
    source.strides[i] = -source.strides[i];
  }
  auto out = Tensor<T, D>::empty(x.shape());
  copy_elements(D{}, source, out.mutable_view());
  if (auto* node = autograd::record<detail::FlipNode<T, D>>(out, x)) node->axes = axes;
  return out;
}

// Moves every position by `shift` along an axis, around the end.
template <class T, class D>
Tensor<T, D> roll(const Tensor<T, D>& x, Index shift, Index axis) {
  detail::require_defined("roll", "input", x);
  const int a = detail::require_axis("roll", axis, x.rank());
  const Index n = x.shape()[a];
  if (n == 0) return x.clone();
  const Index cut = ((n - shift % n) % n + n) % n;
  return concat<T, D>({x.slice(a, {cut, n}), x.slice(a, {0, cut})}, a);
}

}  // namespace GLIA_NS
