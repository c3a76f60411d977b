#pragma once
// The speed net: few, wide layers behind a fixed whitening stem, for good accuracy per second of training on 32-pixel
// images.

#include <glia/nn/conv.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/pool.hpp>

#include <string_view>
#include <vector>

namespace cifar100 {

namespace nn = glia::nn;
using glia::Index;

// Convolution to a new width, halving the image, then a residual convolution. The last stage leaves its output
// unactivated.
template <class D>
struct SpeedStage {
  nn::Conv2d<D> widen;
  nn::BatchNorm<D> widen_norm;
  nn::Conv2d<D> refine;
  nn::BatchNorm<D> refine_norm;
  GLIA_MEMBERS(widen, widen_norm, refine, refine_norm)

  SpeedStage(Index in, Index out, bool is_last)
      : widen({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        widen_norm(out, {.momentum = 0.4, .silu = true}),
        refine({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        refine_norm(out, {.momentum = 0.4, .silu = !is_last}) {
    carry_through(widen);
    carry_through(refine);
  }

  // The first channels start as the identity, the others at random.
  static void carry_through(nn::Conv2d<D>& conv) {
    const glia::NoGrad guard;
    auto part = conv.weight.tensor().slice(0, {0, std::min(conv.options.in, conv.options.out)});
    nn::init::dirac(part);
  }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& x) {
    const auto wide = widen_norm(glia::max_pool2d(widen(x), {.kernel = 2}));
    return refine_norm(refine(wide), wide);  // the residual comes behind the activation, which the last stage does without
  }
};

// What nets of a fixed whitening stem and stages of one kind share.
template <class D, class Stage>
struct FixedStemNet {
  static constexpr Index stem_channels = 48;
  nn::Conv2d<D> stem;
  std::vector<Stage> stages;

  FixedStemNet() : stem({.in = 3, .out = stem_channels, .kernel = 3, .padding = 1, .bias = false}) {
    stem.weight.set_requires_grad(false);
  }
  // Puts in the data's whitening filters [48, 3, 3, 3].
  void set_stem(const glia::Tensor<float, D>& filters) {
    const glia::NoGrad guard;
    stem.weight.tensor().copy_(filters);
  }

  glia::Tensor<float, D> activate(const glia::Tensor<float, D>& features) const { return glia::silu(features); }
  // The last stage's output, and those of all stages.
  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& images) { return feature_maps(images).back(); }
  std::vector<glia::Tensor<float, D>> feature_maps(const glia::Tensor<float, D>& images) {
    std::vector<glia::Tensor<float, D>> maps;
    auto x = glia::silu(stem(images));
    for (auto& stage : stages) maps.push_back(x = stage.forward(x));
    return maps;
  }

  Index channels() const { return stages.back().refine.options.out; }
  Index depth() const { return static_cast<Index>(stages.size()); }
  // 0 for the stem, s for stage s = 1, 2, ...
  static Index stage_of(std::string_view path) {
    return path.compare(0, 7, "stages.") == 0 && path.size() > 7 ? path[7] - '0' + 1 : 0;
  }
};

// A fixed whitening stem, then stages that halve the image (32 -> 16 -> 8 -> 4 pixels for three).
template <class D>
struct SpeedNet : FixedStemNet<D, SpeedStage<D>> {
  using FixedStemNet<D, SpeedStage<D>>::stem, FixedStemNet<D, SpeedStage<D>>::stages;
  GLIA_MEMBERS(stem, stages)

  explicit SpeedNet(const std::vector<Index>& widths) {
    Index in = SpeedNet::stem_channels;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      stages.emplace_back(in, widths[i], i + 1 == widths.size());
      in = widths[i];
    }
  }
};

}  // namespace cifar100
