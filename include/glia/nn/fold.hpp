#pragma once
// Batch normalisation folded into the convolution before it, for inference.

#include <glia/nn/conv.hpp>
#include <glia/nn/normalization.hpp>

namespace GLIA_NS::nn {

// A convolution that gives norm(conv(x), residual) with the running statistics of `norm`: weight w * s and bias
// (b - mean) * s + beta, where s = gamma / sqrt(variance + epsilon) per output channel; a ReLU of `norm` becomes the
// convolution's. The new layer is a copy and is meant for inference: it no longer follows the statistics. ShapeError if
// the channels differ, ValueError if the convolution has a ReLU or the norm a SiLU.
template <class Device, class T>
Conv2d<Device, T> fold(const Conv2d<Device, T>& conv, const BatchNorm<Device, T>& norm) {
  const Index channels = conv.options.out;
  glia::detail::require_shape("fold", "running mean", norm.running_mean.tensor(), {channels});
  if (conv.options.relu) raise<ValueError>("fold", "the convolution has a ReLU before the normalisation");
  if (norm.options.silu) raise<ValueError>("fold", "a SiLU does not fold; make the norm without it and apply silu() behind");
  const NoGrad plain;
  Conv2dOptions options = conv.options;
  options.bias = true;
  options.relu = norm.options.relu;
  const Generator weights_to_come = init_generator();
  Conv2d<Device, T> out(options);
  init_generator() = weights_to_come;  // nothing of the layer's own first weights stays
  const auto spread = map(glia::functor::InverseRoot{norm.options.epsilon}, norm.running_variance.tensor());
  const auto scale = norm.weight.defined() ? mul(norm.weight.tensor(), spread) : spread;
  const auto centre =
      conv.bias.defined() ? sub(conv.bias.tensor(), norm.running_mean.tensor()) : neg(norm.running_mean.tensor());
  const auto shift = mul(centre, scale);
  out.weight.tensor().copy_(mul(conv.weight.tensor(), scale.reshape({channels, 1, 1, 1})));
  out.bias.tensor().copy_(norm.bias.defined() ? add(shift, norm.bias.tensor()) : shift);
  return out;
}

}  // namespace GLIA_NS::nn
