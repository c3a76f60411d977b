#pragma once
// Dense layer. Over bfloat16 it keeps float parameters and rounds them in forward; gradients arrive in float.

#include <glia/nn/init.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/linear.hpp>

namespace GLIA_NS::nn {

struct LinearOptions {
  Index in = 0, out = 0;
  bool bias = true;
};

// y = x weight^T + bias: [..., in] -> [..., out]. weight [out, in] and bias [out] start uniform in +-1 / sqrt(in).
template <class Device = Cpu, class T = float>
struct Linear {
  Parameter<ParameterScalar<T>, Device> weight, bias;
  GLIA_MEMBERS(weight, bias)

  Linear(const LinearOptions& o);
  Linear(Index in, Index out) : Linear(LinearOptions{in, out, true}) {}

  Tensor<T, Device> forward(const Tensor<T, Device>& x) const;
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

template <class Device, class T>
Linear<Device, T>::Linear(const LinearOptions& o) {
  if (o.in < 1 || o.out < 1) raise<ValueError>("Linear", "in and out must be positive, got ", o.in, " and ", o.out);
  using P = ParameterScalar<T>;
  weight = Parameter<P, Device>(Tensor<P, Device>::empty({o.out, o.in}));
  if (o.bias) bias = Parameter<P, Device>(Tensor<P, Device>::empty({o.out}));
  detail::init_default(weight, bias);
}

template <class Device, class T>
Tensor<T, Device> Linear<Device, T>::forward(const Tensor<T, Device>& x) const {
  auto y = with_path(weight, [&] { return glia::linear(x, operand<T>(weight), operand<T>(bias)); });
  const Index macs = y.numel() * weight.shape()[1];
  return traced(*this, "Linear", std::move(y), macs, x);
}

}  // namespace GLIA_NS::nn
