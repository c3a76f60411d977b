#pragma once
// The speed net in spikes: the same stages, with leaky integrate-and-fire neurons over T steps where the speed net has
// SiLU. Weights have the speed net's names and shapes, so a trained speed net can be its start.

#include "speed_net.hpp"

#include <glia/spiking/layers.hpp>
#include <glia/spiking/normalization.hpp>

#include <cmath>
#include <stdexcept>

namespace cifar100 {

namespace spiking = glia::spiking;

// Convolution to a new width, halving the image, spikes, then a convolution whose current is added to the membrane
// current before it (a membrane shortcut: Hu et al. 2021). Batch norm is tdBN (Zheng et al. 2021): its statistics run
// over time and batch, its scale starts at the threshold, at 1 / sqrt(2) of it where two currents meet.
template <class D>
struct SpikingStage {
  nn::Conv2d<D> widen;
  nn::BatchNorm<D> widen_norm;
  spiking::Lif<D> spike;
  nn::Conv2d<D> refine;
  nn::BatchNorm<D> refine_norm;
  GLIA_MEMBERS(widen, widen_norm, spike, refine, refine_norm)

  SpikingStage(Index in, Index out, const spiking::LifOptions<>& neuron)
      : widen({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        widen_norm(spiking::td_batch_norm<D>(out, {.threshold = neuron.threshold, .momentum = 0.4})),
        spike(neuron),
        refine({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        refine_norm(spiking::td_batch_norm<D>(
            out, {.threshold = neuron.threshold, .alpha = 1 / std::sqrt(2.0), .momentum = 0.4})) {
    SpeedStage<D>::carry_through(widen);
    SpeedStage<D>::carry_through(refine);
  }

  // x [T, N, h, w, in], or [1, N, h, w, in] for an input that does not change -> membrane currents [T, N, h/2, w/2, out].
  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& x, Index steps) {
    const auto wide = in_time(widen_norm(glia::max_pool2d(widen(x.flatten(0, 1)), {.kernel = 2})), x.size(0));
    const auto spikes = spike(x.size(0) == steps ? wide : spiking::repeat(wide.select(0, 0), steps));
    const auto refined = refine(spikes.flatten(0, 1));
    if (x.size(0) == steps) return in_time(refine_norm(refined, wide.flatten(0, 1)), steps);
    return glia::add(in_time(refine_norm(refined), steps), wide);
  }

 private:
  static glia::Tensor<float, D> in_time(const glia::Tensor<float, D>& x, Index steps) {
    glia::Shape shape = x.shape();
    shape[0] /= steps;
    shape.insert(0, steps);
    return x.reshape(shape);
  }
};

// Direct encoding: the whitened image and the first convolution are computed once, and the first neurons receive that
// current at every step. The last stage's neurons are the framework's last activation.
template <class D>
struct SpikingNet : FixedStemNet<D, SpikingStage<D>> {
  using FixedStemNet<D, SpikingStage<D>>::stem, FixedStemNet<D, SpikingStage<D>>::stages;
  std::vector<spiking::Lif<D>> spikes;  // between the stages, and behind the last one in activate()
  Index steps;
  GLIA_MEMBERS(stem, stages, spikes)

  // `steps`: T, at least 1.
  SpikingNet(const std::vector<Index>& widths, Index steps_) : steps(steps_) {
    if (steps < 1) throw std::invalid_argument("--steps: expected at least 1, got " + std::to_string(steps));
    const spiking::LifOptions<> neuron{.beta = 0.5, .threshold = 1.0};
    Index in = SpikingNet::stem_channels;
    for (const Index width : widths) {
      stages.emplace_back(in, width, neuron);
      spikes.emplace_back(neuron);
      in = width;
    }
  }

  // currents [T, N, h, w, C] -> firing rates [N, h, w, C]
  glia::Tensor<float, D> activate(const glia::Tensor<float, D>& currents) const {
    return glia::mean(spikes.back()(currents), 0);
  }

  // images [N, H, W, 3] -> membrane currents [T, N, h, w, C]
  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& images) { return run(images, nullptr); }
  std::vector<glia::Tensor<float, D>> feature_maps(const glia::Tensor<float, D>& images) {
    std::vector<glia::Tensor<float, D>> maps;
    run(images, &maps);
    return maps;
  }

 private:
  glia::Tensor<float, D> run(const glia::Tensor<float, D>& images, std::vector<glia::Tensor<float, D>>* maps) {
    auto x = glia::silu(stem(images)).unsqueeze(0);
    for (std::size_t i = 0; i < stages.size(); ++i) {
      x = stages[i].forward(i == 0 ? x : spikes[i - 1](x), steps);
      if (maps != nullptr) maps->push_back(x);
    }
    return x;
  }
};

}  // namespace cifar100
