// Tour 2: a small spiking network learns generated images; its weights are saved, loaded and checked.

#include <glia/glia.hpp>

#include <cstdio>
#include <filesystem>

namespace nn = glia::nn;
namespace spiking = glia::spiking;

namespace {
template <class Device = glia::Cpu>
struct SpikingNet {
  nn::Conv2d<Device> stem{{.in = 3, .out = 24, .kernel = 3, .stride = 2, .padding = 1, .bias = false}};
  nn::BatchNorm<Device> norm{24};
  spiking::Lif<Device> spike{{.beta = 0.5}};
  nn::Linear<Device> head{24 * 4 * 4, 100};
  GLIA_MEMBERS(stem, norm, spike, head)

  glia::Tensor<float, Device> forward(const glia::Tensor<float, Device>& images) {
    const auto spikes = spike(spiking::repeat(norm(stem(images)), 4));
    return head(glia::adaptive_avg_pool2d(glia::mean(spikes, 0), 4, 4).flatten(1));
  }
};
}  // namespace

int main() {
  glia::manual_seed(1);
  SpikingNet<> net;
  glia::data::Loader loader(glia::data::synthetic({.count = 1500}), {.batch = 50, .seed = 1},
                            {.normalization = glia::data::cifar100_normalization});
  glia::optim::AdamW optimizer(glia::parameters(net), {.learning_rate = 5e-3});
  double first = 0, last = 0;
  for (int epoch = 0; epoch < 3; ++epoch) {
    double total = 0;
    for (auto& [images, labels] : loader) {
      optimizer.zero_grad();
      auto loss = glia::cross_entropy(net.forward(images), labels);
      loss.backward();
      optimizer.step();
      total += static_cast<double>(loss.item());
    }
    last = total / static_cast<double>(loader.batches());
    if (epoch == 0) first = last;
    std::printf("epoch %d: mean loss %.3f\n", epoch + 1, last);
  }

  const auto file = std::filesystem::temp_directory_path() / "glia_tour.safetensors";
  glia::io::Checkpoint().add_module("net", net).save(file);
  SpikingNet<> copy;
  glia::io::load_checkpoint(file).load_module("net", copy);
  std::filesystem::remove(file);
  const glia::NoGrad guard;
  nn::eval(net);
  nn::eval(copy);
  glia::Generator generator(3);
  const auto images = glia::randn({4, 32, 32, 3}, generator);
  const bool same = net.forward(images).to_vector() == copy.forward(images).to_vector();
  std::printf("the loaded network gives the same outputs: %s\n", same ? "yes" : "no");
  return same && last < first ? 0 : 1;
}
