#pragma once
// The swift net: most of its weights and work behind the pooling, where maps are small and a weight costs few
// multiplications. The division of work (narrow at first, three convolutions per stage, small kernels on the large maps) is
// that of recent entries in speed contests on CIFAR-100.

#include "speed_net.hpp"

namespace cifar100 {

// What a stage of a SwiftNet is made of.
struct SwiftStageShape {
  Index in = 0, inner = 0, out = 0;
  Index first_kernel = 3, second_kernel = 3;  // of the residual pair: in-between, and back to the stage's width
};

// Convolution to a new width, halving the image, then a residual pair of convolutions over `inner` channels. The last
// stage leaves its output unactivated.
template <class D>
struct SwiftStage {
  nn::Conv2d<D> widen;
  nn::BatchNorm<D> widen_norm;
  nn::Conv2d<D> inner;
  nn::BatchNorm<D> inner_norm;
  nn::Conv2d<D> refine;
  nn::BatchNorm<D> refine_norm;
  GLIA_MEMBERS(widen, widen_norm, inner, inner_norm, refine, refine_norm)

  SwiftStage(const SwiftStageShape& s, bool is_last)
      : widen({.in = s.in, .out = s.out, .kernel = 3, .padding = 1, .bias = false}),
        widen_norm(s.out, {.momentum = 0.4, .silu = true}),
        inner({.in = s.out, .out = s.inner, .kernel = s.first_kernel, .padding = s.first_kernel / 2, .bias = false}),
        inner_norm(s.inner, {.momentum = 0.4, .silu = true}),
        refine({.in = s.inner, .out = s.out, .kernel = s.second_kernel, .padding = s.second_kernel / 2, .bias = false}),
        refine_norm(s.out, {.momentum = 0.4, .silu = !is_last}) {
    for (auto* conv : {&widen, &inner, &refine}) SpeedStage<D>::carry_through(*conv);
  }

  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& x) {
    const auto wide = widen_norm(glia::max_pool2d(widen(x), {.kernel = 2}));
    return refine_norm(refine(inner_norm(inner(wide))),
                       wide);  // the residual comes behind the activation, as in SpeedStage
  }
};

// A fixed whitening stem, then three stages that halve the image: pairs of 1x1 convolutions in the first, of a 3x3 and
// a 1x1 in the second, of two 3x3 in the last.
template <class D>
struct SwiftNet : FixedStemNet<D, SwiftStage<D>> {
  using FixedStemNet<D, SwiftStage<D>>::stem, FixedStemNet<D, SwiftStage<D>>::stages;
  GLIA_MEMBERS(stem, stages)

  explicit SwiftNet(const std::vector<Index>& widths) {
    const Index a = widths[0], b = widths[1], c = widths[2];
    stages.emplace_back(
        SwiftStageShape{.in = SwiftNet::stem_channels, .inner = a, .out = a, .first_kernel = 1, .second_kernel = 1},
        false);
    stages.emplace_back(SwiftStageShape{.in = a, .inner = b * 3 / 4, .out = b, .first_kernel = 3, .second_kernel = 1},
                        false);
    stages.emplace_back(SwiftStageShape{.in = b, .inner = c * 2 / 3, .out = c}, true);
  }
};

}  // namespace cifar100
