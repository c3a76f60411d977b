#pragma once
// Spiking layers: modules around the neuron functors. Input [T, N, ...] with time first; nothing is kept between calls.

#include <glia/nn/module.hpp>
#include <glia/ops/activation.hpp>
#include <glia/spiking/neurons.hpp>
#include <glia/spiking/simulate.hpp>

namespace GLIA_NS::spiking {

namespace detail {
inline void require_decay(const char* op, const char* argument, double value) {
  if (!(value >= 0.0 && value <= 1.0)) raise<ValueError>(op, argument, " must be in [0, 1], got ", value);
}
inline void require_positive(const char* op, const char* argument, double value) {
  if (!(value > 0.0)) raise<ValueError>(op, argument, " must be positive, got ", value);
}
}  // namespace detail

// A layer of neurons of any functor without learned parameters: Layer<MyNeuron, Device> layer{MyNeuron{...}};
template <class N, class Device = Cpu, class T = float>
class Layer {
 public:
  Layer() = default;
  explicit Layer(N functor) : neuron_(std::move(functor)) {}

  // x [T, N, ...] -> output of the same shape, all neurons starting at rest.
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const { return simulate(neuron_, x); }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
  // One step of a stream: x [N, ...], with the caller's state.
  Tensor<T, Device> step(const Tensor<T, Device>& x, State<T, Device>& state) const {
    return spiking::step(neuron_, x, state);
  }
  const N& neuron() const noexcept { return neuron_; }

  template <class Visitor>
  void visit_members(Visitor&&) {}
  template <class Visitor>
  void visit_members(Visitor&&) const {}

 private:
  N neuron_{};
};

// Leaky integrate-and-fire: H = beta V + X (decay_input: H = beta V + (1 - beta) X), a spike where H >= threshold. With
// `tau` > 0, beta = 1 - 1 / tau. A hard reset returns to `reset_potential`, towards which the membrane also leaks.
template <class S = surrogate::Atan>
struct LifOptions {
  double beta = 0.9;
  double tau = 0;
  double threshold = 1;
  bool decay_input = false;
  Reset reset = Reset::soft;
  double reset_potential = 0;
  bool detach_reset = true;
  S surrogate = {};
};

// ValueError for beta outside [0, 1], tau below 1 or a threshold that is not positive.
template <class S>
LifNeuron<S> make_lif(const LifOptions<S>& o) {
  if (o.tau != 0.0 && !(o.tau >= 1.0)) raise<ValueError>("lif", "tau must be at least 1, got ", o.tau);
  const double beta = o.tau != 0.0 ? 1.0 - 1.0 / o.tau : o.beta;
  detail::require_decay("lif", "beta", beta);
  detail::require_positive("lif", "threshold", o.threshold);
  LifNeuron<S> n;
  n.beta = beta;
  n.gain = o.decay_input ? 1.0 - beta : 1.0;
  n.threshold = o.threshold;
  n.reset = ResetRule(o.reset, o.detach_reset, o.reset_potential);
  n.start = o.reset == Reset::hard ? o.reset_potential : 0.0;
  n.rest = (1.0 - beta) * n.start;
  n.surrogate = o.surrogate;
  return n;
}

template <class Device = Cpu, class T = float, class S = surrogate::Atan>
class Lif : public Layer<LifNeuron<S>, Device, T> {
 public:
  explicit Lif(const LifOptions<S>& options = {}) : Layer<LifNeuron<S>, Device, T>(make_lif(options)) {}
};

// Integrate-and-fire: H = V + X.
template <class S = surrogate::Atan>
struct IfOptions {
  double threshold = 1;
  Reset reset = Reset::soft;
  double reset_potential = 0;
  double initial = 0;  // membrane at the start (half a threshold in converted networks)
  bool detach_reset = true;
  S surrogate = {};
};

template <class Device = Cpu, class T = float, class S = surrogate::Atan>
class If : public Layer<LifNeuron<S>, Device, T> {
 public:
  explicit If(const IfOptions<S>& options = {}) : Layer<LifNeuron<S>, Device, T>(make(options)) {}

 private:
  static LifNeuron<S> make(const IfOptions<S>& o) {
    detail::require_positive("if", "threshold", o.threshold);
    LifNeuron<S> n;
    n.beta = 1;
    n.threshold = o.threshold;
    n.reset = ResetRule(o.reset, o.detach_reset, o.reset_potential);
    n.start = o.initial;
    n.surrogate = o.surrogate;
    return n;
  }
};

template <class S = surrogate::Atan>
struct AlifOptions {
  double beta = 0.9, rho = 0.95, strength = 1.8, threshold = 1;
  Reset reset = Reset::soft;
  double reset_potential = 0;
  bool detach_reset = true;
  S surrogate = {};
};

// Adaptive LIF: every spike raises the threshold by strength (1 - rho), which decays with rho.
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
class Alif : public Layer<AdaptiveLifNeuron<S>, Device, T> {
 public:
  explicit Alif(const AlifOptions<S>& options = {}) : Layer<AdaptiveLifNeuron<S>, Device, T>(make(options)) {}

