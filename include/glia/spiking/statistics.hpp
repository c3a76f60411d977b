#pragma once
// What a spiking layer does: firing rate, dead and saturated neurons, synaptic operations, energy.

#include <glia/ops/convert.hpp>
#include <glia/ops/sum.hpp>

#include <string>
#include <vector>

namespace GLIA_NS::spiking {

// Activity of one layer over a batch.
struct Activity {
  double rate = 0;       // spikes per neuron, sample and step
  double dead = 0;       // share of neurons that never fired
  double saturated = 0;  // share of neurons that fired at every step of every sample
  double spikes = 0;     // per sample, over all neurons and steps
  Index steps = 0, neurons = 0;
};

// spikes [T, N, ...]; a neuron is one element of the axes behind the first two. Any non-zero value counts as firing;
// the rate sums the values. Computed on the host. ShapeError without time and batch axes.
template <Floating T, class D>
Activity activity(const Tensor<T, D>& spikes) {
  glia::detail::require_min_rank("activity", "spikes", spikes, 2);
  const NoGrad plain;
  const auto host = spikes.detach().contiguous().template to<Cpu>();
  Activity out;
  out.steps = spikes.size(0);
  const Index rows = spikes.size(0) * spikes.size(1);
  out.neurons = rows > 0 ? host.numel() / rows : 0;
  if (host.numel() == 0) return out;
  std::vector<Index> fired(static_cast<std::size_t>(out.neurons), 0);
  const T* s = host.data();
  double total = 0;
  for (Index r = 0; r < rows; ++r)
    for (Index i = 0; i < out.neurons; ++i) {
      const double value = static_cast<double>(s[r * out.neurons + i]);
      total += value;
      fired[static_cast<std::size_t>(i)] += value != 0.0 ? 1 : 0;
    }
  Index dead = 0, saturated = 0;
  for (const Index count : fired) dead += count == 0 ? 1 : 0, saturated += count == rows ? 1 : 0;
  out.rate = total / static_cast<double>(host.numel());
  out.dead = static_cast<double>(dead) / static_cast<double>(out.neurons);
  out.saturated = static_cast<double>(saturated) / static_cast<double>(out.neurons);
  out.spikes = total / static_cast<double>(spikes.size(1));
  return out;
}

// Energy of one operation at 45 nm, 32-bit floating point (Horowitz 2014): multiply-accumulate and accumulate, in
// picojoule.
inline constexpr double picojoule_per_mac = 4.6, picojoule_per_ac = 0.9;

// Additions per sample in the layer that receives these spikes: rate * T * its dense multiply-accumulates per step.
GLIA_LAZY double synaptic_operations(const Activity& input, double macs_per_step) {
  return input.rate * static_cast<double>(input.steps) * macs_per_step;
}

// The layers of a network, for the energy estimate: those fed with real numbers count as MACs, those fed with spikes as
// additions.
struct EnergyLayer {
  std::string name;
  double macs_per_step = 0;
  Activity input;
  bool spiking_input = true;
};

struct Energy {
  double macs = 0, synaptic_operations = 0;  // per sample
  double nanojoule = 0;                      // 4.6 pJ per MAC + 0.9 pJ per synaptic operation
  double dense_nanojoule = 0;                // the same network with every input real, one step
};

// Per-sample estimate; an estimate of arithmetic alone, without memory traffic. A real input repeated over time is
// computed once.
GLIA_LAZY Energy energy(const std::vector<EnergyLayer>& layers) {
  Energy out;
  double dense = 0;
  for (const auto& layer : layers) {
    dense += layer.macs_per_step;
    if (layer.spiking_input)
      out.synaptic_operations += synaptic_operations(layer.input, layer.macs_per_step);
    else
      out.macs += layer.macs_per_step;
  }
  out.nanojoule = 1e-3 * (picojoule_per_mac * out.macs + picojoule_per_ac * out.synaptic_operations);
  out.dense_nanojoule = 1e-3 * picojoule_per_mac * dense;
  return out;
}

}  // namespace GLIA_NS::spiking
