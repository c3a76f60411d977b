#pragma once
// Two-dimensional convolution layers on channels-last images. Over bfloat16 they keep float parameters and round them in
// forward; gradients arrive in float.

#include <glia/nn/init.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/conv_relu.hpp>
#include <glia/ops/conv_transpose.hpp>

namespace GLIA_NS::nn {

// Extents are one number for both image axes or {height, width}.
struct Conv2dOptions {
  Index in = 0, out = 0;
  Extent2d kernel = 1;
  Extent2d stride = 1;
  Extent2d padding = Extent2d(0);
  Extent2d dilation = 1;
  Index groups = 1;
  bool bias = true;
  bool relu = false;  // ReLU of the result, and of a residual added before it
};

struct ConvTranspose2dOptions {
  Index in = 0, out = 0;
  Extent2d kernel = 1;
  Extent2d stride = 1;
  Extent2d padding = Extent2d(0);
  Extent2d output_padding = Extent2d(0);
  Extent2d dilation = 1;
  Index groups = 1;
  bool bias = true;
};

namespace detail {
template <class Options>
void check_conv_options(const char* layer, const Options& o) {
  if (o.in < 1 || o.out < 1 || o.kernel.h < 1 || o.kernel.w < 1)
    raise<ValueError>(layer, "in, out and kernel must be positive, got ", o.in, ", ", o.out, " and ", o.kernel.h, "x",
                      o.kernel.w);
  if (o.groups < 1 || o.in % o.groups != 0 || o.out % o.groups != 0)
    raise<ValueError>(layer, o.groups, " groups do not divide ", o.in, " input and ", o.out, " output channels");
  if (o.stride.h < 1 || o.stride.w < 1 || o.dilation.h < 1 || o.dilation.w < 1 || o.padding.h < 0 || o.padding.w < 0)
    raise<ValueError>(layer, "stride and dilation must be positive and padding not negative");
}
}  // namespace detail

// Convolution [..., H, W, in] -> [..., OH, OW, out] with weight [out, KH, KW, in / groups] and bias [out], both uniform in
// +-1 / sqrt(fan_in) at the start. A residual of the result's shape may be added; see conv2d_relu.
template <class Device = Cpu, class T = float>
struct Conv2d {
  Parameter<ParameterScalar<T>, Device> weight, bias;
  Conv2dOptions options;
  GLIA_MEMBERS(weight, bias)

  Conv2d(const Conv2dOptions& o);

  Tensor<T, Device> forward(const Tensor<T, Device>& x, const Tensor<T, Device>& residual = {}) const;
  Tensor<T, Device> operator()(const Tensor<T, Device>& x, const Tensor<T, Device>& residual = {}) const {
    return forward(x, residual);
  }
};

template <class Device, class T>
Conv2d<Device, T>::Conv2d(const Conv2dOptions& o) : options(o) {
  detail::check_conv_options("Conv2d", o);
  using P = ParameterScalar<T>;
  weight = Parameter<P, Device>(Tensor<P, Device>::empty({o.out, o.kernel.h, o.kernel.w, o.in / o.groups}));
  if (o.bias) bias = Parameter<P, Device>(Tensor<P, Device>::empty({o.out}));
  detail::init_default(weight, bias);
}

template <class Device, class T>
Tensor<T, Device> Conv2d<Device, T>::forward(const Tensor<T, Device>& x, const Tensor<T, Device>& residual) const {
  auto y = with_path(weight, [&] {
    const glia::Conv2dOptions window{options.stride, options.padding, options.dilation, options.groups};
    if (options.relu) return glia::conv2d_relu(x, operand<T>(weight), operand<T>(bias), window, residual);
    const auto sums = glia::conv2d(x, operand<T>(weight), operand<T>(bias), window);
    return residual.defined() ? glia::add(sums, residual) : sums;
  });
  const Index macs = y.numel() * (weight.shape().numel() / options.out);
  return traced(*this, "Conv2d", std::move(y), macs, x);
}

// Transposed convolution [..., H, W, in] -> [..., OH, OW, out] with weight [in, KH, KW, out / groups], bias [out], and
// OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.
template <class Device = Cpu, class T = float>
struct ConvTranspose2d {
  Parameter<ParameterScalar<T>, Device> weight, bias;
  ConvTranspose2dOptions options;
  GLIA_MEMBERS(weight, bias)

  ConvTranspose2d(const ConvTranspose2dOptions& o) : options(o) {
    detail::check_conv_options("ConvTranspose2d", o);
    using P = ParameterScalar<T>;
    weight = Parameter<P, Device>(Tensor<P, Device>::empty({o.in, o.kernel.h, o.kernel.w, o.out / o.groups}));
    if (o.bias) bias = Parameter<P, Device>(Tensor<P, Device>::empty({o.out}));
    detail::init_default(weight, bias);
  }

  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    auto y = with_path(weight, [&] {
      return glia::conv_transpose2d(
          x, operand<T>(weight), operand<T>(bias),
          {options.stride, options.padding, options.output_padding, options.dilation, options.groups});
    });
    const Index macs = x.numel() * (weight.shape().numel() / options.in);
    return traced(*this, "ConvTranspose2d", std::move(y), macs, x);
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

}  // namespace GLIA_NS::nn
