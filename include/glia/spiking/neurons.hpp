#pragma once
// Neuron functors: one `step` over (state, input) is a whole neuron. See docs/spiking.md for writing your own.
//
// clang-format off
// A neuron is a copyable struct with
//   static constexpr int states = S;                          S >= 1 numbers of state per neuron
//   template <class R> R step(R (&state)[S], R x) const;      updates the state, returns the output
// and, if it needs them,
//   static constexpr int parameters = P;                      then step takes a third argument const R (&p)[P]
//   double initial(int k) const;                              start of state k (0 without it)
//   static constexpr const char* name                         for error messages
//   using Options = O; static N make(const Options&);         what the layer is made from (else the functor itself)
// R is a real or a dual number: derivatives, surrogate ones at fire(), come from running the same code on dual numbers.
// A neuron of one state that first charges its membrane and then decides on that alone may say so: with
//   template <class R> R charge(R v, R x) const;              the membrane before the spike (third argument as in step)
//   template <class R> R release(R (&v)[1], R h) const;       the output, and the state behind it
// and step = release(v, charge(v[0], x)), the backward pass differentiates release once, not once per argument.
// clang-format on

#include <glia/core/error.hpp>
#include <glia/spiking/step.hpp>

namespace GLIA_NS::spiking {

namespace detail {
GLIA_LAZY void require_decay(const char* op, const char* argument, double value) {
  if (!(value >= 0.0 && value <= 1.0)) raise<ValueError>(op, argument, " must be in [0, 1], got ", value);
}
GLIA_LAZY void require_positive(const char* op, const char* argument, double value) {
  if (!(value > 0.0)) raise<ValueError>(op, argument, " must be positive, got ", value);
}
}  // namespace detail

// With `tau` > 0, beta = 1 - 1 / tau. A hard reset returns to `reset_potential`, towards which the membrane also leaks.
template <class S = surrogate::Atan>
struct LifOptions {
  double beta = 0.9;
  double tau = 0;
  double threshold = 1;
  bool decay_input = false;  // H = beta V + (1 - beta) X
  Reset reset = Reset::soft;
  double reset_potential = 0;
  bool detach_reset = true;
  S surrogate = {};
};

// Leaky integrate-and-fire: H = beta V + gain X + rest, S = fire(H - threshold), V = reset(H).
template <class S = surrogate::Atan>
struct LifNeuron {
  static constexpr int states = 1;
  static constexpr const char* name = "lif";
  double beta = 0.9, gain = 1, rest = 0, threshold = 1, start = 0;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R charge(R v, R x) const {
    return multiply_add(beta, v, multiply_add(gain, x, R(rest)));
  }
  template <class R>
  GLIA_HD R release(R (&v)[1], R h) const {
    const R spike = fire(surrogate, h - R(threshold));
    v[0] = reset(h, spike, R(threshold));
    return spike;
  }
  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    return release(v, charge(v[0], x));
  }
  GLIA_HD double initial(int) const { return start; }

  // ValueError for beta outside [0, 1], tau below 1 or a threshold that is not positive.
  using Options = LifOptions<S>;
  static LifNeuron make(const Options& o) {
    if (o.tau != 0.0 && !(o.tau >= 1.0)) raise<ValueError>(name, "tau must be at least 1, got ", o.tau);
    const double decay = o.tau != 0.0 ? 1.0 - 1.0 / o.tau : o.beta;
    detail::require_decay(name, "beta", decay);
    detail::require_positive(name, "threshold", o.threshold);
    const double potential = o.reset == Reset::hard ? o.reset_potential : 0.0;
    return {decay,
            o.decay_input ? 1.0 - decay : 1.0,
            (1.0 - decay) * potential,
            o.threshold,
            potential,
            ResetRule(o.reset, o.detach_reset, potential),
            o.surrogate};
  }
};

template <class S = surrogate::Atan>
struct IfOptions {
  double threshold = 1;
  Reset reset = Reset::soft;
  double reset_potential = 0;
  double initial = 0;  // membrane at the start (half a threshold in converted networks)
  bool detach_reset = true;
  S surrogate = {};
};

