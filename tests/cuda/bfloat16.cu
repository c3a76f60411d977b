// A network of bfloat16 layers on CUDA against the same network on the CPU.

#include <glia/cuda.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/nn/pooling.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/optim/sgd.hpp>

#include <tests/cuda/support.hpp>

#include <cmath>

using glia::bfloat16;
using glia::Cpu;
using glia::Cuda;
using glia::Tensor;
namespace nn = glia::nn;

namespace {

template <class D, class T = bfloat16>
struct Net {
  nn::Conv2d<D, T> stem{{.in = 3, .out = 16, .kernel = 3, .padding = 1, .bias = false}};
  nn::BatchNorm<D, T> norm{16, {.relu = true}};
  nn::MaxPool2d<D, T> pool{2};
  nn::ConvTranspose2d<D, T> up{{.in = 16, .out = 16, .kernel = 2, .stride = 2}};
  nn::BatchNorm<D, T> up_norm{16, {.silu = true}};
  nn::GroupNorm<D, T> groups{4, 16};
  nn::AvgPool2d<D, T> average{2};
  nn::LayerNorm<D, T> rows{16};
  nn::Linear<D, T> head{16, 5};
  GLIA_MEMBERS(stem, norm, pool, up, up_norm, groups, average, rows, head)

  Tensor<T, D> forward(const Tensor<T, D>& x) {
    const auto y = pool(norm(stem(x)));
    return head(rows(glia::global_mean_pool(average(groups(up_norm(up(y)))) + y)));
  }
};

// The logits of a batch, and all parameters behind three steps.
template <class D>
std::vector<std::vector<float>> train(const Net<Cpu>& initial) {
  Net<D> net;
  nn::copy_state(initial, net);
  auto parameters = glia::parameters(net);
  static_assert(std::is_same_v<decltype(parameters), std::vector<nn::NamedTensor<float, D>>>);
  glia::optim::Sgd<float, D> optimizer(parameters, {.learning_rate = 0.05});
  glia::Generator generator(9);
  const auto images = glia::randn({8, 8, 8, 3}, generator).cast<bfloat16>().template to<D>();
  const auto labels = glia::tensor<std::int64_t>({0, 1, 2, 3, 4, 0, 1, 2}).template to<D>();
  std::vector<std::vector<float>> out;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const auto logits = net.forward(images).template cast<float>();
    if (step == 0) out.push_back(logits.to_vector());
    glia::cross_entropy(logits, labels).backward();
    optimizer.step();
  }
  for (const auto& parameter : parameters) out.push_back(parameter.tensor.to_vector());
  return out;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, total = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    total += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / total);
}

}  // namespace

CUDA_TEST_CASE("cuda nn: a bfloat16 network with float parameters follows the CPU") {
  glia::manual_seed(8);
  const Net<Cpu> initial;
  const auto expected = train<Cpu>(initial), actual = train<Cuda>(initial);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    REQUIRE(actual[i].size() == expected[i].size());
    CHECK(distance(actual[i], expected[i]) < 0.05);
  }
}
