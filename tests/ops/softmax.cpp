// Softmax and log-softmax.
#include <doctest/doctest.h>

#include <glia/ops/softmax.hpp>

#include <limits>

#include "../reference/torch_ops_fixture.hpp"
#include "support.hpp"

using namespace ops_test;
using V = const Doubles&;

TEST_CASE("softmax and log_softmax agree with PyTorch") {
  const Doubles x{5.0 * wave({2, 3, 4}, 1)};
  check_reference([](V v) { return glia::softmax(v[0], 1); }, x, fixture::softmax, {fixture::softmax_grad0});
  check_reference([](V v) { return glia::log_softmax(v[0]); }, x, fixture::log_softmax, {fixture::log_softmax_grad0});
}

TEST_CASE("softmax is twice differentiable along every axis") {
  for (const int axis : {0, 1, -1}) {
    check_gradients([=](V v) { return glia::softmax(v[0], axis); }, {normal({2, 3, 2}, 1)});
    check_gradients([=](V v) { return glia::log_softmax(v[0], axis); }, {normal({2, 3, 2}, 2)});
  }
}

TEST_CASE("softmax of long float32 rows agrees with a double reference") {
  glia::Generator generator(5);
  const auto x = glia::randn<float>({3, 1000}, generator, 0.0f, 4.0f);
  const auto values = x.to_vector();
  std::vector<double> p, l;
  for (std::size_t r = 0; r < 3; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < 1000; ++i) sum += std::exp(static_cast<double>(values[r * 1000 + i]));
    for (std::size_t i = 0; i < 1000; ++i) {
      l.push_back(static_cast<double>(values[r * 1000 + i]) - std::log(sum));
      p.push_back(std::exp(l.back()));
    }
  }
  for (const auto& y : {x, strided(x)}) {
    check_close(glia::softmax(y), p, 2e-7);
    check_close(glia::log_softmax(y), l, 4e-6);
    check_close(glia::softmax(y.transpose(), 0).transpose(), p, 2e-7);
  }
}

TEST_CASE("softmax of huge, empty and 16-bit inputs") {
  const auto huge = glia::softmax(glia::tensor<float>({1e4f, 1e4f, -1e4f}));
  CHECK(huge.to_vector() == std::vector<float>{0.5f, 0.5f, 0.0f});
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(glia::softmax(glia::tensor<float>({0.0f, -infinity})).to_vector() == std::vector<float>{1.0f, 0.0f});
  CHECK(glia::softmax(glia::zeros<double>({0, 3}), 0).shape() == Shape{0, 3});
  CHECK(glia::softmax(glia::zeros<double>({3, 0})).numel() == 0);
  const auto small = glia::softmax(glia::zeros<float>({2, 4}).cast<glia::bfloat16>());
  CHECK(static_cast<float>(small.to_vector()[0]) == 0.25f);
}

TEST_CASE("softmax names a wrong axis") {
  CHECK(error_of<glia::IndexError>([] { glia::softmax(glia::zeros<double>({2}), 1); }) == "softmax: axis 1 is outside a tensor of rank 1");
  CHECK(error_of<glia::IndexError>([] { glia::log_softmax(glia::zeros<double>({})); }) == "log_softmax: axis -1 is outside a tensor of rank 0");
}
