// Pooling of channels-last images.
#include <doctest/doctest.h>

#include <glia/ops/elementwise.hpp>
#include <glia/ops/pool.hpp>

#include <limits>

#include "../reference/torch_ops_fixture.hpp"
#include "support.hpp"

using namespace ops_test;
using V = const Doubles&;

TEST_CASE("pools agree with PyTorch") {
  const Doubles x{wave({2, 5, 4, 2}, 1)}, one{wave({1, 5, 4, 2}, 1)};
  check_reference([](V v) { return glia::max_pool2d(v[0], {.kernel = 3, .stride = 2, .padding = 1}); }, x, fixture::max_pool,
                  {fixture::max_pool_grad0});
  check_reference([](V v) { return glia::max_pool2d(v[0], {.kernel = 2, .stride = 1, .padding = 1, .dilation = 2}); }, one,
                  fixture::max_pool_dilated, {fixture::max_pool_dilated_grad0});
  check_reference([](V v) { return glia::avg_pool2d(v[0], {.kernel = 3, .stride = 2, .padding = 1}); }, x, fixture::avg_pool,
                  {fixture::avg_pool_grad0});
  check_reference(
      [](V v) { return glia::avg_pool2d(v[0], {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false}); }, x,
      fixture::avg_pool_inside, {fixture::avg_pool_inside_grad0});
  check_reference([](V v) { return glia::adaptive_avg_pool2d(v[0], 2, 3); }, x, fixture::adaptive_pool,
                  {fixture::adaptive_pool_grad0});
}

TEST_CASE("pools are twice differentiable, with any leading axes") {
  for (const Shape& shape : {Shape{4, 3, 2}, Shape{2, 1, 4, 5, 1}}) {
    const Doubles x{normal(shape, 1)};
    check_gradients([](V v) { return glia::max_pool2d(v[0], {.stride = 1}) * glia::max_pool2d(v[0], {.stride = 1}); }, x);
    check_gradients([](V v) { return glia::avg_pool2d(v[0] * v[0], {.kernel = 2, .stride = 1, .padding = 1}); }, x);
    check_gradients([](V v) { return glia::adaptive_avg_pool2d(v[0] * v[0], 3, 2); }, x);
    check_gradients([](V v) { return glia::global_mean_pool(v[0] * v[0]); }, x);
  }
}

TEST_CASE("max pooling: the first of equals wins, NaN wins over numbers, padding never wins") {
  auto x = glia::full<float>({1, 2, 2, 1}, -5.0f);
  x.set_requires_grad();
  const auto y = glia::max_pool2d(x, {.kernel = 2, .stride = 1, .padding = 1});
  CHECK(y.to_vector() == std::vector<float>(9, -5.0f));
  y.backward(glia::ones<float>({1, 3, 3, 1}));
  CHECK(x.grad().to_vector() == std::vector<float>{4, 2, 2, 1});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(glia::max_pool2d(glia::tensor<float>({1, nan, 3, 2}, {2, 2, 1})).item()));
}

TEST_CASE("pooled shapes, also of empty batches") {
  CHECK(glia::max_pool2d(glia::zeros<float>({0, 4, 4, 3})).shape() == Shape{0, 2, 2, 3});
  CHECK(glia::avg_pool2d(glia::zeros<float>({2, 3, 5, 7, 3})).shape() == Shape{2, 3, 2, 3, 3});
  CHECK(glia::adaptive_avg_pool2d(glia::zeros<float>({2, 2, 0}), 1, 1).shape() == Shape{1, 1, 0});
  CHECK(glia::global_mean_pool(glia::ones<float>({5, 2, 2, 3})).to_vector() == std::vector<float>(15, 1.0f));
}

