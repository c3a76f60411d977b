#pragma once
// Neuron functors: one `step` over (state, input) is a whole neuron. See docs/spiking.md for writing your own.
//
// A neuron is a copyable struct with
//   static constexpr int states = S;                            S >= 1 numbers of state per neuron
//   template <class R> R step(R (&state)[S], R x) const;        updates the state, returns the output
// and, if it needs them,
//   static constexpr int parameters = P;                        then step takes a third argument const R (&p)[P]
//   double initial(int k) const;                                start of state k (0 without it)
// R is a real or a dual number: derivatives, surrogate ones at fire(), come from running the same code on dual numbers.

#include <glia/spiking/step.hpp>

namespace GLIA_NS::spiking {

// Leaky integrate-and-fire: H = beta V + gain X + rest, S = fire(H - threshold), V = reset(H). IF is beta = gain = 1.
template <class S = surrogate::Atan>
struct LifNeuron {
  static constexpr int states = 1;
  double beta = 0.9, gain = 1, rest = 0, threshold = 1, start = 0;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    const R h = multiply_add(beta, v[0], multiply_add(gain, x, R(rest)));
    const R spike = fire(surrogate, h - R(threshold));
    v[0] = reset(h, spike, R(threshold));
    return spike;
  }
  GLIA_HD double initial(int) const { return start; }
};

// LIF whose leak k = 1 / tau is learned (Fang et al. 2021): H = (1 - k) V + gain X + k rest with gain = k for decayed
// input and 1 otherwise; the parameter is k.
template <class S = surrogate::Atan>
struct ParametricLifNeuron {
  static constexpr int states = 1, parameters = 1;
  bool decay_input = true;
  double rest = 0, threshold = 1;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R step(R (&v)[1], R x, const R (&p)[1]) const {
    const R k = p[0];
    const R pull = R(rest) - v[0];
    const R drive = decay_input ? pull + x : pull;
    const R h = math::fma(k, drive, decay_input ? v[0] : v[0] + x);
    const R spike = fire(surrogate, h - R(threshold));
    v[0] = reset(h, spike, R(threshold));
    return spike;
  }
  GLIA_HD double initial(int) const { return rest; }
};

// Adaptive LIF (Bellec et al. 2018): a moving threshold A = threshold + strength a; a follows the spikes with decay rho.
// States: V, a.
template <class S = surrogate::Atan>
struct AdaptiveLifNeuron {
  static constexpr int states = 2;
  double beta = 0.9, rho = 0.95, strength = 1.8, threshold = 1;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R step(R (&s)[2], R x) const {
    const R h = multiply_add(beta, s[0], x);
    const R moving = multiply_add(strength, s[1], R(threshold));
    const R spike = fire(surrogate, h - moving);
    s[0] = reset(h, spike, moving);
    s[1] = multiply_add(rho, s[1], spike * R(1 - rho));
    return spike;
  }
};

// Current-based LIF: the synaptic current I = alpha I + X charges H = beta V + I. States: V, I.
template <class S = surrogate::Atan>
struct CubaNeuron {
  static constexpr int states = 2;
  double alpha = 0.8, beta = 0.9, threshold = 1;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R step(R (&s)[2], R x) const {
    s[1] = multiply_add(alpha, s[1], x);
    const R h = multiply_add(beta, s[0], s[1]);
    const R spike = fire(surrogate, h - R(threshold));
    s[0] = reset(h, spike, R(threshold));
    return spike;
  }
};

// Integer LIF (Luo et al. 2024): fires 0 ... levels spikes at once, S = clip(round(H / threshold), 0, levels), and loses
// threshold * S.
struct IntegerLifNeuron {
  static constexpr int states = 1;
  double beta = 0.25, threshold = 1, levels = 4;
  bool detach_reset = false;

  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    const R h = multiply_add(beta, v[0], x);
    const R spikes = fire_levels(levels, h * R(1 / threshold));
    v[0] = multiply_add(-threshold, scale_gradient(spikes, detach_reset ? 0.0 : 1.0), h);
    return spikes;
  }
};

// Leaky integrator without spikes, for read-outs: V = beta V + gain X, the output is V.
struct IntegratorNeuron {
  static constexpr int states = 1;
  double beta = 0.9, gain = 1;

  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    v[0] = multiply_add(beta, v[0], x * R(gain));
    return v[0];
  }
};

}  // namespace GLIA_NS::spiking
