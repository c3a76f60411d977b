#pragma once
// What a whole network does on a batch, layer by layer: activity of the neurons, synaptic operations, energy.

#include <glia/nn/summary.hpp>
#include <glia/spiking/statistics.hpp>

#include <cmath>
#include <cstdio>

namespace GLIA_NS::spiking {

// One call of a layer of neurons (`activity` holds) or of a convolution or linear layer (the others hold). Operations
// are per sample, over all time steps.
struct LayerReport {
  std::string path, kind;
  bool neurons = false;
  Activity activity;
  double macs = 0;             // as if every input were a number
  bool spiking_input = false;  // spikes came in: additions instead of multiply-accumulates
  double input_rate = 1;       // spikes per input; 1 for other inputs
  double operations() const { return macs * input_rate; }
};

struct ActivityReport {
  std::vector<LayerReport> layers;
  Energy energy;

  std::string text() const;
};

namespace detail {
// Spikes per element of x, if x holds nothing but small multiples (0 ... 16) of one positive number; else -1.
template <class T>
double spikes_per_element(const std::vector<T>& x) {
  double unit = 0;
  for (const T v : x) {
    const double value = static_cast<double>(v);
    if (!(value >= 0.0)) return -1;
    if (value > 0.0 && (unit == 0.0 || value < unit)) unit = value;
  }
  double total = 0;
  for (const T v : x) {
    const double count = unit > 0.0 ? static_cast<double>(v) / unit : 0.0;
    if (count > 16.5 || std::abs(count - std::round(count)) > 1e-3) return -1;
    total += std::round(count);
  }
  return x.empty() ? 0.0 : total / static_cast<double>(x.size());
}
}  // namespace detail

// Runs the module on inputs [N, ...] in evaluation mode, without recording, and looks at every layer of neurons and at
// every convolution and linear layer; all these tensors are held until the end, so take a small batch. A layer whose
// inputs are small multiples of one number counts as fed with spikes. Energies as energy().
template <class M, std::floating_point T, class D>
ActivityReport activity_report(M& module, const Tensor<T, D>& x) {
  glia::detail::require_min_rank("activity_report", "input", x, 1);
  if (x.size(0) < 1) raise<ShapeError>("activity_report", "needs at least one sample, got shape ", x.shape());
  std::map<std::pair<const void*, const void*>, std::string> paths;
  nn::visit(module, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (!nn::is_parameter<X> && !nn::is_buffer<X>) paths[{&object, nn::detail::type_identity<X>()}] = path;
  });
  const NoGrad plain;
  const nn::detail::KeepModes<M> keep(module);
  nn::eval(module);
  nn::Trace trace(true);
  static_cast<void>(module.forward(x));
  ActivityReport out;
  std::vector<EnergyLayer> sums;
  const double samples = static_cast<double>(x.size(0));
  for (const auto& entry : trace.entries()) {
    const auto known = [](const ImplRef& impl) { return impl && impl->type == &glia::detail::type_table<T, D>(); };
    LayerReport row;
    const auto found = paths.find({entry.module, entry.type});
    row.path = found == paths.end() ? std::string() : found->second;
    row.kind = entry.kind;
    if (entry.spikes && known(entry.value) && entry.output.rank() >= 2) {
      row.neurons = true;
      row.activity = activity(Tensor<T, D>(entry.value));
    } else if (entry.macs > 0 && known(entry.input)) {
      row.macs = static_cast<double>(entry.macs) / samples;
      const double rate = detail::spikes_per_element(Tensor<T, D>(entry.input).to_vector());
      row.spiking_input = rate >= 0.0;
      if (row.spiking_input) row.input_rate = rate;
      Activity input;
      input.rate = row.input_rate, input.steps = 1;
      sums.push_back({row.path, row.macs, input, row.spiking_input});
    } else {
      continue;
    }
    out.layers.push_back(std::move(row));
  }
  out.energy = energy(sums);
  return out;
}

inline std::string ActivityReport::text() const {
  std::string out;
  char line[200];
  const auto put = [&](auto... values) {
    std::snprintf(line, sizeof line, values...);
    out += line;
  };
  put("%-24s %-14s %9s %7s %7s %14s %14s\n", "layer", "type", "rate", "dead", "satur.", "MACs", "additions");
  for (const auto& l : layers) {
    if (l.neurons)
      put("%-24s %-14s %9.4f %6.1f%% %6.1f%%\n", l.path.c_str(), l.kind.c_str(), l.activity.rate, 100 * l.activity.dead,
          100 * l.activity.saturated);
    else
      put("%-24s %-14s %9.4f %15s %14.0f %14.0f\n", l.path.c_str(), l.kind.c_str(), l.input_rate, "",
          l.spiking_input ? 0.0 : l.macs, l.spiking_input ? l.operations() : 0.0);
  }
  put("per sample: %.0f MACs, %.0f additions, %.3g nJ (all inputs real: %.3g nJ)\n", energy.macs,
      energy.synaptic_operations, energy.nanojoule, energy.dense_nanojoule);
  return out;
}

}  // namespace GLIA_NS::spiking
