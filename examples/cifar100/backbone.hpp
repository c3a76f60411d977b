#pragma once
// Backbones: images [N, 32, 32, 3] to shared feature maps [N, h, w, C] before their last activation, so that the neuromorphic
// layer of the framework is that activation.

#include <glia/glia.hpp>

#include <array>
#include <variant>
#include <vector>

namespace cifar100 {

namespace nn = glia::nn;
using glia::Index;

// Convolution to a new width, halving the image, then a residual convolution. The last stage leaves its output unactivated.
template <class D>
struct SpeedStage {
  nn::Conv2d<D> widen;
  nn::BatchNorm<D> widen_norm;
  nn::Conv2d<D> refine;
  nn::BatchNorm<D> refine_norm;
  bool last;
  GLIA_MEMBERS(widen, widen_norm, refine, refine_norm)

  SpeedStage(Index in, Index out, bool is_last)
      : widen({.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        widen_norm(out, {.momentum = 0.4}),
        refine({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        refine_norm(out, {.momentum = 0.4}),
        last(is_last) {
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
    const auto wide = glia::silu(widen_norm(glia::max_pool2d(widen(x), {.kernel = 2})));
    const auto refined = refine_norm(refine(wide));
    return last ? wide + refined : wide + glia::silu(refined);
  }
};

// The speed net: a fixed whitening stem, then three stages (32 -> 16 -> 8 -> 4 pixels). Widths 64, 128, 256 make the slim net of
// 94 million multiply-accumulates per image; 64, 192, 384 the full one of 151 million.
template <class D>
struct SpeedNet {
  nn::Conv2d<D> stem;
  std::vector<SpeedStage<D>> stages;
  GLIA_MEMBERS(stem, stages)

  explicit SpeedNet(const std::array<Index, 3>& widths)
      : stem({.in = 3, .out = 48, .kernel = 3, .padding = 1, .bias = false}) {
    Index in = 48;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      stages.emplace_back(in, widths[i], i + 1 == widths.size());
      in = widths[i];
    }
    stem.weight.set_requires_grad(false);
  }
  // Puts in the data's whitening filters [48, 3, 3, 3].
  void set_stem(const glia::Tensor<float, D>& filters) {
    const glia::NoGrad guard;
    stem.weight.tensor().copy_(filters);
  }
  Index channels() const { return stages.back().refine.options.out; }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& images) {
    auto x = glia::silu(stem(images));
    for (auto& stage : stages) x = stage.forward(x);
    return x;
  }
};

// Two 3x3 convolutions with a shortcut (He et al. 2016); option B: a 1x1 convolution where the shape changes.
template <class D>
struct BasicBlock {
  nn::Conv2d<D> conv1;
  nn::BatchNorm<D> norm1;
  nn::Conv2d<D> conv2;
  nn::BatchNorm<D> norm2;
  std::optional<nn::Conv2d<D>> shortcut;
  std::optional<nn::BatchNorm<D>> shortcut_norm;
  bool last;
  GLIA_MEMBERS(conv1, norm1, conv2, norm2, shortcut, shortcut_norm)

  BasicBlock(Index in, Index out, Index stride, bool is_last)
      : conv1({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
        norm1(out, {.relu = true}),
        conv2({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        norm2(out, {.relu = !is_last}),
        last(is_last) {
    nn::init::kaiming_normal(conv1.weight);
    nn::init::kaiming_normal(conv2.weight);
    if (stride != 1 || in != out) {
      shortcut.emplace(nn::Conv2dOptions{.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false});
      shortcut_norm.emplace(out);
    }
  }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& x) {
    const auto identity = shortcut ? (*shortcut_norm)((*shortcut)(x)) : x;
    return norm2(conv2(norm1(conv1(x))), identity);
  }
};

// ResNet-18 for 32-pixel images: a 3x3 stem, no pooling at the start, four groups of two blocks.
template <class D>
struct ResNet18 {
  nn::Conv2d<D> stem;
  nn::BatchNorm<D> stem_norm;
  std::vector<BasicBlock<D>> blocks;
  GLIA_MEMBERS(stem, stem_norm, blocks)

  ResNet18() : stem({.in = 3, .out = 64, .kernel = 3, .padding = 1, .bias = false}), stem_norm(64, {.relu = true}) {
    nn::init::kaiming_normal(stem.weight);
    Index in = 64;
    for (Index group = 0; group < 4; ++group)
      for (Index block = 0; block < 2; ++block) {
        const Index out = Index{64} << group;
        blocks.emplace_back(in, out, group > 0 && block == 0 ? 2 : 1, group == 3 && block == 1);
        in = out;
      }
  }
  Index channels() const { return 512; }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& images) {
    auto x = stem_norm(stem(images));
    for (auto& block : blocks) x = block.forward(x);
    return x;
  }
};

template <class D>
using Backbone = std::variant<SpeedNet<D>, ResNet18<D>>;

// "slim", "speed" or "resnet18".
template <class D>
Backbone<D> make_backbone(const std::string& name) {
  if (name == "resnet18") return ResNet18<D>();
  if (name == "speed") return SpeedNet<D>({64, 192, 384});
  if (name == "slim") return SpeedNet<D>({64, 128, 256});
  glia::raise<glia::ValueError>("make_backbone", "expected slim, speed or resnet18, got ", name);
}

}  // namespace cifar100
