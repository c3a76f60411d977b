// Batch, layer and group normalisation.
#include <doctest/doctest.h>

#include <glia/core/parallel.hpp>
#include <glia/ops/batch_norm_silu.hpp>

#include "../reference/torch_ops_fixture.hpp"
#include "support.hpp"

using namespace ops_test;
using V = const Doubles&;

TEST_CASE("normalisations agree with PyTorch") {
  const Doubles images{wave({2, 2, 3, 3}, 1), wave({3}, 2), wave({3}, 3)};
  check_reference([](V v) { return glia::batch_norm(v[0], v[1], v[2]).output; }, images, fixture::batch_norm,
                  {fixture::batch_norm_grad0, fixture::batch_norm_grad1, fixture::batch_norm_grad2});
  Doubles fused = images;
  fused.push_back(wave({2, 2, 3, 3}, 4));
  check_reference([](V v) { return glia::batch_norm(v[0], v[1], v[2], {.epsilon = 1e-3, .relu = true}, v[3]).output; }, fused,
                  fixture::batch_norm_relu,
                  {fixture::batch_norm_relu_grad0, fixture::batch_norm_relu_grad1, fixture::batch_norm_relu_grad2,
                   fixture::batch_norm_relu_grad3});
  const auto mean = wave({3}, 5), deviation = wave({3}, 6);
  check_reference([&](V v) { return glia::batch_norm_inference(v[0], mean, deviation * deviation, v[1], v[2]); }, images,
                  fixture::batch_norm_inference,
                  {fixture::batch_norm_inference_grad0, fixture::batch_norm_inference_grad1, fixture::batch_norm_inference_grad2});
  check_reference([](V v) { return glia::layer_norm(v[0], v[1], v[2]); }, {wave({3, 5}, 1), wave({5}, 2), wave({5}, 3)},
                  fixture::layer_norm, {fixture::layer_norm_grad0, fixture::layer_norm_grad1, fixture::layer_norm_grad2});
  check_reference([](V v) { return glia::group_norm(v[0], 2, v[1], v[2]); }, {wave({2, 2, 2, 4}, 1), wave({4}, 2), wave({4}, 3)},
                  fixture::group_norm, {fixture::group_norm_grad0, fixture::group_norm_grad1, fixture::group_norm_grad2});
}

TEST_CASE("normalisations are twice differentiable") {
  const auto x = normal({2, 3, 4}, 1), r = normal({2, 3, 4}, 2), g = normal({4}, 3), b = normal({4}, 4);
  check_gradients([](V v) { return glia::batch_norm(v[0], v[1], v[2]).output; }, {x, g, b});
  check_gradients([](V v) { return glia::batch_norm(v[0], v[1], v[2], {.relu = true}, v[3]).output; }, {x, g, b, r});
  check_gradients([](V v) { return glia::batch_norm(v[0], {}, {}, {.relu = true}).output; }, {x});
  const auto mean = normal({4}, 5), variance = glia::full<double>({4}, 0.7);
  check_gradients([&](V v) { return glia::batch_norm_inference(v[0], mean, variance, v[1], v[2], {.relu = true}, v[3]); },
                  {x, g, b, r});
  check_gradients([](V v) { return glia::layer_norm(v[0], v[1], v[2]); }, {x, g, b});
  check_gradients([](V v) { return glia::layer_norm(v[0]); }, {x});
  check_gradients([](V v) { return glia::group_norm(v[0], 2, v[1], v[2]); }, {normal({2, 2, 1, 4}, 6), g, b});
  check_gradients([](V v) { return glia::group_norm(v[0], 2); }, {x});
  check_gradients([&](V v) { return glia::batch_norm_inference(v[0], mean, variance, v[1]); }, {normal({4}, 7), g});
}

