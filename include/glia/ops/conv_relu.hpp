#pragma once
// A convolution and the ReLU behind it in one op, with a residual added in between.

#include <glia/ops/activation.hpp>
#include <glia/ops/arithmetic.hpp>
#include <glia/ops/conv.hpp>

namespace GLIA_NS {

namespace detail {
// Whether D has convolutions that finish their sums themselves.
template <class T, class D>
inline constexpr bool has_conv_epilogue =
    requires(const ConvGeometry& g, const T* in, const ConvEpilogue<T>& end, T* out) {
      conv2d_forward(D{}, g, in, in, end, out);
    };
}  // namespace detail

// relu(conv2d(x, w, bias, options) + residual): conv2d's arguments and errors; the residual has the result's shape, or is
// undefined. Where no gradient is recorded (inference), floats and doubles on the CPU are finished in place, by Winograd
// tile by tile; elsewhere this is the composition, and as differentiable. ShapeError for another residual.
template <class T, class D>
Tensor<T, D> conv2d_relu(const Tensor<T, D>& x, const Tensor<T, D>& w, const Tensor<T, D>& bias = {},
                         const Conv2dOptions& options = {}, const Tensor<T, D>& residual = {}) {
  const profile::Span span("conv2d_relu");
  const ConvGeometry g = detail::conv_geometry("conv2d_relu", x, w, bias, options);
  Shape shape = x.shape();
  shape[x.rank() - 3] = g.out_height, shape[x.rank() - 2] = g.out_width, shape[x.rank() - 1] = g.out_channels;
  if (residual.defined()) detail::require_shape("conv2d_relu", "residual", residual, shape);
  if constexpr (detail::has_conv_epilogue<T, D>) {
    const auto recorded = [](const Tensor<T, D>& t) { return t.defined() && autograd::wants_grad(t); };
    if (!grad_enabled() || !(recorded(x) || recorded(w) || recorded(bias) || recorded(residual))) {
      const NoGrad plain;
      detail::count_conv(g);
      const auto input = x.contiguous(), weight = w.contiguous();
      const auto offset = bias.defined() ? bias.contiguous() : bias;
      const auto add = residual.defined() ? residual.contiguous() : residual;
      auto out = Tensor<T, D>::empty(shape);
      const ConvEpilogue<T> end{bias.defined() ? offset.data() : nullptr, residual.defined() ? add.data() : nullptr, true};
      conv2d_forward(D{}, g, input.data(), weight.data(), end, out.mutable_data());
      return out;
    }
  }
  const auto y = conv2d(x, w, bias, options);
  return relu(residual.defined() ? add(y, residual) : y);
}

}  // namespace GLIA_NS
