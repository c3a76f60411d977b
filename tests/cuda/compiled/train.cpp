// A program of C++ files alone that trains on the device with glia::cuda_compiled: a convolution, batch normalisation, spiking
// neurons and a linear layer, for a few steps, against the same on the CPU.

#include <glia/cuda_compiled.hpp>
#include <glia/glia.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>

namespace {

namespace nn = glia::nn;
namespace spiking = glia::spiking;

template <class Device = glia::Cpu>
struct Net {
  nn::Conv2d<Device> stem{{.in = 3, .out = 8, .kernel = 3, .padding = 1, .bias = false}};
  nn::BatchNorm<Device> norm{8};
  spiking::Lif<Device> spike{{.beta = 0.9f, .threshold = 1.0f}};
  nn::Linear<Device> head{8, 4};
  GLIA_MEMBERS(stem, norm, spike, head)

  glia::Tensor<float, Device> forward(const glia::Tensor<float, Device>& images) {
    const auto current = spiking::repeat(norm(stem(images)), 4);
    return head(glia::global_mean_pool(glia::mean(spike(current), 0)));
  }
};

struct Result {
  std::vector<float> losses;
  std::vector<float> weights;  // those of the stem, then of the head
};

constexpr int steps = 5;

// Pixels and labels travel to the device as they are; the rest happens there.
template <class Device>
Result train(const Net<>& start, const glia::Tensor<std::uint8_t>& pixels, const glia::Tensor<std::int64_t>& labels) {
  Net<Device> net;
  nn::copy_state(start, net);
  glia::optim::Sgd optimizer(glia::parameters(net), {.learning_rate = 0.5, .momentum = 0.9});
  const auto images = pixels.template to<Device>().template cast<float>() * (1.0f / 255.0f);
  const auto classes = labels.template to<Device>();
  Result out;
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    const auto loss = glia::cross_entropy(net.forward(images), classes);
    loss.backward();
    optimizer.step();
    out.losses.push_back(loss.item());
  }
  out.weights = net.stem.weight.tensor().to_vector();
  for (const float w : net.head.weight.tensor().to_vector()) out.weights.push_back(w);
  return out;
}

bool near(const char* what, const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) {
    std::printf("cuda_compiled: %zu %s, not %zu\n", actual.size(), what, expected.size());
    return false;
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(actual[i] - expected[i]) <= 1e-3f * std::abs(expected[i]) + 1e-4f)) {
      std::printf("cuda_compiled: number %zu of the %s is %g on the device, %g on the CPU\n", i, what,
                  static_cast<double>(actual[i]), static_cast<double>(expected[i]));
      return false;
    }
  }
  return true;
}

}  // namespace

int main() {
  glia::manual_seed(7);
  glia::Generator generator(8);
  const Net<> start;
  const auto pixels = (glia::rand({8, 6, 6, 3}, generator) * 255.0f).cast<std::uint8_t>();
  const auto labels = glia::from_vector<std::int64_t>({0, 1, 2, 3, 3, 2, 1, 0});
  const Result expected = train<glia::Cpu>(start, pixels, labels);
  if (!(expected.losses.back() < expected.losses.front())) {
    std::puts("cuda_compiled: the loss on the CPU did not fall");
    return 1;
  }
  if (glia::cuda::device_count() == 0) {
    try {
      glia::zeros<float, glia::Cuda>({1});
      std::puts("cuda_compiled: no device, and no error");
      return 1;
    } catch (const glia::DeviceError& error) {
      if (std::strstr(error.what(), "CUDA") == nullptr) {
        std::printf("cuda_compiled: no device, but: %s\n", error.what());
        return 1;
      }
    }
    std::puts("skipped: no CUDA device (1 case)");
    return 0;
  }
  const Result actual = train<glia::Cuda>(start, pixels, labels);
  if (!near("losses", actual.losses, expected.losses) || !near("weights", actual.weights, expected.weights)) return 1;
  std::puts("cuda_compiled: CPU and device agree");
  return 0;
}
