// Initial weights, and the layers with random streams.
#include <doctest/doctest.h>

#include <glia/autograd/checkpoint.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/dropout.hpp>
#include <glia/nn/linear.hpp>
#include <glia/ops/reduce.hpp>

#include "../reference/nn_fixture.hpp"
#include "support.hpp"

using namespace nn_test;
namespace init = nn::init;

namespace {
struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};
Moments moments(const std::vector<float>& values) {
  Moments m;
  m.low = m.high = static_cast<double>(values.at(0));
  double square = 0;
  for (const float v : values) {
    const double x = static_cast<double>(v);
    m.mean += x, square += x * x;
    m.low = std::min(m.low, x), m.high = std::max(m.high, x);
  }
  const double n = static_cast<double>(values.size());
  m.mean /= n;
  m.deviation = std::sqrt(square / n - m.mean * m.mean);
  return m;
}
}  // namespace

TEST_CASE("fans and Dirac weights agree with PyTorch") {
  std::vector<double> fans;
  for (const Shape& shape : {Shape{6, 5}, Shape{8, 3, 3, 2}, Shape{4, 1, 1, 4}, Shape{4, 3, 2, 1}}) {
    const auto f = init::fans(shape);
    fans.push_back(static_cast<double>(f.in));
    fans.push_back(static_cast<double>(f.out));
  }
  CHECK(fans == nn_fixture::fans);
  auto weight = glia::ones<double>({6, 3, 3, 2});
  init::dirac(weight, 2);
  CHECK(weight.to_vector() == nn_fixture::dirac);
  // A Dirac convolution passes images through.
  nn::Conv2d<> conv{{.in = 4, .out = 4, .kernel = 3, .padding = 1, .bias = false}};
  init::dirac(conv.weight);
  const auto x = wave({1, 5, 5, 4}, 1).cast<float>();
  CHECK(conv(x).to_vector() == x.to_vector());
}

TEST_CASE("distributions have their bounds and deviations") {
  // 46,080 numbers: the sample deviation lies within 1 % of the true one with overwhelming probability.
  auto weight = glia::zeros<float>({64, 3, 3, 80});
  glia::Generator generator(3);
  const double fan_in = 720, fan_out = 576;
  const auto check = [&](double mean, double deviation) {
    const Moments m = moments(weight.to_vector());
    CHECK(std::abs(m.mean - mean) < 0.02 * deviation);
    CHECK(std::abs(m.deviation - deviation) < 0.01 * deviation);
    return m;
  };
  init::kaiming_normal(weight, {}, generator);
  check(0, std::sqrt(2 / fan_in));
  init::kaiming_uniform(weight, {.fan = init::FanMode::out, .gain = init::gain_leaky_relu(1.0)}, generator);
  const Moments uniform = check(0, std::sqrt(1 / fan_out));
  const double bound = std::sqrt(3 / fan_out);
  CHECK(uniform.low >= -bound);
  CHECK(uniform.high <= bound);
  CHECK(uniform.high > 0.99 * bound);
  init::xavier_normal(weight, init::gain_tanh, generator);
  check(0, 5.0 / 3.0 * std::sqrt(2 / (fan_in + fan_out)));
  init::xavier_uniform(weight, 1.0, generator);
  check(0, std::sqrt(2 / (fan_in + fan_out)));
  init::normal(weight, 2.0, 0.5, generator);
  check(2.0, 0.5);
  // The deviation of a standard normal cut at +-2 is 0.87962566.
  init::truncated_normal(weight, {.deviation = 0.02, .low = -0.04, .high = 0.04}, generator);
  const Moments cut = check(0, 0.02 * 0.87962566);
  CHECK(cut.low >= -0.04f);
  CHECK(cut.high <= 0.04f);
  init::constant(weight, 0.25);
  CHECK(weight.to_vector() == std::vector<float>(46080, 0.25f));
  CHECK(error_of<glia::ValueError>([&] { init::truncated_normal(weight, {.low = 5, .high = 6}); }).find("almost") !=
        std::string::npos);
  auto flat = glia::zeros({3});
  CHECK(shape_error([&] { init::kaiming_normal(flat); }) == "fans: a weight needs at least two axes, got shape [3]");
}

TEST_CASE("orthogonal weights have orthogonal rows or columns") {
  for (const Shape& shape : {Shape{5, 3}, Shape{3, 5}, Shape{4, 2, 2, 3}, Shape{4, 4}}) {
    auto weight = glia::zeros<double>(shape);
    init::orthogonal(weight, 2.0);
    const Index rows = shape[0], columns = shape.numel() / rows;
    const auto matrix = weight.reshape({rows, columns});
    const auto product =
        rows <= columns ? glia::matmul(matrix, matrix.transpose()) : glia::matmul(matrix.transpose(), matrix);
    check_close(product, (glia::eye<double>(std::min(rows, columns)) * 4.0).to_vector(), 1e-12);
  }
}

