#pragma once
// Pooling of channels-last images: the last three axes are [H, W, C], any axes may come before. Every op is linear in its
// input (max pooling once the winners are known), and its gradient is an op again: all are twice differentiable. Sums of 16-bit
// images are held in float and rounded once.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cpu/pool.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/softmax.hpp>
#include <glia/ops/sum.hpp>

#include <limits>

namespace GLIA_NS {

// Geometry of a sliding pool; square windows.
struct PoolOptions {
  Index kernel = 2;
  Index stride = 0;  // 0: as the kernel
  Index padding = 0; // on all four sides, at most half of the window
  Index dilation = 1;
  bool count_include_pad = true;  // avg_pool2d: padding counts as zeros
};

namespace detail {

template <class T, class D>
ConvGeometry image_geometry(const char* op, const Tensor<T, D>& x) {
  require_min_rank(op, "input", x, 3);
  const int r = x.rank();
  ConvGeometry g;
  g.height = x.shape()[r - 3], g.width = x.shape()[r - 2], g.in_channels = g.out_channels = x.shape()[r - 1];
  g.batch = 1;
  for (int i = 0; i < r - 3; ++i) g.batch *= x.shape()[i];
  return g;
}

template <class T, class D>
ConvGeometry pool_geometry(const char* op, const Tensor<T, D>& x, const PoolOptions& options) {
  ConvGeometry g = image_geometry(op, x);
  const Index stride = options.stride == 0 ? options.kernel : options.stride;
  if (options.kernel < 1 || stride < 1 || options.dilation < 1)
    raise<ValueError>(op, "kernel, stride and dilation must be positive, got ", options.kernel, ", ", stride, " and ",
                      options.dilation);
  const Index window = options.dilation * (options.kernel - 1) + 1;
  if (options.padding < 0 || 2 * options.padding > window)
    raise<ValueError>(op, "padding must be between 0 and half of the window (", window / 2, "), got ", options.padding);
  g.kernel_h = g.kernel_w = options.kernel;
  g.stride_h = g.stride_w = stride;
  g.padding_h = g.padding_w = options.padding;
  g.dilation_h = g.dilation_w = options.dilation;
  g.out_height = window_extent(g.height, options.kernel, stride, options.padding, options.dilation);
  g.out_width = window_extent(g.width, options.kernel, stride, options.padding, options.dilation);
  if (g.out_height == 0 || g.out_width == 0)
    raise<ShapeError>(op, "a window of ", window, " does not fit into input ", x.shape(), " with padding ", options.padding);
  // Dilated windows can reach over a small image on both sides.
  const auto misses = [&](Index out, Index extent) {
    for (Index o = 0; o < out; ++o) {
      bool hit = false;
      for (Index k = 0; k < options.kernel && !hit; ++k) {
        const Index at = o * stride - options.padding + k * options.dilation;
        hit = at >= 0 && at < extent;
      }
      if (!hit) return true;
    }
    return false;
  };
  if (options.dilation > 1 && options.padding > 0 && (misses(g.out_height, g.height) || misses(g.out_width, g.width)))
    raise<ShapeError>(op, "a window of ", options.kernel, " with dilation ", options.dilation, " and padding ", options.padding,
                      " has no pixel in input ", x.shape());
  return g;
}

// The shape of x with another image size.
inline Shape with_image_size(Shape shape, Index height, Index width) {
  shape[shape.rank() - 3] = height, shape[shape.rank() - 2] = width;
  return shape;
}

enum class PoolKind { max, average, adaptive };

// A pool as a linear map (down) and its adjoint (up). `winners` belongs to max pooling.
template <class T, class D>
struct Pool {
  PoolKind kind = PoolKind::average;
  ConvGeometry geometry;
  bool count_include_pad = true;
  Tensor<std::int32_t, D> winners;