TEST_CASE("pools name what is wrong") {
  const auto x = glia::zeros<float>({1, 3, 3, 1});
  CHECK(error_of<glia::ShapeError>([&] { glia::max_pool2d(x, {.kernel = 4}); }) ==
        "max_pool2d: a window of 4 does not fit into input [1, 3, 3, 1] with padding 0");
  CHECK(error_of<glia::ShapeError>([&] { glia::max_pool2d(glia::zeros<float>({1, 3, 1}), {.kernel = 2, .stride = 1, .padding = 2, .dilation = 3}); }) ==
        "max_pool2d: a window of 2 with dilation 3 and padding 2 has no pixel in input [1, 3, 1]");
  CHECK(glia::max_pool2d(x, {.kernel = 2, .stride = 1, .padding = 2, .dilation = 3}).shape() == glia::Shape{1, 4, 4, 1});
  CHECK(error_of<glia::ValueError>([&] { glia::avg_pool2d(x, {.kernel = 2, .padding = 2}); }) ==
        "avg_pool2d: padding must be between 0 and half of the window (1), got 2");
  CHECK(error_of<glia::ValueError>([&] { glia::max_pool2d(x, {.kernel = 2, .stride = -1}); }) ==
        "max_pool2d: kernel, stride and dilation must be positive, got 2, -1 and 1");
  CHECK(error_of<glia::ShapeError>([&] { glia::global_mean_pool(glia::zeros<float>({3, 1})); }) ==
        "global_mean_pool: input must have at least 3 axes, got shape [3, 1]");
  CHECK(error_of<glia::ValueError>([&] { glia::adaptive_avg_pool2d(x, 0, 1); }) ==
        "adaptive_avg_pool2d: the output size must be positive, got 0 x 1");
  auto leaf = x.detach().set_requires_grad();
  const auto y = glia::max_pool2d(leaf);
  y.backward(glia::ones<float>(y.shape()));
  CHECK(error_of<glia::AutogradError>([&] { y.backward(glia::ones<float>(y.shape())); }).find("max_pool2d: the graph was freed") == 0);
}

TEST_CASE("2x2 max pooling: every window, ties, NaN, odd sizes and results larger than the caches") {
  const auto check = [](const Shape& shape, std::uint64_t seed) {
    glia::Generator generator(seed);
    auto x = glia::round(glia::randn<float>(shape, generator) * 2.0f);  // many ties
    if (x.numel() < 1000) x.mutable_data()[5] = std::numeric_limits<float>::quiet_NaN();
    x.set_requires_grad();
    const auto y = glia::max_pool2d(x, {.kernel = 2});
    const Index n = shape[0], h = shape[1], w = shape[2], c = shape[3], oh = h / 2, ow = w / 2;
    REQUIRE(y.shape() == Shape{n, oh, ow, c});
    const auto weight = glia::randn<float>(y.shape(), generator);
    glia::sum(y * weight).backward();
    const float *in = x.data(), *out = y.data(), *dy = weight.data();
    std::vector<float> gradient(static_cast<std::size_t>(x.numel()), 0.0f);
    bool equal = true;
    for (Index i = 0; i < y.numel(); ++i) {
      const Index k = i % c, column = i / c % ow, row = i / c / ow % oh, image = i / c / ow / oh;
      Index best = -1;
      for (Index a = 0; a < 2; ++a)
        for (Index b = 0; b < 2; ++b) {
          const Index at = ((image * h + 2 * row + a) * w + 2 * column + b) * c + k;
          const bool better = best < 0 || in[at] > in[best] || (std::isnan(in[at]) && !std::isnan(in[best]));
          best = better ? at : best;
        }
      gradient[static_cast<std::size_t>(best)] += dy[i];
      equal = equal && (out[i] == in[best] || (std::isnan(out[i]) && std::isnan(in[best])));
    }
    CHECK(equal);
    CHECK(x.grad().to_vector() == gradient);
  };
  check({2, 4, 6, 3}, 1);
  check({1, 5, 7, 9}, 2);
  check({1, 2, 2, 600}, 3);
  check({3, 256, 256, 24}, 4);
}
