// Batch normalisation folded into a convolution.
#include <doctest/doctest.h>

#include <glia/nn/fold.hpp>

#include "support.hpp"

using namespace nn_test;
using Conv = nn::Conv2d<Cpu, double>;
using Norm = nn::BatchNorm<Cpu, double>;

TEST_CASE("a folded convolution equals convolution and normalisation in evaluation") {
  for (const bool bias : {false, true})
    for (const bool affine : {false, true}) {
      Conv conv({.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .groups = 2, .bias = bias});
      Norm norm{6, {.epsilon = 1e-2, .affine = affine}};
      if (affine) norm.weight.tensor() = wave({6}, 1), norm.bias.tensor() = wave({6}, 2);
      const auto x = normal({3, 5, 6, 4}, 3);
      norm(conv(x) * 2.0 + 1.0);  // moves the running statistics
      nn::eval(norm);
      const auto folded = nn::fold(conv, norm);
      const glia::NoGrad plain;
      const auto expected = norm(conv(x));
      check_close(folded(x), expected.to_vector(), 1e-12);
      CHECK(folded.options.stride.h == 2);
      CHECK(folded.bias.defined());
      norm.running_mean.tensor().fill_(9.0);
      check_close(folded(x), expected.to_vector(), 1e-12);  // a copy
    }
}

TEST_CASE("a folded convolution takes the ReLU along, and a residual before it") {
  glia::manual_seed(8);
  Conv conv({.in = 3, .out = 5, .kernel = 3, .padding = 1});
  Norm norm{5, {.relu = true}};
  const auto x = normal({2, 4, 4, 3}, 1), residual = normal({2, 4, 4, 5}, 2);
  norm(conv(x));
  nn::eval(norm);
  const auto folded = nn::fold(conv, norm);
  CHECK(folded.options.relu);
  const auto expected = norm(conv(x)).to_vector(), with_residual = norm(conv(x), residual).to_vector();
  for (const bool recorded : {false, true}) {  // two ways to compute it
    const glia::GradMode mode(recorded);
    check_close(folded(x), expected, 1e-12);
    check_close(folded(x, residual), with_residual, 1e-12);
  }
  CHECK(shape_error([&] { folded(x, x); }) == "conv2d_relu: residual must have shape [2, 4, 4, 5], got [2, 4, 4, 3]");
}

TEST_CASE("folding refuses an activation in between or one that it cannot take along") {
  const Conv conv({.in = 2, .out = 3, .kernel = 1}), active({.in = 2, .out = 3, .kernel = 1, .relu = true});
  CHECK_THROWS_WITH_AS(nn::fold(active, Norm{3}), "fold: the convolution has a ReLU before the normalisation",
                       glia::ValueError);
  CHECK_THROWS_WITH_AS(nn::fold(conv, Norm{3, {.silu = true}}),
                       "fold: a SiLU does not fold; make the norm without it and apply silu() behind", glia::ValueError);
}

TEST_CASE("folding draws no initial weights") {
  const Conv conv({.in = 2, .out = 2, .kernel = 1});
  const Norm norm{2};
  glia::manual_seed(4);
  const auto next = Conv({.in = 2, .out = 2, .kernel = 1}).weight.tensor().to_vector();
  glia::manual_seed(4);
  nn::fold(conv, norm);
  CHECK(Conv({.in = 2, .out = 2, .kernel = 1}).weight.tensor().to_vector() == next);
}

TEST_CASE("folding refuses other channel counts") {
  Conv conv({.in = 2, .out = 3, .kernel = 1});
  CHECK(shape_error([&] { nn::fold(conv, Norm{4}); }) == "fold: running mean must have shape [3], got [4]");
}
