// Linear, convolution, embedding and pooling layers, and the ops beneath them.
#include <doctest/doctest.h>

#include <glia/nn/conv.hpp>
#include <glia/nn/embedding.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/pooling.hpp>
#include <glia/ops/elementwise.hpp>

#include "../reference/nn_fixture.hpp"
#include "support.hpp"

using namespace nn_test;
using Linear = nn::Linear<Cpu, double>;
using Conv = nn::Conv2d<Cpu, double>;
using Transpose = nn::ConvTranspose2d<Cpu, double>;

namespace {
struct Stage {
  std::vector<nn::Conv2d<>> convs{{{.in = 3, .out = 4}}, {{.in = 4, .out = 4}}};
  GLIA_MEMBERS(convs)
};
struct Net {
  Stage stage2;
  nn::Linear<> head{4, 2};
  nn::ConvTranspose2d<> up{{.in = 2, .out = 1, .kernel = 2}};
  nn::Embedding<> words{3, 2};
  GLIA_MEMBERS(stage2, head, up, words)
};
}  // namespace

TEST_CASE("linear and convolution layers agree with PyTorch") {
  Linear linear{4, 5};
  check_layer_reference(linear, wave({2, 3, 4}, 1), nn_fixture::linear,
                        {nn_fixture::linear_grad0, nn_fixture::linear_grad1, nn_fixture::linear_grad2});
  Conv conv{{.in = 3, .out = 4, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}}};
  check_layer_reference(conv, wave({2, 5, 6, 3}, 1), nn_fixture::conv,
                        {nn_fixture::conv_grad0, nn_fixture::conv_grad1, nn_fixture::conv_grad2});
  Conv grouped{{.in = 4, .out = 6, .kernel = 3, .padding = 1, .groups = 2, .bias = false}};
  check_layer_reference(grouped, wave({2, 4, 5, 4}, 1), nn_fixture::conv_groups,
                        {nn_fixture::conv_groups_grad0, nn_fixture::conv_groups_grad1});
  Conv depthwise{{.in = 4, .out = 4, .kernel = 3, .stride = 2, .padding = 1, .groups = 4}};
  check_layer_reference(depthwise, wave({1, 5, 5, 4}, 1), nn_fixture::conv_depthwise,
                        {nn_fixture::conv_depthwise_grad0, nn_fixture::conv_depthwise_grad1, nn_fixture::conv_depthwise_grad2});
}

TEST_CASE("transposed convolution agrees with PyTorch") {
  Transpose layer{{.in = 3, .out = 2, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}, .dilation = {1, 2}}};
  check_layer_reference(layer, wave({2, 3, 4, 3}, 1), nn_fixture::transpose,
                        {nn_fixture::transpose_grad0, nn_fixture::transpose_grad1, nn_fixture::transpose_grad2});
  Transpose grouped{{.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .groups = 2, .bias = false}};
  check_layer_reference(grouped, wave({1, 4, 3, 4}, 1), nn_fixture::transpose_groups,
                        {nn_fixture::transpose_groups_grad0, nn_fixture::transpose_groups_grad1});
}

TEST_CASE("transposed convolution is the adjoint of convolution") {
  const auto x = normal({2, 7, 6, 4}, 1), w = normal({6, 3, 3, 2}, 2);
  const auto y = glia::conv2d(x, w, {}, {.stride = {3, 2}, .padding = 1, .groups = 2});
  const auto z = normal(y.shape(), 3);
  const auto back = glia::conv_transpose2d(z, w, {}, {.stride = {3, 2}, .padding = 1, .output_padding = {0, 1}, .groups = 2});
  REQUIRE(back.shape() == x.shape());
  const double left = glia::sum(y * z).item(), right = glia::sum(x * back).item();
  CHECK(std::abs(left - right) <= 1e-12 * std::abs(left));
}