TEST_CASE("fused SiLU equals normalisation, activation and residual one after the other, with all derivatives") {
  const auto x = normal({3, 2, 5, 4}, 1), r = normal({3, 2, 5, 4}, 2), g = normal({4}, 3), b = normal({4}, 4);
  const auto composed = [&](V v) { return glia::silu(glia::batch_norm(v[0], v[1], v[2]).output) + v[3]; };
  const auto fused = [](V v) { return glia::batch_norm_silu(v[0], v[1], v[2], {}, v[3]).output; };
  Doubles inputs{x, g, b, r};
  std::vector<std::vector<double>> values, gradients;
  for (int i = 0; i < 2; ++i) {
    Doubles v;
    for (const auto& t : inputs) v.push_back(t.detach().clone().set_requires_grad());
    const auto y = i == 0 ? composed(v) : fused(v);
    values.push_back(y.to_vector());
    glia::sum(y * wave({3, 2, 5, 4}, 5)).backward();
    for (const auto& t : v) gradients.push_back(t.grad().to_vector());
  }
  check_close(values[1], values[0], 1e-12);
  for (std::size_t k = 0; k < 4; ++k) check_close(gradients[4 + k], gradients[k], 1e-10);
  check_gradients(fused, inputs);
  check_gradients([](V v) { return glia::batch_norm_silu(v[0]).output; }, {x});
  const auto mean = normal({4}, 5), variance = glia::full<double>({4}, 0.7);
  check_gradients([&](V v) { return glia::batch_norm_silu_inference(v[0], mean, variance, v[1], v[2], {}, v[3]); }, inputs);
  check_close(glia::batch_norm_silu_inference(x, mean, variance, g, b, {}, r),
              (glia::silu(glia::batch_norm_inference(x, mean, variance, g, b)) + r).to_vector(), 1e-12);
  check_gradients([&](V v) { return glia::batch_norm_silu_inference(v[0], mean, variance, v[1]); }, {normal({4}, 7), g});
  CHECK_THROWS_WITH_AS(glia::batch_norm_silu(x, {}, {}, {.relu = true}),
                       "batch_norm_silu: the relu option does not apply: the activation is SiLU", glia::ValueError);
  CHECK_THROWS_AS(glia::batch_norm_silu(x, normal({3}, 1)), glia::ShapeError);
}

TEST_CASE("results too large for the caches are written past them and are the same") {
  // 4.5 million floats are above the limit, and 11 channels misalign every row.
  glia::Generator generator(3);
  const auto x = glia::randn<float>({410000, 11}, generator), part = x.slice(0, {0, 1000});
  const auto scale = glia::rand<float>({11}, generator, 0.5f, 1.5f), shift = glia::randn<float>({11}, generator);
  const auto mean = glia::zeros<float>({11}), variance = glia::full<float>({11}, 1.0f);
  REQUIRE(glia::simd::worth_streaming<float>(x.numel()));
  REQUIRE_FALSE(glia::simd::worth_streaming<float>(part.numel()));
  const auto check_rows = [&](const auto& f) {
    const auto large = f(x), small = f(part);
    CHECK(large.slice(0, {0, 1000}).to_vector() == small.to_vector());
    CHECK(glia::isfinite(glia::sum(large)).item());
  };
  check_rows([&](const auto& t) { return glia::batch_norm_silu_inference(t, mean, variance, scale, shift, {}, t); });
  check_rows([&](const auto& t) { return glia::batch_norm_inference(t, mean, variance, scale, shift, {.relu = true}, t); });
  check_rows([&](const auto& t) { return glia::silu(t * 2.0f); });
  check_rows([&](const auto& t) {
    auto leaf = t.detach().clone().set_requires_grad();
    glia::sum(glia::batch_norm_silu_inference(leaf, mean, variance, scale, shift)).backward();
    return leaf.grad();
  });
}

