#pragma once
// Spiking layers: modules around the neuron functors. Input [T, N, ...] with time first; nothing is kept between calls.

#include <glia/nn/module.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/activation.hpp>
#include <glia/spiking/neurons.hpp>
#include <glia/spiking/simulate.hpp>

namespace GLIA_NS::spiking {

namespace detail {
template <class N>
struct NeuronOptions {
  using type = N;
  static N make(const N& functor) { return functor; }
};
template <class N>
requires requires { typename N::Options; }
struct NeuronOptions<N> {
  using type = typename N::Options;
  static N make(const type& options) { return N::make(options); }
};
}  // namespace detail

// A layer of neurons of one functor without learned parameters. A functor of your own is its own options:
// Layer<Cpu, MyNeuron> layer{{.beta = 0.5}};
template <class Device, class N, class T = float>
class Layer : public nn::Stateless {
 public:
  using Options = typename detail::NeuronOptions<N>::type;

  Layer() : Layer(Options{}) {}
  explicit Layer(const Options& options) : neuron_(detail::NeuronOptions<N>::make(options)) {}

  // x [T, N, ...] -> output of the same shape, all neurons starting at rest.
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const;
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
  // One step of a stream: x [N, ...] -> the same shape, with the caller's state.
  Tensor<T, Device> step(const Tensor<T, Device>& x, State<T, Device>& state) const {
    return spiking::step(neuron_, x, state);
  }
  const N& neuron() const noexcept { return neuron_; }

 private:
  N neuron_;
};

template <class Device, class N, class T>
Tensor<T, Device> Layer<Device, N, T>::forward(const Tensor<T, Device>& x) const {
  return nn::traced(*this, detail::neuron_name<N>(), simulate(neuron_, x), 0, {}, true);
}

// Leaky integrate-and-fire: Lif<Device> spike{{.beta = 0.9, .threshold = 1}};
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
using Lif = Layer<Device, LifNeuron<S>, T>;
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
using If = Layer<Device, IfNeuron<S>, T>;
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
using Alif = Layer<Device, AlifNeuron<S>, T>;
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
using Cuba = Layer<Device, CubaNeuron<S>, T>;
template <class Device = Cpu, class T = float>
using IntegerLif = Layer<Device, IntegerLifNeuron, T>;
template <class Device = Cpu, class T = float>
using Integrator = Layer<Device, IntegratorNeuron, T>;

// LIF with a learned membrane time constant, one for the layer: 1 / tau = sigmoid(w) (Fang et al. 2021).
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
class Plif {
 public:
  nn::Parameter<ParameterScalar<T>, Device> w;  // [1]
  GLIA_MEMBERS(w)

  Plif() : Plif(PlifOptions<S>{}) {}
  explicit Plif(const PlifOptions<S>& options) : neuron_(PlifNeuron<S>::make(options)) {
    using P = ParameterScalar<T>;
    w = nn::Parameter<P, Device>(full<P, Device>({1}, static_cast<P>(-math::log(options.tau - 1.0))));
  }

  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    auto out = nn::with_path(w, [&] { return simulate(neuron_, x, leak()); });
    return nn::traced(*this, "plif", std::move(out), 0, {}, true);
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
  Tensor<T, Device> step(const Tensor<T, Device>& x, State<T, Device>& state) const {
    return nn::with_path(w, [&] { return spiking::step(neuron_, x, state, leak()); });
  }
  const PlifNeuron<S>& neuron() const noexcept { return neuron_; }

 private:
  Tensor<T, Device> leak() const { return sigmoid(w.tensor()).template cast<T>(); }

  PlifNeuron<S> neuron_;
};

}  // namespace GLIA_NS::spiking