// Integrate-and-fire: H = V + X.
template <class S = surrogate::Atan>
struct IfNeuron {
  static constexpr int states = 1;
  static constexpr const char* name = "if";
  double threshold = 1, start = 0;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R charge(R v, R x) const {
    return v + x;
  }
  template <class R>
  GLIA_HD R release(R (&v)[1], R h) const {
    const R spike = fire(surrogate, h - R(threshold));
    v[0] = reset(h, spike, R(threshold));
    return spike;
  }
  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    return release(v, charge(v[0], x));
  }
  GLIA_HD double initial(int) const { return start; }

  using Options = IfOptions<S>;
  static IfNeuron make(const Options& o) {
    detail::require_positive(name, "threshold", o.threshold);
    return {o.threshold, o.initial, ResetRule(o.reset, o.detach_reset, o.reset_potential), o.surrogate};
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

// LIF whose leak k = 1 / tau is learned (Fang et al. 2021): H = (1 - k) V + gain X + k rest with gain = k for decayed
// input and 1 otherwise; the parameter is k.
template <class S = surrogate::Atan>
struct PlifNeuron {
  static constexpr int states = 1, parameters = 1;
  static constexpr const char* name = "plif";
  double decayed = 1, rest = 0, threshold = 1;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R charge(R v, R x, const R (&p)[1]) const {
    const R drive = multiply_add(decayed, x, R(rest) - v);
    return math::fma(p[0], drive, multiply_add(1.0 - decayed, x, v));
  }
  template <class R>
  GLIA_HD R release(R (&v)[1], R h) const {
    const R spike = fire(surrogate, h - R(threshold));
    v[0] = reset(h, spike, R(threshold));
    return spike;
  }
  template <class R>
  GLIA_HD R step(R (&v)[1], R x, const R (&p)[1]) const {
    return release(v, charge(v[0], x, p));
  }
  GLIA_HD double initial(int) const { return rest; }

  using Options = PlifOptions<S>;
  static PlifNeuron make(const Options& o) {
    if (!(o.tau > 1.0)) raise<ValueError>(name, "tau must be above 1, got ", o.tau);
    detail::require_positive(name, "threshold", o.threshold);
    const double potential = o.reset == Reset::hard ? o.reset_potential : 0.0;
    return {o.decay_input ? 1.0 : 0.0, potential, o.threshold, ResetRule(o.reset, o.detach_reset, potential),
            o.surrogate};
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

// Adaptive LIF (Bellec et al. 2018): a moving threshold, threshold + strength a; every spike raises a by 1 - rho, and a
// decays with rho. States: V, a.
template <class S = surrogate::Atan>
struct AlifNeuron {
  static constexpr int states = 2;
  static constexpr const char* name = "alif";
  double beta = 0.9, rho = 0.95, strength = 1.8, threshold = 1;
  ResetRule reset{};
  S surrogate{};

  template <class R>
  GLIA_HD R step(R (&s)[2], R x) const {
    const R h = multiply_add(beta, s[0], x);
    const R moving = multiply_add(strength, s[1], R(threshold));
    const R spike = fire(surrogate, h - moving);
    s[0] = reset(h, spike, moving);
    s[1] = multiply_add(rho, s[1], spike * R(1.0 - rho));
    return spike;
  }

  using Options = AlifOptions<S>;
  static AlifNeuron make(const Options& o) {
    detail::require_decay(name, "beta", o.beta);
    detail::require_decay(name, "rho", o.rho);
    detail::require_positive(name, "threshold", o.threshold);
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

// Current-based LIF: the synaptic current I = alpha I + X charges H = beta V + I. States: V, I.
template <class S = surrogate::Atan>
struct CubaNeuron {
  static constexpr int states = 2;
  static constexpr const char* name = "cuba";
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

  using Options = CubaOptions<S>;
  static CubaNeuron make(const Options& o) {
    detail::require_decay(name, "alpha", o.alpha);
    detail::require_decay(name, "beta", o.beta);
    detail::require_positive(name, "threshold", o.threshold);
    return {o.alpha, o.beta, o.threshold, ResetRule(o.reset, o.detach_reset, o.reset_potential), o.surrogate};
  }
};

struct IntegerLifOptions {
  double beta = 0.25, threshold = 1;
  int levels = 4;  // most spikes per step
  bool detach_reset = false;
};

// Integer LIF (Luo et al. 2024): fires 0 ... levels spikes at once, S = clip(round(H / threshold), 0, levels), and
// loses threshold * S. The slope of the spike count is 1 / threshold where 0 <= H / threshold <= levels.
struct IntegerLifNeuron {
  static constexpr int states = 1;
  static constexpr const char* name = "integer_lif";
  double beta = 0.25, threshold = 1, levels = 4, keep = 1;

  template <class R>
  GLIA_HD R charge(R v, R x) const {
    return multiply_add(beta, v, x);
  }
  template <class R>
  GLIA_HD R release(R (&v)[1], R h) const {
    const R spikes = fire_levels(levels, h * R(1.0 / threshold));
    v[0] = multiply_add(-threshold, scale_gradient(spikes, keep), h);
    return spikes;
  }
  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    return release(v, charge(v[0], x));
  }

  using Options = IntegerLifOptions;
  static IntegerLifNeuron make(const Options& o) {
    detail::require_decay(name, "beta", o.beta);
    detail::require_positive(name, "threshold", o.threshold);
    if (o.levels < 1) raise<ValueError>(name, "levels must be positive, got ", o.levels);
    return {o.beta, o.threshold, static_cast<double>(o.levels), o.detach_reset ? 0.0 : 1.0};
  }
};

struct IntegratorOptions {
  double beta = 0.9;
  bool decay_input = false;  // V = beta V + (1 - beta) X
};

// Leaky integrator without spikes, the read-out of a spiking network: V = beta V + gain X, the output is V.
struct IntegratorNeuron {
  static constexpr int states = 1;
  static constexpr const char* name = "integrator";
  double beta = 0.9, gain = 1;

  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    v[0] = multiply_add(beta, v[0], x * R(gain));
    return v[0];
  }

  using Options = IntegratorOptions;
  static IntegratorNeuron make(const Options& o) {
    detail::require_decay(name, "beta", o.beta);
    return {o.beta, o.decay_input ? 1.0 - o.beta : 1.0};
  }
};

}  // namespace GLIA_NS::spiking
