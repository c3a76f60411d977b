#pragma once
// Two-dimensional convolution, channels-last.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cpu/conv_reduced.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS {

// A pair of numbers for the two image axes; one number means both.
struct Extent2d {
  Index h = 1, w = 1;
  constexpr Extent2d() = default;
  constexpr Extent2d(Index both) : h(both), w(both) {}
  constexpr Extent2d(Index height, Index width) : h(height), w(width) {}
};

// How a convolution window moves.
struct Conv2dOptions {
  Extent2d stride = 1;
  Extent2d padding = Extent2d(0);
  Extent2d dilation = 1;
  Index groups = 1;
};

namespace detail {

// Two operations per multiply-add of the direct definition, whatever the algorithm.
inline void count_conv(const ConvGeometry& g) {
  profile::count_flops(2 * g.out_pixels() * g.out_channels * g.kernel_h * g.kernel_w * (g.in_channels / g.groups));
}

// The three linear maps of a convolution, unrecorded, on contiguous tensors of the shapes in `g`.
template <class T, class D>
Tensor<T, D> conv_forward_values(const ConvGeometry& g, const Shape& shape, const Tensor<T, D>& x,
                                 const Tensor<T, D>& w, const Tensor<T, D>& bias) {
  const profile::Span span("conv2d forward");
  count_conv(g);
  const NoGrad plain;
  const auto input = x.contiguous(), weight = w.contiguous();
  const auto offset = bias.defined() ? bias.contiguous() : bias;
  auto out = Tensor<T, D>::empty(shape);
  conv2d_forward(D{}, g, input.data(), weight.data(), bias.defined() ? offset.data() : static_cast<const T*>(nullptr),
                 out.mutable_data());
  return out;
}
template <class T, class D>
Tensor<T, D> conv_input_values(const ConvGeometry& g, const Shape& shape, const Tensor<T, D>& dy, const Tensor<T, D>& w) {
  const profile::Span span("conv2d input");
  count_conv(g);
  const NoGrad plain;
  const auto gradient = dy.contiguous(), weight = w.contiguous();
  auto out = Tensor<T, D>::empty(shape);
  conv2d_backward_input(D{}, g, gradient.data(), weight.data(), out.mutable_data());
  return out;
}
template <class T, class D>
Tensor<T, D> conv_weight_values(const ConvGeometry& g, const Shape& shape, const Tensor<T, D>& x, const Tensor<T, D>& dy) {
  const profile::Span span("conv2d weight");
  count_conv(g);
  const NoGrad plain;
  const auto input = x.contiguous(), gradient = dy.contiguous();
  auto out = Tensor<T, D>::empty(shape);
  conv2d_backward_weight(D{}, g, input.data(), gradient.data(), out.mutable_data());
  return out;
}

// A convolution is bilinear, and so are its two gradients; each one's gradients are the other two.
enum class ConvMap { forward, input, weight };

template <class T, class D>
Tensor<T, D> conv_map(ConvMap map, const ConvGeometry& g, const Shape shapes[3], const Tensor<T, D>& a,
                      const Tensor<T, D>& b);

// Operands by map: forward (x, w) -> y; input (y, w) -> x; weight (x, y) -> w. shapes = {x, w, y}.
template <class T, class D>
struct ConvNode final : autograd::Node {
  ConvMap map = ConvMap::forward;
  ConvGeometry g;
  Shape shapes[3];
  autograd::Saved<T, D> a, b;

