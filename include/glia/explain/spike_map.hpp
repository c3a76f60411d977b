#pragma once
// Where and when a spiking layer is active: maps of its spikes, without gradients.

#include <glia/ops/create.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::explain {

// Spikes per step at every place, averaged over the channels: spikes [T, N, H, W, C] -> [N, H, W]. ShapeError.
template <Floating T, class D>
Tensor<T, D> spike_rate_map(const Tensor<T, D>& spikes) {
  glia::detail::require_rank("spike_rate_map", "spikes", spikes, 5);
  const NoGrad plain;
  return mean(spikes.detach(), Axes{0, 4});
}

// Spikes per step of every channel, averaged over the places: [T, N, H, W, C] -> [N, C]. ShapeError.
template <Floating T, class D>
Tensor<T, D> channel_rates(const Tensor<T, D>& spikes) {
  glia::detail::require_rank("channel_rates", "spikes", spikes, 5);
  const NoGrad plain;
  return mean(spikes.detach(), Axes{0, 2, 3});
}

// Spike activation map (Kim and Panda 2021): at every step t, the sum over the channels of the spikes at t, each
// weighted with its neuron's recent activity, the sum over earlier spikes t' < t of exp(-decay (t - t')): [T, N, H, W,
// C] -> [T, N, H, W]. Neurons that fire in quick succession stand out. ShapeError, ValueError for a negative decay.
template <Floating T, class D>
Tensor<T, D> spike_activation_map(const Tensor<T, D>& spikes, double decay = 0.5) {
  glia::detail::require_rank("spike_activation_map", "spikes", spikes, 5);
  if (!(decay >= 0.0)) raise<ValueError>("spike_activation_map", "decay must not be negative, got ", decay);
  const NoGrad plain;
  const auto s = spikes.detach();
  const Index steps = s.size(0);
  auto out = zeros<T, D>({steps, s.size(1), s.size(2), s.size(3)});
  auto recent = zeros<T, D>({s.size(1), s.size(2), s.size(3), s.size(4)});
  for (Index t = 1; t < steps; ++t) {
    recent = scale(add(recent, s[t - 1]), static_cast<T>(std::exp(-decay)));
    out[t].add_(sum(mul(recent, s[t]), Axes{3}));
  }
  return out;
}

}  // namespace GLIA_NS::explain
