// Batch, layer and group normalisation layers, and activations.
#include <doctest/doctest.h>

#include <glia/autograd/checkpoint.hpp>
#include <glia/nn/activation.hpp>
#include <glia/nn/normalization.hpp>

#include "../reference/nn_fixture.hpp"
#include "support.hpp"

using namespace nn_test;
using Norm = nn::BatchNorm<Cpu, double>;

namespace {
struct Net {
  nn::BatchNorm<> norm{3, {.affine = false}};
  nn::LayerNorm<> rows{3};
  nn::GroupNorm<> groups{2, 4};
  GLIA_MEMBERS(norm, rows, groups)
};
}  // namespace

TEST_CASE("batch norm: outputs and running statistics of two steps and of evaluation agree with PyTorch") {
  Norm norm{3, {.momentum = 0.2, .epsilon = 1e-3}};
  norm.weight.tensor() = wave({3}, 2);
  norm.bias.tensor() = wave({3}, 3);
  check_close(norm(wave({2, 2, 3, 3}, 1)), nn_fixture::norm_step1);
  check_close(norm(wave({2, 2, 3, 3}, 4)), nn_fixture::norm_step4);
  check_close(norm.running_mean.tensor(), nn_fixture::norm_mean);
  check_close(norm.running_variance.tensor(), nn_fixture::norm_variance);
  nn::eval(norm);
  CHECK_FALSE(norm.training);
  check_close(norm(wave({2, 2, 3, 3}, 5)), nn_fixture::norm_eval);
  check_close(norm.running_mean.tensor(), nn_fixture::norm_mean);
  nn::train(norm);
  CHECK(norm.training);
}

TEST_CASE("normalisation layers are differentiable in input and parameters") {
  Norm norm{3}, plain{3, {.affine = false}}, rectified{3, {.relu = true}};
  nn::LayerNorm<Cpu, double> layer{3};
  nn::GroupNorm<Cpu, double> group{{.groups = 2, .channels = 4}};
  for (auto* p : parameter_list(norm)) p->tensor() = wave(p->shape(), 2) + 1.5;
  for (auto* p : parameter_list(rectified)) p->tensor() = wave(p->shape(), 2) + 1.5;
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 2, 2, 3}, Shape{2, 1, 2, 2, 3}}) {
    check_layer_gradients(norm, normal(shape, 1));
    check_layer_gradients(plain, normal(shape, 1));
    check_layer_gradients(rectified, normal(shape, 2));
    check_layer_gradients(layer, normal(shape, 3));
  }
  check_layer_gradients(group, normal({2, 2, 2, 4}, 4));
  check_layer_gradients(group, normal({2, 1, 2, 1, 4}, 5));
  nn::eval(norm);
  check_layer_gradients(norm, normal({4, 3}, 1));
}

TEST_CASE("batch norm with a residual and ReLU equals the three ops") {
  Norm silu{4, {.silu = true}}, reference{4};
  const auto value = normal({6, 4}, 31), behind = normal({6, 4}, 32);
  check_close(silu(value, behind), (glia::silu(reference(value)) + behind).to_vector(), 1e-12);
  nn::eval(silu), nn::eval(reference);
  check_close(silu(value, behind), (glia::silu(reference(value)) + behind).to_vector(), 1e-12);
  CHECK_THROWS_WITH_AS((Norm{4, {.relu = true, .silu = true}}), "BatchNorm: relu and silu are both set; choose one activation",
                       glia::ValueError);
  Norm fused{4, {.relu = true}}, plain{4};
  const auto x = normal({2, 3, 3, 4}, 1), side = normal({2, 3, 3, 4}, 2);
  check_close(fused(x, side), glia::relu(plain(x) + side).to_vector(), 1e-12);
  CHECK(shape_error([&] { fused(x, normal({2, 3, 3, 1}, 2)); }).find("residual must have shape [2, 3, 3, 4]") != std::string::npos);
}

TEST_CASE("a checkpointed segment updates running statistics once") {
  Norm once{3}, again{3};
  const auto x = normal({5, 3}, 1);
  glia::sum(once(x) * x).backward();
  auto input = x.detach().set_requires_grad();
  const std::vector<D64> inputs{input};
  const auto y = glia::autograd::checkpoint([&](const Doubles& v) { return again(v[0]) * v[0]; }, inputs);
  glia::sum(y).backward();
  CHECK(again.running_mean.tensor().to_vector() == once.running_mean.tensor().to_vector());
  CHECK(again.running_variance.tensor().to_vector() == once.running_variance.tensor().to_vector());
  check_close(again.weight.tensor().grad(), once.weight.tensor().grad().to_vector(), 1e-12);
}

TEST_CASE("statistics of a batch and names of state") {
  nn::BatchNorm<> norm{2};
  std::vector<std::string> names;
  nn::visit(norm, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) names.push_back(path);
  });
  CHECK(names == std::vector<std::string>{"weight", "bias", "running_mean", "running_variance"});
  CHECK(nn::parameter_count(norm) == 4);
  // Values 1, 3 and 10, 30: unbiased variances 2 and 200, momentum 0.1.
  norm(glia::tensor<float>({1, 10, 3, 30}, {2, 2}));
  check_close(norm.running_mean.tensor(), {0.2, 2.0}, 1e-6);
  check_close(norm.running_variance.tensor(), {0.9 + 0.2, 0.9 + 20.0}, 1e-5);
}