  const char* name() const noexcept override { return "conv2d"; }
  void release() noexcept override { a.reset(), b.reset(); }
  void backward(autograd::Gradients& gradients) override {
    const auto d = gradients.template output<T, D>();
    const auto first = [&] { return a.get(this); };
    const auto second = [&] { return b.get(this); };
    switch (map) {
      case ConvMap::forward:
        if (gradients.needs(0)) gradients.set(0, conv_map(ConvMap::input, g, shapes, d, second()));
        if (gradients.needs(1)) gradients.set(1, conv_map(ConvMap::weight, g, shapes, first(), d));
        if (edges.size() > 2 && gradients.needs(2)) gradients.set(2, sum_to(d, Shape{d.size(-1)}));
        break;
      case ConvMap::input:
        if (gradients.needs(0)) gradients.set(0, conv_map(ConvMap::forward, g, shapes, d, second()));
        if (gradients.needs(1)) gradients.set(1, conv_map(ConvMap::weight, g, shapes, d, first()));
        break;
      case ConvMap::weight:
        if (gradients.needs(0)) gradients.set(0, conv_map(ConvMap::input, g, shapes, second(), d));
        if (gradients.needs(1)) gradients.set(1, conv_map(ConvMap::forward, g, shapes, first(), d));
        break;
    }
  }
  void keep(ConvMap m, const ConvGeometry& geometry, const Shape all[3], const Tensor<T, D>& left,
            const Tensor<T, D>& right) {
    map = m, g = geometry;
    for (int i = 0; i < 3; ++i) shapes[i] = all[i];
    if (autograd::wants_grad(right)) a.save(left);
    if (autograd::wants_grad(left)) b.save(right);
  }
};

template <class T, class D>
Tensor<T, D> conv_map(ConvMap map, const ConvGeometry& g, const Shape shapes[3], const Tensor<T, D>& a,
                      const Tensor<T, D>& b) {
  Tensor<T, D> out = map == ConvMap::forward ? conv_forward_values(g, shapes[2], a, b, Tensor<T, D>())
                     : map == ConvMap::input ? conv_input_values(g, shapes[0], a, b)
                                             : conv_weight_values(g, shapes[1], a, b);
  if (auto* node = autograd::record<ConvNode<T, D>>(out, a, b)) node->keep(map, g, shapes, a, b);
  return out;
}

// Checks the arguments of a convolution and fills in its geometry. `x` has any leading axes before H, W, C.
template <class T, class D>
ConvGeometry conv_geometry(const char* op, const Tensor<T, D>& x, const Tensor<T, D>& w, const Tensor<T, D>& bias,
                           const Conv2dOptions& o) {
  require_min_rank(op, "input", x, 3);
  require_rank(op, "weight", w, 4);
  if (o.stride.h < 1 || o.stride.w < 1 || o.dilation.h < 1 || o.dilation.w < 1 || o.padding.h < 0 || o.padding.w < 0 ||
      o.groups < 1)
    raise<ValueError>(op, "stride, dilation and groups must be positive and padding not negative");
  ConvGeometry g;
  g.height = x.size(-3), g.width = x.size(-2), g.in_channels = x.size(-1);
  g.batch = 1;
  for (int i = 0; i < x.rank() - 3; ++i) g.batch *= x.shape()[i];
  g.out_channels = w.size(0), g.kernel_h = w.size(1), g.kernel_w = w.size(2);
  g.stride_h = o.stride.h, g.stride_w = o.stride.w, g.padding_h = o.padding.h, g.padding_w = o.padding.w;
  g.dilation_h = o.dilation.h, g.dilation_w = o.dilation.w, g.groups = o.groups;
  if (w.size(3) * o.groups != g.in_channels)
    raise<ShapeError>(op, "input has ", g.in_channels, " channels (last axis of ", x.shape(), ") but weight expects ",
                      w.size(3) * o.groups, " (last axis of ", w.shape(), " times ", o.groups, " groups)");
  if (g.out_channels % o.groups != 0)
    raise<ShapeError>(op, "weight has ", g.out_channels, " output channels, which ", o.groups, " groups do not divide");
  if (bias.defined()) require_shape(op, "bias", bias, {g.out_channels});
  g.out_height = window_extent(g.height, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h);
  g.out_width = window_extent(g.width, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w);
  if (g.kernel_h < 1 || g.kernel_w < 1 || g.out_height < 1 || g.out_width < 1)
    raise<ShapeError>(op, "a ", g.kernel_h, "x", g.kernel_w, " window does not fit into an image of ", g.height, "x",
                      g.width, " with padding ", g.padding_h, "x", g.padding_w);
  return g;
}

}  // namespace detail

// y[n, oh, ow, o] = bias[o] + sum over kh, kw, c of x[n, oh * stride + kh * dilation - padding, ..., c] * w[o, kh, kw, c].
// x is [..., H, W, C] with any leading axes, w is [O, KH, KW, C / groups], bias [O] or undefined; the result is
// [..., OH, OW, O]. Sums of 16-bit operands are held in float; the result is rounded once (on CUDA once more behind the bias).
// Differentiable any number of times. ShapeError on channel, group or window mismatch.
template <class T, class D>
Tensor<T, D> conv2d(const Tensor<T, D>& x, const Tensor<T, D>& w, const Tensor<T, D>& bias = {},
                    const Conv2dOptions& options = {}) {
  const profile::Span span("conv2d");
  const ConvGeometry g = detail::conv_geometry("conv2d", x, w, bias, options);
  Shape shape = x.shape();
  shape[x.rank() - 3] = g.out_height, shape[x.rank() - 2] = g.out_width, shape[x.rank() - 1] = g.out_channels;
  auto out = detail::conv_forward_values(g, shape, x, w, bias);
  if (auto* node = autograd::record<detail::ConvNode<T, D>>(out, x, w, bias)) {
    const Shape shapes[3] = {x.shape(), w.shape(), shape};
    node->keep(detail::ConvMap::forward, g, shapes, x, w);
  }
  return out;
}

}  // namespace GLIA_NS
