#pragma once
// Residual networks of basic blocks for 32-pixel images (He et al. 2016): a 3x3 stem without pooling, then stages of
// which all but the first halve the image. ResNet-18 and 34: four stages; ResNet-20, 32, ... (6n + 2): three stages of
// 16, 32, 64 channels. Members bear the names of torchvision's ResNet.

#include <glia/nn/containers.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/join.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace cifar100 {

namespace nn = glia::nn;
using glia::Index;

// Two 3x3 convolutions with a shortcut. Where the shape changes the shortcut is a 1x1 convolution with batch norm
// (option B) or every second pixel with zeros for the new channels, half of them in front (option A, without
// parameters).
template <class D>
struct BasicBlock {
  nn::Conv2d<D> conv1;
  nn::BatchNorm<D> bn1;
  nn::Conv2d<D> conv2;
  nn::BatchNorm<D> bn2;
  std::optional<nn::Sequential<nn::Conv2d<D>, nn::BatchNorm<D>>> downsample;
  GLIA_MEMBERS(conv1, bn1, conv2, bn2, downsample)

  // `last`: the block's output is left unactivated.
  BasicBlock(Index in, Index out, Index stride, bool projection, bool last)
      : conv1({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
        bn1(out, {.relu = true}),
        conv2({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}),
        bn2(out, {.relu = !last}) {
    nn::init::kaiming_normal(conv1.weight);
    nn::init::kaiming_normal(conv2.weight);
    if (projection && (stride != 1 || in != out))
      downsample.emplace(
          nn::Conv2d<D>(nn::Conv2dOptions{.in = in, .out = out, .kernel = 1, .stride = stride, .bias = false}),
          nn::BatchNorm<D>(out));
  }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& x) {
    return bn2(conv2(bn1(conv1(x))), downsample ? downsample->forward(x) : padded(x));
  }

 private:
  glia::Tensor<float, D> padded(const glia::Tensor<float, D>& x) const {
    const Index stride = conv1.options.stride.h, extra = conv1.options.out - conv1.options.in;
    if (stride == 1 && extra == 0) return x;
    const int rank = x.rank();
    const auto pixels = x.slice(rank - 3, {0, x.size(-3), stride}).slice(rank - 2, {0, x.size(-2), stride});
    glia::Axes before, after;
    for (int i = 0; i < rank; ++i) {
      before.push_back(i + 1 == rank ? extra / 2 : 0);
      after.push_back(i + 1 == rank ? extra - extra / 2 : 0);
    }
    return glia::pad(pixels, before, after);
  }
};

template <class D>
struct ResNet {
  nn::Conv2d<D> conv1;
  nn::BatchNorm<D> bn1;
  std::vector<std::vector<BasicBlock<D>>> layers;  // visited as layer1, layer2, ...

  ResNet(const std::vector<Index>& widths, const std::vector<Index>& blocks, bool projection)
      : conv1({.in = 3, .out = widths.at(0), .kernel = 3, .padding = 1, .bias = false}),
        bn1(widths[0], {.relu = true}) {
    nn::init::kaiming_normal(conv1.weight);
    Index in = widths[0];
    for (std::size_t s = 0; s < widths.size(); ++s) {
      auto& layer = layers.emplace_back();
      for (Index b = 0; b < blocks.at(s); ++b) {
        const bool last = s + 1 == widths.size() && b + 1 == blocks[s];
        layer.emplace_back(in, widths[s], s > 0 && b == 0 ? 2 : 1, projection, last);
        in = widths[s];
      }
    }
  }

  template <class Visitor>
  void visit_members(Visitor&& visitor) {
    each(*this, visitor);
  }
  template <class Visitor>
  void visit_members(Visitor&& visitor) const {
    each(*this, visitor);
  }

  Index channels() const { return layers.back().back().conv2.options.out; }
  Index depth() const { return static_cast<Index>(layers.size()); }
  // 0 for the stem, s for layer s = 1, 2, ...
  static Index stage_of(std::string_view path) {
    return path.compare(0, 5, "layer") == 0 && path.size() > 5 ? path[5] - '0' : 0;
  }
  glia::Tensor<float, D> activate(const glia::Tensor<float, D>& features) const { return glia::relu(features); }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& images) {
    auto x = bn1(conv1(images));
    for (auto& layer : layers)
      for (auto& block : layer) x = block.forward(x);
    return x;
  }
  std::vector<glia::Tensor<float, D>> feature_maps(const glia::Tensor<float, D>& images) {
    std::vector<glia::Tensor<float, D>> maps;
    auto x = bn1(conv1(images));
    for (auto& layer : layers) {
      for (auto& block : layer) x = block.forward(x);
      maps.push_back(x);
    }
    return maps;
  }

 private:
  template <class Self, class Visitor>
  static void each(Self& self, Visitor& visitor) {
    visitor("conv1", self.conv1);
    visitor("bn1", self.bn1);
    for (std::size_t s = 0; s < self.layers.size(); ++s)
      visitor(("layer" + std::to_string(s + 1)).c_str(), self.layers[s]);
  }
};

}  // namespace cifar100
