#pragma once
// What a kernel on any device needs to call a neuron functor (spiking/neurons.hpp).

#include <glia/core/config.hpp>

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

}  // namespace GLIA_NS::detail
