#pragma once
// Transposed two-dimensional convolution, channels-last: the adjoint of conv2d as a forward op.

#include <glia/ops/conv.hpp>

namespace GLIA_NS {

// How a transposed convolution spreads its input; the numbers are those of the convolution it is the adjoint of.
struct ConvTranspose2dOptions {
  Extent2d stride = 1;
  Extent2d padding = Extent2d(0);
  Extent2d output_padding = Extent2d(0);  // extra rows and columns at the far end, less than the stride
  Extent2d dilation = 1;
  Index groups = 1;
};

namespace detail {

constexpr Index transposed_extent(Index in, Index kernel, Index stride, Index padding, Index extra, Index dilation) {
  return (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
}

// The geometry of the convolution whose input gradient this is: its output is our input.
template <class T, class D>
ConvGeometry conv_transpose_geometry(const char* op, const Tensor<T, D>& x, const Tensor<T, D>& w, const Tensor<T, D>& bias,
                                     const ConvTranspose2dOptions& o) {
  require_min_rank(op, "input", x, 3);
  require_rank(op, "weight", w, 4);
  if (o.stride.h < 1 || o.stride.w < 1 || o.dilation.h < 1 || o.dilation.w < 1 || o.padding.h < 0 || o.padding.w < 0 ||
      o.groups < 1)
    raise<ValueError>(op, "stride, dilation and groups must be positive and padding not negative");
  if (o.output_padding.h < 0 || o.output_padding.w < 0 || o.output_padding.h >= o.stride.h || o.output_padding.w >= o.stride.w)
    raise<ValueError>(op, "output_padding must be at least 0 and less than the stride, got ", o.output_padding.h, "x",
                      o.output_padding.w, " with stride ", o.stride.h, "x", o.stride.w);
  ConvGeometry g;
  g.batch = 1;
  for (int i = 0; i < x.rank() - 3; ++i) g.batch *= x.shape()[i];
  g.out_height = x.size(-3), g.out_width = x.size(-2), g.out_channels = x.size(-1);
  if (w.size(0) != g.out_channels)
    raise<ShapeError>(op, "input has ", g.out_channels, " channels (last axis of ", x.shape(), ") but weight expects ",
                      w.size(0), " (first axis of ", w.shape(), ")");
  if (g.out_channels % o.groups != 0)
    raise<ShapeError>(op, "the ", g.out_channels, " input channels are not divided by ", o.groups, " groups");
  g.in_channels = w.size(3) * o.groups;
  if (bias.defined()) require_shape(op, "bias", bias, {g.in_channels});
  g.kernel_h = w.size(1), g.kernel_w = w.size(2);
  g.stride_h = o.stride.h, g.stride_w = o.stride.w, g.padding_h = o.padding.h, g.padding_w = o.padding.w;
  g.dilation_h = o.dilation.h, g.dilation_w = o.dilation.w, g.groups = o.groups;
  g.height = transposed_extent(g.out_height, g.kernel_h, g.stride_h, g.padding_h, o.output_padding.h, g.dilation_h);
  g.width = transposed_extent(g.out_width, g.kernel_w, g.stride_w, g.padding_w, o.output_padding.w, g.dilation_w);
  if (g.kernel_h < 1 || g.kernel_w < 1 || g.out_height < 1 || g.out_width < 1 || g.height < 1 || g.width < 1)
    raise<ShapeError>(op, "input ", x.shape(), " and a ", g.kernel_h, "x", g.kernel_w, " window with padding ", g.padding_h, "x",
                      g.padding_w, " give an empty image");
  return g;
}

}  // namespace detail

// The adjoint of conv2d, plus bias: x [..., H, W, I], weight [I, KH, KW, O / groups], bias [O] or undefined ->
// [..., OH, OW, O] with OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1. Differentiable any number of
// times. 16-bit sums are rounded before the bias is added, and then again. ShapeError on channel or group mismatch or an empty
// result.
template <class T, class D>
Tensor<T, D> conv_transpose2d(const Tensor<T, D>& x, const std::type_identity_t<Tensor<T, D>>& weight,
                              const std::type_identity_t<Tensor<T, D>>& bias = {}, const ConvTranspose2dOptions& options = {}) {
  const ConvGeometry g = detail::conv_transpose_geometry("conv_transpose2d", x, weight, bias, options);
  Shape shape = x.shape();
  shape[x.rank() - 3] = g.height, shape[x.rank() - 2] = g.width, shape[x.rank() - 1] = g.in_channels;
  const Shape shapes[3] = {shape, weight.shape(), x.shape()};
  const auto y = detail::conv_map(detail::ConvMap::input, g, shapes, x, weight);
  return bias.defined() ? add(y, bias) : y;
}

}  // namespace GLIA_NS