TEST_CASE("layers are differentiable in input and parameters, with any leading axes") {
  glia::manual_seed(7);
  Linear linear{3, 2};
  for (const Shape& shape : {Shape{3}, Shape{4, 3}, Shape{2, 1, 2, 3}}) check_layer_gradients(linear, normal(shape, 1));
  Conv conv{{.in = 4, .out = 2, .kernel = 3, .stride = 2, .padding = 1, .groups = 2}};
  Transpose transpose{{.in = 2, .out = 4, .kernel = 2, .stride = 2, .output_padding = 1, .groups = 2}};
  for (const Shape& lead : {Shape{}, Shape{2}, Shape{2, 1}}) {
    Shape shape = lead;
    for (const Index extent : {3, 4, 4}) shape.push_back(extent);
    check_layer_gradients(conv, normal(shape, 2));
    shape[shape.rank() - 1] = 2;
    check_layer_gradients(transpose, normal(shape, 3));
  }
  // A stream gives what its steps give one by one.
  const auto stream = normal({3, 2, 4, 4, 4}, 4);
  const auto whole = conv(stream);
  CHECK(whole.shape() == Shape{3, 2, 2, 2, 2});
  for (Index t = 0; t < 3; ++t) check_close(whole[t], conv(stream[t]).to_vector(), 1e-12);
}

TEST_CASE("embedding looks rows up and adds gradients of repeated indices") {
  nn::Embedding<Cpu, double> layer{5, 3};
  layer.weight.tensor() = wave({5, 3}, 1).set_requires_grad();
  const auto index = glia::tensor<std::int64_t>({0, 3, 3, 2, 0, 4}, {2, 3});
  const auto y = layer(index);
  CHECK(y.shape() == Shape{2, 3, 3});
  check_close(y, nn_fixture::embedding);
  y.backward(wave(y.shape(), 9));
  check_close(layer.weight.tensor().grad(), nn_fixture::embedding_grad0);
  CHECK(layer(glia::zeros<std::int64_t>({0, 2})).shape() == Shape{0, 2, 3});
  Net holder;
  nn::name_parameters(holder);
  const auto text = error_of<glia::IndexError>([&] { holder.words(glia::tensor<std::int64_t>({0, 3})); });
  CHECK(text.find("holds 3") != std::string::npos);
  CHECK(text.find("(in words)") != std::string::npos);
}

TEST_CASE("pooling layers and Flatten pass their options on") {
  const auto x = wave({2, 5, 4, 3}, 1);
  CHECK(nn::MaxPool2d<Cpu, double>{2}(x).shape() == Shape{2, 2, 2, 3});
  nn::MaxPool2d<Cpu, double> overlapping{{.kernel = 3, .stride = 2, .padding = 1}};
  CHECK(overlapping(x).to_vector() == glia::max_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1}).to_vector());
  nn::AvgPool2d<Cpu, double> inside{{.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false}};
  CHECK(inside(x).to_vector() ==
        glia::avg_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false}).to_vector());
  CHECK(nn::AdaptiveAvgPool2d<Cpu, double>{{3, 2}}(x).shape() == Shape{2, 3, 2, 3});
  CHECK(nn::AdaptiveAvgPool2d<Cpu, double>{1}(x).shape() == Shape{2, 1, 1, 3});
  check_close(nn::GlobalMeanPool<Cpu, double>{}(x), glia::mean(x, {1, 2}).to_vector());
  CHECK(nn::Flatten<Cpu, double>{}(x).shape() == Shape{2, 60});
  CHECK(nn::Flatten<Cpu, double>{-3, -2}(x).shape() == Shape{2, 20, 3});
  CHECK(nn::Flatten<Cpu, double>{}(glia::zeros<double>({0, 2, 3})).shape() == Shape{0, 6});
}