TEST_CASE("layers start as PyTorch's do, in the order of construction from one seed") {
  glia::manual_seed(5);
  nn::Linear<> a{400, 300}, b{400, 300};
  glia::manual_seed(5);
  nn::Linear<> again{400, 300};
  CHECK(again.weight.tensor().to_vector() == a.weight.tensor().to_vector());
  CHECK(again.bias.tensor().to_vector() == a.bias.tensor().to_vector());
  CHECK(b.weight.tensor().to_vector() != a.weight.tensor().to_vector());
  for (const auto* tensor : {&a.weight.tensor(), &a.bias.tensor()}) {
    const Moments m = moments(tensor->to_vector());
    CHECK(m.high <= 1 / std::sqrt(400.0));
    CHECK(m.low >= -1 / std::sqrt(400.0));
    CHECK(m.high > 0.9 / std::sqrt(400.0));
  }
  nn::Conv2d<> conv{{.in = 8, .out = 64, .kernel = 3, .groups = 2}};
  CHECK(conv.weight.shape() == Shape{64, 3, 3, 4});
  CHECK(std::abs(moments(conv.weight.tensor().to_vector()).high - 1 / 6.0) < 0.005);
  CHECK(conv.weight.requires_grad());
}

TEST_CASE("dropout keeps the mean, scales, repeats from its state, and rests in evaluation") {
  nn::Dropout<> drop{0.25};
  const auto start = drop.random;
  const auto x = glia::ones({100, 100});
  const auto y = drop(x).to_vector();
  Index dropped = 0;
  for (const float v : y) {
    CHECK_UNARY(v == 0.0f || v == static_cast<float>(1.0 / 0.75));
    dropped += v == 0.0f ? 1 : 0;
  }
  CHECK(std::abs(static_cast<double>(dropped) - 2500.0) < 200.0);
  CHECK(drop(x).to_vector() != y);
  drop.random = start;
  CHECK(drop(x).to_vector() == y);
  nn::eval(drop);
  CHECK(drop(x).to_vector() == x.to_vector());
  nn::Dropout<> all{1.0};
  CHECK(all(x).to_vector() == std::vector<float>(10000, 0.0f));
  CHECK(error_of<glia::ValueError>([] { nn::Dropout<>{1.5}; }) == "Dropout: the probability must be in [0, 1], got 1.5");
  CHECK(nn::Dropout<>{0.5}(glia::zeros({0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("two layers of one model drop different values, the same seed drops the same ones") {
  const auto x = glia::ones({64});
  glia::manual_seed(1);
  nn::Dropout<> a{0.5}, b{0.5};
  glia::manual_seed(1);
  nn::Dropout<> again{0.5};
  const auto first = a(x).to_vector();
  CHECK(again(x).to_vector() == first);
  CHECK(b(x).to_vector() != first);
}

TEST_CASE("shared axes and DropPath drop whole channels, steps and samples") {
  nn::Dropout<> channels{{.p = 0.5, .shared = {-3, -2}}};
  const auto y = channels(glia::ones({4, 5, 6, 8}));
  const auto low = glia::min(y, {1, 2}), high = glia::max(y, {1, 2});
  CHECK(low.to_vector() == high.to_vector());
  CHECK(low.to_vector() != std::vector<float>(32, 2.0f));
  nn::DropPath<> path{{.p = 0.5, .axis = 1}};
  const auto z = path(glia::ones({3, 64, 2}));
  CHECK(glia::min(z, {0, 2}).to_vector() == glia::max(z, {0, 2}).to_vector());
  const double kept = static_cast<double>(glia::sum(z).item()) / (2.0 * 6.0);
  CHECK(kept > 16.0);
  CHECK(kept < 48.0);
  CHECK(error_of<glia::IndexError>([&] { path(glia::ones({3})); }).find("axis 1") != std::string::npos);
}

TEST_CASE("dropout is differentiable and replays under checkpointing") {
  nn::Dropout<Cpu, double> drop{0.5};
  nn::DropPath<Cpu, double> path{0.5};
  const auto start = drop.random, path_start = path.random;
  const auto fixed = [&](const Doubles& v) {
    drop.random = start, path.random = path_start;
    return path(drop(v[0] * v[0]));
  };
  check_gradients(fixed, {normal({6, 4}, 1)});
  const auto x = normal({20, 4}, 2);
  const auto run = [&](const Doubles& v) { return drop(v[0]) * v[0]; };
  drop.random = start;
  auto plain = x.detach().set_requires_grad();
  glia::sum(run({plain})).backward();
  const auto after = drop.random.generator;
  drop.random = start;
  auto input = x.detach().set_requires_grad();
  const std::vector<D64> inputs{input};
  glia::sum(glia::autograd::checkpoint(run, inputs)).backward();
  CHECK(input.grad().to_vector() == plain.grad().to_vector());
  CHECK(drop.random.generator == after);
}