  const char* name() const {
    return kind == PoolKind::max ? "max_pool2d" : kind == PoolKind::average ? "avg_pool2d" : "adaptive_avg_pool2d";
  }
  Tensor<T, D> down(const Tensor<T, D>& x) const;
  Tensor<T, D> up(const Tensor<T, D>& y) const;
  Pool<float, D> in_float() const { return {kind, geometry, count_include_pad, winners}; }
};

template <class T, class D>
struct PoolNode final : autograd::Node {
  Pool<T, D> pool;
  bool downwards = true;
  const char* name() const noexcept override { return pool.name(); }
  void release() noexcept override { pool.winners = Tensor<std::int32_t, D>(); }
  void backward(autograd::Gradients& g) override {
    if (pool.kind == PoolKind::max && !pool.winners.defined())
      raise<AutogradError>(name(), "the graph was freed by an earlier backward pass; pass retain_graph = true to the first "
                                   "backward if a second one is wanted");
    const auto dy = g.template output<T, D>();
    g.set(0, downwards ? pool.up(dy) : pool.down(dy));
  }
};

template <class T, class D>
Tensor<T, D> Pool<T, D>::down(const Tensor<T, D>& x) const {
  if constexpr (ReducedFloating<T>) {
    return in_float().down(x.template cast<float>()).template cast<T>();
  } else {
    const profile::Span span(name());
    auto out = Tensor<T, D>::empty(with_image_size(x.shape(), geometry.out_height, geometry.out_width));
    const auto in = plain_contiguous(x);
    switch (kind) {
      case PoolKind::max: max_pool_gather(D{}, in.data(), winners.data(), geometry, out.mutable_data()); break;
      case PoolKind::average: avg_pool_forward(D{}, in.data(), geometry, count_include_pad, out.mutable_data()); break;
      case PoolKind::adaptive: adaptive_avg_pool_forward(D{}, in.data(), geometry, out.mutable_data()); break;
    }
    if (auto* node = autograd::record<PoolNode<T, D>>(out, x)) node->pool = *this;
    return out;
  }
}

template <class T, class D>
Tensor<T, D> Pool<T, D>::up(const Tensor<T, D>& y) const {
  if constexpr (ReducedFloating<T>) {
    return in_float().up(y.template cast<float>()).template cast<T>();
  } else {
    const profile::Span span(name());
    auto out = Tensor<T, D>::empty(with_image_size(y.shape(), geometry.height, geometry.width));
    const auto in = plain_contiguous(y);
    switch (kind) {
      case PoolKind::max: max_pool_backward(D{}, in.data(), winners.data(), geometry, out.mutable_data()); break;
      case PoolKind::average: avg_pool_backward(D{}, in.data(), geometry, count_include_pad, out.mutable_data()); break;
      case PoolKind::adaptive: adaptive_avg_pool_backward(D{}, in.data(), geometry, out.mutable_data()); break;
    }
    if (auto* node = autograd::record<PoolNode<T, D>>(out, y)) node->pool = *this, node->downwards = false;
    return out;
  }
}

}  // namespace detail

// Largest value of every window: [..., H, W, C] -> [..., OH, OW, C] with OH = (H + 2 padding - window) / stride + 1. Padding never wins;
// the gradient goes to the first of equals.
template <Floating T, class D>
Tensor<T, D> max_pool2d(const Tensor<T, D>& x, PoolOptions options = {}) {
  const profile::Span span("max_pool2d");
  detail::Pool<T, D> pool;
  pool.kind = detail::PoolKind::max;
  pool.geometry = detail::pool_geometry("max_pool2d", x, options);
  if (pool.geometry.height * pool.geometry.width > std::numeric_limits<std::int32_t>::max())
    raise<ShapeError>("max_pool2d", "an image of input ", x.shape(), " has more pixels than fit into 32 bits");
  const Shape shape = detail::with_image_size(x.shape(), pool.geometry.out_height, pool.geometry.out_width);
  auto out = Tensor<T, D>::empty(shape);
  pool.winners = Tensor<std::int32_t, D>::empty(shape);
  max_pool_forward(D{}, detail::plain_contiguous(x).data(), pool.geometry, out.mutable_data(), pool.winners.mutable_data());
  if (auto* node = autograd::record<detail::PoolNode<T, D>>(out, x)) node->pool = pool;
  return out;
}

// Mean of every window; shapes as in max_pool2d.
template <Floating T, class D>
Tensor<T, D> avg_pool2d(const Tensor<T, D>& x, PoolOptions options = {}) {
  detail::Pool<T, D> pool;
  pool.geometry = detail::pool_geometry("avg_pool2d", x, options);
  pool.count_include_pad = options.count_include_pad;
  return pool.down(x);
}

// Mean over windows that divide any image evenly into height x width parts: [..., H, W, C] -> [..., height, width, C].
template <Floating T, class D>
Tensor<T, D> adaptive_avg_pool2d(const Tensor<T, D>& x, Index height, Index width) {
  detail::Pool<T, D> pool;
  pool.kind = detail::PoolKind::adaptive;
  pool.geometry = detail::image_geometry("adaptive_avg_pool2d", x);
  if (height < 1 || width < 1)
    raise<ValueError>("adaptive_avg_pool2d", "the output size must be positive, got ", height, " x ", width);
  if (pool.geometry.height < 1 || pool.geometry.width < 1)
    raise<ShapeError>("adaptive_avg_pool2d", "the images of input ", x.shape(), " have no pixels");
  pool.geometry.out_height = height, pool.geometry.out_width = width;
  return pool.down(x);
}

// Mean over all pixels: [..., H, W, C] -> [..., C].
template <Floating T, class D>
Tensor<T, D> global_mean_pool(const Tensor<T, D>& x) {
  detail::require_min_rank("global_mean_pool", "input", x, 3);
  return mean(x, Axes{-3, -2});
}

}  // namespace GLIA_NS
