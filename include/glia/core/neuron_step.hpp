#pragma once
// What a kernel on any device needs to run a neuron functor (spiking/neurons.hpp) forwards and backwards.

#include <glia/core/config.hpp>
#include <glia/core/dual.hpp>

#include <utility>

namespace GLIA_NS::detail {

// Learned scalars that a neuron functor takes besides its state and input.
template <class N>
GLIA_HD constexpr int neuron_parameters() {
  if constexpr (requires { N::parameters; })
    return N::parameters;
  else
    return 0;
}

// The state component k of a neuron at rest.
template <class C, class N>
GLIA_HD C neuron_rest(const N& neuron, int k) {
  if constexpr (requires { neuron.initial(k); })
    return static_cast<C>(neuron.initial(k));
  else
    return C(0);
}

// One call of the functor's step, with or without learned parameters.
template <class N, class R, int S, int P>
GLIA_HD inline R neuron_step(const N& neuron, R (&state)[S], R x, const R (&parameters)[P]) {
  if constexpr (neuron_parameters<N>() > 0)
    return neuron.step(state, x, parameters);
  else
    return neuron.step(state, x);
}

template <class N>
inline constexpr int parameter_slots = neuron_parameters<N>() > 0 ? neuron_parameters<N>() : 1;

// A neuron of one state whose step is release(charge(...)).
template <class N, class R>
concept ChargedNeuron = N::states == 1 && requires(const N& neuron, R(&state)[1], R x) { neuron.release(state, x); };

// Derivative of charge along direction J: the state, the input, then the parameters.
template <int J, class N, class C, int Slots, int... P>
GLIA_HD_INLINE C charge_slope(const N& neuron, C state, C x, const C (&p)[Slots], std::integer_sequence<int, P...>) {
  const Dual<C> v(state, J == 0 ? C(1) : C(0)), input(x, J == 1 ? C(1) : C(0));
  if constexpr (neuron_parameters<N>() > 0) {
    const Dual<C> parameters[] = {Dual<C>(p[P], J == 2 + P ? C(1) : C(0))...};
    return neuron.charge(v, input, parameters).tangent;
  } else {
    return neuron.charge(v, input).tangent;
  }
}

template <int J, class N, class C, int S, int Slots, int... K, int... P>
GLIA_HD_INLINE C neuron_pullback(const N& neuron, const C (&state)[S], C x, const C (&p)[Slots],
                                 const C (&state_gradient)[S], C output_gradient, std::integer_sequence<int, K...>,
                                 std::integer_sequence<int, P...> slots) {
  if constexpr (ChargedNeuron<N, C>) {
    // Only the charge has several arguments: what lies behind it is differentiated once for all directions.
    C h;
    if constexpr (neuron_parameters<N>() > 0)
      h = neuron.charge(state[0], x, p);
    else
      h = neuron.charge(state[0], x);
    Dual<C> after[1];
    const Dual<C> y = neuron.release(after, Dual<C>(h, C(1)));
    const C along_charge = math::fma(state_gradient[0], after[0].tangent, output_gradient * y.tangent);
    return along_charge * charge_slope<J>(neuron, state[0], x, p, slots);
  } else {
    Dual<C> s[] = {Dual<C>(state[K], J == K ? C(1) : C(0))...};
    const Dual<C> parameters[] = {Dual<C>(p[P], J == S + 1 + P ? C(1) : C(0))...};
    const Dual<C> y = neuron_step(neuron, s, Dual<C>(x, J == S ? C(1) : C(0)), parameters);
    C total = output_gradient * y.tangent;
    ((total = math::fma(state_gradient[K], s[K].tangent, total)), ...);
    return total;
  }
}

// Gradient of <state_gradient, new state> + output_gradient * output along input direction J of one step: the states
// come first, then the input, then the parameters.
template <int J, class N, class C, int S, int Slots>
GLIA_HD_INLINE C neuron_pullback(const N& neuron, const C (&state)[S], C x, const C (&p)[Slots],
                                 const C (&state_gradient)[S], C output_gradient) {
  return neuron_pullback<J>(neuron, state, x, p, state_gradient, output_gradient, std::make_integer_sequence<int, S>{},
                            std::make_integer_sequence<int, Slots>{});
}

}  // namespace GLIA_NS::detail
