#pragma once
// Activation functions as layers, for containers; the functions themselves are in ops/activation.hpp.

#include <glia/nn/init.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/softmax.hpp>

namespace GLIA_NS::nn {

namespace detail {
// A layer whose forward is Self::apply, reported under Self::kind.
template <class Self, class Device, class T>
struct Activation : Stateless {
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    const Self& self = static_cast<const Self&>(*this);
    return traced(self, Self::kind, self.apply(x));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};
}  // namespace detail

template <class Device = Cpu, class T = float>
struct ReLU : detail::Activation<ReLU<Device, T>, Device, T> {
  static constexpr const char* kind = "ReLU";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return relu(x); }
};

// min(max(x, 0), 6)
template <class Device = Cpu, class T = float>
struct ReLU6 : detail::Activation<ReLU6<Device, T>, Device, T> {
  static constexpr const char* kind = "ReLU6";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return relu6(x); }
};

// x for x > 0, else slope x.
template <class Device = Cpu, class T = float>
struct LeakyReLU : detail::Activation<LeakyReLU<Device, T>, Device, T> {
  static constexpr const char* kind = "LeakyReLU";
  double slope = 0.01;
  LeakyReLU() = default;
  explicit LeakyReLU(double negative_slope) : slope(negative_slope) {}
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return leaky_relu(x, static_cast<T>(slope)); }
};

// x for x > 0, else alpha (exp(x) - 1).
template <class Device = Cpu, class T = float>
struct ELU : detail::Activation<ELU<Device, T>, Device, T> {
  static constexpr const char* kind = "ELU";
  double alpha = 1.0;
  ELU() = default;
  explicit ELU(double scale) : alpha(scale) {}
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return elu(x, static_cast<T>(alpha)); }
};

// x times the normal distribution function, exact or by the tanh formula.
template <class Device = Cpu, class T = float>
struct GELU : detail::Activation<GELU<Device, T>, Device, T> {
  static constexpr const char* kind = "GELU";
  bool use_tanh = false;
  GELU() = default;
  explicit GELU(bool tanh_formula) : use_tanh(tanh_formula) {}
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return use_tanh ? gelu_tanh(x) : gelu(x); }
};

// x sigmoid(x), also called swish.
template <class Device = Cpu, class T = float>
struct SiLU : detail::Activation<SiLU<Device, T>, Device, T> {
  static constexpr const char* kind = "SiLU";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return silu(x); }
};

template <class Device = Cpu, class T = float>
struct Sigmoid : detail::Activation<Sigmoid<Device, T>, Device, T> {
  static constexpr const char* kind = "Sigmoid";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return sigmoid(x); }
};

template <class Device = Cpu, class T = float>
struct LogSigmoid : detail::Activation<LogSigmoid<Device, T>, Device, T> {
  static constexpr const char* kind = "LogSigmoid";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return log_sigmoid(x); }
};

template <class Device = Cpu, class T = float>
struct Tanh : detail::Activation<Tanh<Device, T>, Device, T> {
  static constexpr const char* kind = "Tanh";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return tanh(x); }
};

// log(1 + exp(x))
template <class Device = Cpu, class T = float>
struct Softplus : detail::Activation<Softplus<Device, T>, Device, T> {
  static constexpr const char* kind = "Softplus";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return softplus(x); }
};

// x / (1 + |x|)
template <class Device = Cpu, class T = float>
struct Softsign : detail::Activation<Softsign<Device, T>, Device, T> {
  static constexpr const char* kind = "Softsign";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return softsign(x); }
};

// x tanh(softplus(x))
template <class Device = Cpu, class T = float>
struct Mish : detail::Activation<Mish<Device, T>, Device, T> {
  static constexpr const char* kind = "Mish";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return mish(x); }
};

// x clamp(x / 6 + 1/2, 0, 1)
template <class Device = Cpu, class T = float>
struct Hardswish : detail::Activation<Hardswish<Device, T>, Device, T> {
  static constexpr const char* kind = "Hardswish";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return hard_swish(x); }
};

// clamp(x / 6 + 1/2, 0, 1)
template <class Device = Cpu, class T = float>
struct Hardsigmoid : detail::Activation<Hardsigmoid<Device, T>, Device, T> {
  static constexpr const char* kind = "Hardsigmoid";
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return hard_sigmoid(x); }
};

template <class Device = Cpu, class T = float>
struct Softmax : detail::Activation<Softmax<Device, T>, Device, T> {
  static constexpr const char* kind = "Softmax";
  Index axis = -1;
  Softmax() = default;
  explicit Softmax(Index along) : axis(along) {}
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return softmax(x, axis); }
};

template <class Device = Cpu, class T = float>
struct LogSoftmax : detail::Activation<LogSoftmax<Device, T>, Device, T> {
  static constexpr const char* kind = "LogSoftmax";
  Index axis = -1;
  LogSoftmax() = default;
  explicit LogSoftmax(Index along) : axis(along) {}
  Tensor<T, Device> apply(const Tensor<T, Device>& x) const { return log_softmax(x, axis); }
};

namespace functor {
struct Prelu {
  static constexpr const char* name = "prelu";
  template <class R> GLIA_HD R operator()(R x, R slope) const { return math::select(x > R(0), x, x * slope); }
};
}  // namespace functor

// x for x > 0, else slope x with a learned slope for every channel (the last axis), 0.25 at the start (He, Zhang, Ren, Sun
// 2015). One channel means one slope for all.
template <class Device = Cpu, class T = float>
struct PReLU {
  Parameter<ParameterScalar<T>, Device> weight;
  GLIA_MEMBERS(weight)

  PReLU() : PReLU(1) {}
  explicit PReLU(Index channels) {
    if (channels < 1) raise<ValueError>("PReLU", "the number of channels must be positive, got ", channels);
    using P = ParameterScalar<T>;
    weight = Parameter<P, Device>(glia::full<P, Device>({channels}, static_cast<P>(0.25)));
  }
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    return traced(*this, "PReLU", with_path(weight, [&] {
      glia::detail::require_min_rank("prelu", "input", x, 1);
      if (weight.shape()[0] != 1 && x.size(-1) != weight.shape()[0])
        raise<ShapeError>("prelu", "input has ", x.size(-1), " channels (last axis of ", x.shape(), "), expected ",
                          weight.shape()[0]);
      return map(functor::Prelu{}, x, operand<T>(weight));
    }));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

}  // namespace GLIA_NS::nn
