#pragma once
// Networks that the comparison with PyTorch trains and runs, built from the library's layers: CIFAR ResNet-20 and
// ResNet-18 (He et al. 2016, shortcuts by 1x1 convolutions) and ResNet-9 with widths 64, 128, 256, 512.
// bench/torch_cases.py holds the same nets.

#include <glia/nn/fold.hpp>
#include <glia/nn/linear.hpp>
#include <glia/ops/pool.hpp>

#include <optional>
#include <vector>

namespace nets {

namespace nn = glia::nn;
using glia::Index;
using Tensor = glia::Tensor<>;

// Convolution, batch norm, optional residual, optional ReLU; fold() prepares it for inference.
struct ConvNorm {
  nn::Conv2d<> conv;
  std::optional<nn::BatchNorm<>> norm;
  GLIA_MEMBERS(conv, norm)

  ConvNorm(Index in, Index out, Index kernel = 3, Index stride = 1, bool with_relu = true)
      : conv({.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false}) {
    norm.emplace(out, nn::BatchNormOptions{.relu = with_relu});
  }
  Tensor forward(const Tensor& x, const Tensor& residual = {}) {
    return norm ? (*norm)(conv(x), residual) : conv(x, residual);
  }
  void fold() {
    conv = nn::fold(conv, *norm);
    norm.reset();
  }
};

struct Block {
  ConvNorm first, second;
  std::optional<ConvNorm> shortcut;
  GLIA_MEMBERS(first, second, shortcut)

  Block(Index in, Index out, Index stride) : first(in, out, 3, stride), second(out, out) {
    if (stride != 1 || in != out) shortcut.emplace(in, out, 1, stride, false);
  }
  Tensor forward(const Tensor& x) { return second.forward(first.forward(x), shortcut ? shortcut->forward(x) : x); }
};

// Widths double and images halve from group to group.
struct ResNet {
  ConvNorm stem;
  std::vector<Block> blocks;
  nn::Linear<> head;
  GLIA_MEMBERS(stem, blocks, head)

  ResNet(Index width, int groups, int blocks_per_group) : stem(3, width), head(width << (groups - 1), 100) {
    Index in = width;
    for (int g = 0; g < groups; ++g)
      for (int b = 0; b < blocks_per_group; ++b) {
        blocks.emplace_back(in, width << g, g > 0 && b == 0 ? 2 : 1);
        in = width << g;
      }
  }
  Tensor forward(const Tensor& images) {
    auto x = stem.forward(images);
    for (auto& block : blocks) x = block.forward(x);
    return head(glia::global_mean_pool(x));
  }
};

struct ResNet9 {
  ConvNorm stem{3, 64}, widen1{64, 128}, a1{128, 128}, b1{128, 128}, widen2{128, 256}, widen3{256, 512}, a3{512, 512},
      b3{512, 512};
  nn::Linear<> head{512, 100};
  GLIA_MEMBERS(stem, widen1, a1, b1, widen2, widen3, a3, b3, head)

  Tensor forward(const Tensor& images) {
    const auto halve = [](const Tensor& x) { return glia::max_pool2d(x, {.kernel = 2}); };
    auto x = halve(widen1.forward(stem.forward(images)));
    x = b1.forward(a1.forward(x), x);
    x = halve(widen3.forward(halve(widen2.forward(x))));
    x = b3.forward(a3.forward(x), x);
    return head(glia::global_mean_pool(x));
  }
};

inline ResNet resnet20() { return {16, 3, 3}; }
inline ResNet resnet18() { return {64, 4, 2}; }

// Folds every batch norm of a net.
template <class Net>
void fold(Net& net) {
  nn::visit(net, [](const std::string&, auto& part) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(part)>, ConvNorm>) part.fold();
  });
}

}  // namespace nets