 private:
  static AdaptiveLifNeuron<S> make(const AlifOptions<S>& o) {
    detail::require_decay("alif", "beta", o.beta);
    detail::require_decay("alif", "rho", o.rho);
    detail::require_positive("alif", "threshold", o.threshold);
    return {o.beta, o.rho, o.strength, o.threshold, ResetRule(o.reset, o.detach_reset, o.reset_potential), o.surrogate};
  }
};

template <class S = surrogate::Atan>
struct CubaOptions {
  double alpha = 0.8, beta = 0.9, threshold = 1;
  Reset reset = Reset::soft;
  double reset_potential = 0;
  bool detach_reset = true;
  S surrogate = {};
};

// Current-based LIF: I = alpha I + X, H = beta V + I.
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
class Cuba : public Layer<CubaNeuron<S>, Device, T> {
 public:
  explicit Cuba(const CubaOptions<S>& options = {}) : Layer<CubaNeuron<S>, Device, T>(make(options)) {}

 private:
  static CubaNeuron<S> make(const CubaOptions<S>& o) {
    detail::require_decay("cuba", "alpha", o.alpha);
    detail::require_decay("cuba", "beta", o.beta);
    detail::require_positive("cuba", "threshold", o.threshold);
    return {o.alpha, o.beta, o.threshold, ResetRule(o.reset, o.detach_reset, o.reset_potential), o.surrogate};
  }
};

struct IntegerLifOptions {
  double beta = 0.25, threshold = 1;
  int levels = 4;  // most spikes per step
  bool detach_reset = false;
};

// Integer LIF: the output counts 0 ... levels spikes.
template <class Device = Cpu, class T = float>
class IntegerLif : public Layer<IntegerLifNeuron, Device, T> {
 public:
  explicit IntegerLif(const IntegerLifOptions& options = {}) : Layer<IntegerLifNeuron, Device, T>(make(options)) {}

 private:
  static IntegerLifNeuron make(const IntegerLifOptions& o) {
    detail::require_decay("integer_lif", "beta", o.beta);
    detail::require_positive("integer_lif", "threshold", o.threshold);
    if (o.levels < 1) raise<ValueError>("integer_lif", "levels must be positive, got ", o.levels);
    return {o.beta, o.threshold, static_cast<double>(o.levels), o.detach_reset};
  }
};

struct IntegratorOptions {
  double beta = 0.9;
  bool decay_input = false;  // V = beta V + (1 - beta) X
};

// Leaky integrator without spikes: the read-out of a spiking network; its output is the membrane.
template <class Device = Cpu, class T = float>
class Integrator : public Layer<IntegratorNeuron, Device, T> {
 public:
  explicit Integrator(const IntegratorOptions& options = {}) : Layer<IntegratorNeuron, Device, T>(make(options)) {}

 private:
  static IntegratorNeuron make(const IntegratorOptions& o) {
    detail::require_decay("integrator", "beta", o.beta);
    return {o.beta, o.decay_input ? 1.0 - o.beta : 1.0};
  }
};

template <class S = surrogate::Atan>
struct PlifOptions {
  double tau = 2;  // at the start
  double threshold = 1;
  bool decay_input = true;
  Reset reset = Reset::soft;
  double reset_potential = 0;
  bool detach_reset = true;
  S surrogate = {};
};

// LIF with a learned membrane time constant, one for the layer: 1 / tau = sigmoid(w) (Fang et al. 2021).
template <class Device = Cpu, class T = float, class S = surrogate::Atan>
class Plif {
 public:
  nn::Parameter<T, Device> w;  // [1]
  GLIA_MEMBERS(w)

  explicit Plif(const PlifOptions<S>& o = {}) {
    if (!(o.tau > 1.0)) raise<ValueError>("plif", "tau must be above 1, got ", o.tau);
    detail::require_positive("plif", "threshold", o.threshold);
    w = nn::Parameter<T, Device>(full<T, Device>({1}, static_cast<T>(-math::log(o.tau - 1.0))));
    const double potential = o.reset == Reset::hard ? o.reset_potential : 0.0;
    neuron_ = {o.decay_input, potential, o.threshold, ResetRule(o.reset, o.detach_reset, potential), o.surrogate};
  }

  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    return nn::with_path(w, [&] { return simulate(neuron_, x, sigmoid(w.tensor())); });
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
  Tensor<T, Device> step(const Tensor<T, Device>& x, State<T, Device>& state) const {
    return nn::with_path(w, [&] { return spiking::step(neuron_, x, state, sigmoid(w.tensor())); });
  }
  const ParametricLifNeuron<S>& neuron() const noexcept { return neuron_; }

 private:
  ParametricLifNeuron<S> neuron_;
};

}  // namespace GLIA_NS::spiking