TEST_CASE("normalisation errors name the module") {
  Net net;
  nn::name_parameters(net);
  CHECK(shape_error([&] { net.norm(glia::zeros({2, 4})); }) ==
        "batch_norm: input has 4 channels (last axis of [2, 4]), expected 3 (in norm)");
  CHECK(shape_error([&] { net.norm(glia::zeros({})); }).find("at least 1 axes") != std::string::npos);
  CHECK(shape_error([&] { net.rows(glia::zeros({2, 4})); }) ==
        "layer_norm: input has 4 channels (last axis of [2, 4]), expected 3 (in rows)");
  CHECK(shape_error([&] { net.groups(glia::zeros({2, 5})); }) ==
        "group_norm: input has 5 channels (last axis of [2, 5]), expected 4 (in groups)");
  CHECK(error_of<glia::ValueError>([&] { net.norm(glia::zeros({1, 3})); }) ==
        "batch_norm: training needs at least two values per channel, got shape [1, 3] (in norm)");
  CHECK(error_of<glia::ValueError>([] { nn::GroupNorm<>{3, 4}; }) == "GroupNorm: 3 groups do not divide 4 channels");
  CHECK(error_of<glia::ValueError>([] { nn::BatchNorm<>{0}; }).find("must be positive") != std::string::npos);
  nn::eval(net);
  CHECK(net.norm(glia::zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(net.norm(glia::zeros({1, 3})).shape() == Shape{1, 3});
}

TEST_CASE("activation layers agree with PyTorch, values and gradients") {
  const D64 line = wave({24}, 1) * 4.0;
  const auto check = [&](auto layer, const D64& x, const std::vector<double>& values, const std::vector<double>& gradient,
                         double tolerance = 1e-10) {
    CAPTURE(std::string(layer.kind));
    check_layer_reference(layer, x, values, {gradient}, tolerance);
  };
  check(nn::ReLU<Cpu, double>{}, line, nn_fixture::relu, nn_fixture::relu_grad0);
  check(nn::ReLU6<Cpu, double>{}, line * 3.0, nn_fixture::relu6, nn_fixture::relu6_grad0);
  check(nn::LeakyReLU<Cpu, double>{0.2}, line, nn_fixture::leaky_relu, nn_fixture::leaky_relu_grad0);
  check(nn::ELU<Cpu, double>{0.7}, line, nn_fixture::elu, nn_fixture::elu_grad0);
  check(nn::GELU<Cpu, double>{}, line, nn_fixture::gelu, nn_fixture::gelu_grad0);
  check(nn::GELU<Cpu, double>{true}, line, nn_fixture::gelu_tanh, nn_fixture::gelu_tanh_grad0);
  check(nn::SiLU<Cpu, double>{}, line, nn_fixture::silu, nn_fixture::silu_grad0);
  check(nn::Sigmoid<Cpu, double>{}, line, nn_fixture::sigmoid, nn_fixture::sigmoid_grad0);
  check(nn::LogSigmoid<Cpu, double>{}, line, nn_fixture::log_sigmoid, nn_fixture::log_sigmoid_grad0);
  check(nn::Tanh<Cpu, double>{}, line, nn_fixture::tanh, nn_fixture::tanh_grad0);
  check(nn::Softplus<Cpu, double>{}, line, nn_fixture::softplus, nn_fixture::softplus_grad0);
  check(nn::Softsign<Cpu, double>{}, line, nn_fixture::softsign, nn_fixture::softsign_grad0);
  check(nn::Mish<Cpu, double>{}, line, nn_fixture::mish, nn_fixture::mish_grad0);
  check(nn::Hardswish<Cpu, double>{}, line, nn_fixture::hardswish, nn_fixture::hardswish_grad0);
  // PyTorch's gradient multiplies by 1 / 6 rounded to float.
  check(nn::Hardsigmoid<Cpu, double>{}, line, nn_fixture::hardsigmoid, nn_fixture::hardsigmoid_grad0, 1e-8);
  nn::PReLU<Cpu, double> prelu{3};
  check_layer_reference(prelu, line.reshape({8, 3}), nn_fixture::prelu, {nn_fixture::prelu_grad0, nn_fixture::prelu_grad1}, 1e-10);
}

TEST_CASE("smooth activation layers are twice differentiable; softmax layers use their axis") {
  const auto x = normal({3, 4}, 1);
  const auto check = [&](auto layer) {
    CAPTURE(std::string(layer.kind));
    check_layer_gradients(layer, x);
  };
  check(nn::GELU<Cpu, double>{});
  check(nn::SiLU<Cpu, double>{});
  check(nn::Tanh<Cpu, double>{});
  check(nn::Softplus<Cpu, double>{});
  check(nn::Mish<Cpu, double>{});
  check(nn::Softmax<Cpu, double>{0});
  check(nn::LogSoftmax<Cpu, double>{});
  nn::PReLU<Cpu, double> prelu{4};
  check_layer_gradients(prelu, x);
  check_close(glia::sum(nn::Softmax<Cpu, double>{0}(x), 0), std::vector<double>(4, 1.0));
  CHECK(shape_error([&] { prelu(normal({4, 3}, 1)); }) == "prelu: input has 3 channels (last axis of [4, 3]), expected 4");
}