TEST_CASE("batch statistics: biased variance, no gradient, exact under a large offset") {
  glia::Generator generator(8);
  const auto x = glia::randn<float>({3000, 5}, generator, 1000.0f, 1.0f);
  auto recorded = x.detach().set_requires_grad();
  const auto result = glia::batch_norm(recorded);
  CHECK(result.count == 3000);
  CHECK_FALSE(result.mean.requires_grad());
  const auto values = x.to_vector();
  std::vector<double> mean(5, 0.0), variance(5, 0.0), normal(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) mean[i % 5] += static_cast<double>(values[i]) / 3000.0;
  for (std::size_t i = 0; i < values.size(); ++i)
    variance[i % 5] += (static_cast<double>(values[i]) - mean[i % 5]) * (static_cast<double>(values[i]) - mean[i % 5]) / 3000.0;
  for (std::size_t i = 0; i < values.size(); ++i)
    normal[i] = (static_cast<double>(values[i]) - mean[i % 5]) / std::sqrt(variance[i % 5] + 1e-5);
  check_close(result.mean, mean, 7e-5);
  check_close(result.variance, variance, 5e-6);
  check_close(result.output, normal, 1e-4);
}

TEST_CASE("normalisation does not depend on the thread count") {
  glia::Generator generator(9);
  const auto x = glia::randn<float>({900, 7, 16}, generator), dy = glia::randn<float>({900, 7, 16}, generator);
  const auto gamma = glia::randn<float>({16}, generator);
  const int threads = glia::num_threads();
  std::vector<float> first;
  for (const int count : {1, 2, 5}) {
    glia::set_num_threads(count);
    std::vector<float> all;
    for (int op = 0; op < 3; ++op) {
      auto in = x.detach().set_requires_grad(), weight = gamma.detach().set_requires_grad();
      const auto y = op == 0   ? glia::batch_norm(in, weight).output
                     : op == 1 ? glia::layer_norm(in, weight)
                               : glia::group_norm(in, 4, weight);
      y.backward(dy);
      for (const auto& part : {y, in.grad(), weight.grad()}) {
        const auto numbers = part.to_vector();
        all.insert(all.end(), numbers.begin(), numbers.end());
      }
    }
    if (first.empty()) first = all;
    CHECK(first == all);
  }
  glia::set_num_threads(threads);
}

TEST_CASE("float32 normalisation of many channels agrees with float64") {
  for (const Index channels : {3, 64, 300}) {
    CAPTURE(channels);
    glia::Generator generator(10);
    const auto x = glia::randn<float>({130, channels}, generator), dy = glia::randn<float>({130, channels}, generator);
    auto single = x.detach().set_requires_grad();
    auto exact = x.cast<double>().detach().set_requires_grad();
    const auto y = glia::batch_norm(single, {}, {}, {.relu = true}).output;
    const auto z = glia::batch_norm(exact, {}, {}, {.relu = true}).output;
    y.backward(dy);
    z.backward(dy.cast<double>());
    check_close(y, z.to_vector(), 3e-6);
    check_close(single.grad(), exact.grad().to_vector(), 3e-6);
  }
}

TEST_CASE("normalisation of empty inputs and mistakes") {
  const auto x = glia::zeros<double>({0, 3});
  CHECK(glia::layer_norm(x).shape() == x.shape());
  CHECK(glia::group_norm(x, 3).shape() == x.shape());
  CHECK(glia::batch_norm_inference(x, glia::zeros<double>({3}), glia::ones<double>({3})).shape() == x.shape());
  CHECK(glia::batch_norm(glia::zeros<double>({3, 0})).output.numel() == 0);
  CHECK(error_of<glia::ValueError>([&] { glia::batch_norm(x); }) ==
        "batch_norm: training statistics need at least one value per channel, got shape [0, 3]");
  const auto y = glia::zeros<double>({2, 3});
  CHECK(error_of<glia::ShapeError>([&] { glia::batch_norm(y, glia::ones<double>({2})); }) ==
        "batch_norm: gamma must have shape [3], got [2]");
  CHECK(error_of<glia::ShapeError>([&] { glia::batch_norm(y, {}, {}, {}, glia::ones<double>({3})); }) ==
        "batch_norm: residual must have shape [2, 3], got [3]");
  CHECK(error_of<glia::ShapeError>([&] { glia::group_norm(y, 2); }) ==
        "group_norm: 2 groups do not divide the 3 channels of input [2, 3]");
  CHECK(error_of<glia::ShapeError>([&] { glia::layer_norm(glia::scalar<double>(1.0)); }) ==
        "layer_norm: input must have at least 1 axes, got shape []");
}