TEST_CASE("empty batches pass through with gradients") {
  Linear linear{3, 2};
  Conv conv{{.in = 3, .out = 2, .kernel = 3, .padding = 1}};
  Transpose transpose{{.in = 3, .out = 2, .kernel = 2, .stride = 2}};
  CHECK(linear(glia::zeros<double>({0, 3})).shape() == Shape{0, 2});
  CHECK(conv(glia::zeros<double>({0, 4, 4, 3})).shape() == Shape{0, 4, 4, 2});
  const auto y = transpose(glia::zeros<double>({0, 4, 4, 3}));
  CHECK(y.shape() == Shape{0, 8, 8, 2});
  glia::sum(y).backward();
  CHECK(transpose.weight.tensor().grad().to_vector() == std::vector<double>(24, 0.0));
}

TEST_CASE("shape errors name op, expectation and module path") {
  Net net;
  // Without a path, before anybody has named the parameters.
  CHECK(shape_error([&] { net.head(glia::zeros({5, 3})); }) ==
        "linear: input has 3 features (last axis of [5, 3]) but weight expects 4 (last axis of [2, 4])");
  const auto list = glia::parameters(net);
  CHECK(list.size() == 9);
  CHECK(list[2].name == "stage2.convs.1.weight");
  CHECK(shape_error([&] { net.head(glia::zeros({5, 3})); }) ==
        "linear: input has 3 features (last axis of [5, 3]) but weight expects 4 (last axis of [2, 4]) (in head)");
  CHECK(shape_error([&] { net.stage2.convs[1](glia::zeros({1, 8, 8, 3})); }) ==
        "conv2d: input has 3 channels (last axis of [1, 8, 8, 3]) but weight expects 4 (last axis of [4, 1, 1, 4] times 1 "
        "groups) (in stage2.convs.1)");
  CHECK(shape_error([&] { net.up(glia::zeros({1, 8, 8, 3})); }) ==
        "conv_transpose2d: input has 3 channels (last axis of [1, 8, 8, 3]) but weight expects 2 (first axis of [2, 2, 2, 1]) "
        "(in up)");
  CHECK(shape_error([&] { net.up(glia::zeros({8, 3})); }) ==
        "conv_transpose2d: input must have at least 3 axes, got shape [8, 3] (in up)");
  CHECK(shape_error([&] { net.up(glia::zeros({1, 0, 8, 2})); }).find("give an empty image") != std::string::npos);
  CHECK(error_of<glia::Error>([&] { net.head(glia::Tensor<>()); }).find("input is undefined") != std::string::npos);
}

TEST_CASE("impossible options are refused at construction") {
  const auto refused = [](auto&& make) { return error_of<glia::ValueError>(make); };
  CHECK(refused([] { Linear{0, 3}; }) == "Linear: in and out must be positive, got 0 and 3");
  CHECK(refused([] { Conv{{.in = 3, .out = 4, .groups = 2}}; }) == "Conv2d: 2 groups do not divide 3 input and 4 output channels");
  CHECK(refused([] { Conv{{.in = 3, .out = 4, .kernel = {0, 3}}}; }).find("kernel must be positive") != std::string::npos);
  CHECK(refused([] { Conv{{.in = 3, .out = 4, .stride = 0}}; }).find("stride") != std::string::npos);
  CHECK(refused([] {
          Transpose layer{{.in = 1, .out = 1, .kernel = 3, .stride = 2, .output_padding = 2}};
          layer(glia::zeros<double>({4, 4, 1}));
        }) == "conv_transpose2d: output_padding must be at least 0 and less than the stride, got 2x2 with stride 2x2");
  CHECK(refused([] { nn::Embedding<>{0, 1}; }).find("count and width") != std::string::npos);
}

TEST_CASE("a convolution of no input channels is its bias") {
  const auto x = glia::ones<float>({1, 4, 4, 0});
  for (const glia::Index kernel : {1, 3}) {
    const auto w = glia::ones<float>({2, kernel, kernel, 0});
    CHECK(glia::conv2d(x, w).to_vector() == glia::zeros<float>({1, 5 - kernel, 5 - kernel, 2}).to_vector());
    CHECK(glia::conv2d(x, w, glia::tensor<float>({2, 3})).to_vector()[1] == 3.0f);
  }
}
