// Spiking neurons, optimizers and a module trained for a few steps on CUDA against the CPU.

#include <glia/cuda.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/linear.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/clip.hpp>
#include <glia/spiking/neurons.hpp>
#include <glia/spiking/simulate.hpp>

#include <tests/cuda/support.hpp>
#include <tests/support/near.hpp>

using glia::Cpu;
using glia::Cuda;
using glia::Generator;
using glia::Index;
using glia::Shape;
using glia::Tensor;
namespace spiking = glia::spiking;

namespace {

template <class D, class T>
Tensor<T, D> on(const Tensor<T>& x) {
  if constexpr (std::is_same_v<D, Cpu>)
    return x.clone();
  else
    return x.template to<D>();
}

// Spikes, final states, and the gradients of input and parameters.
template <class D, class N, class T>
std::vector<std::vector<T>> run_neuron(const N& neuron, const Tensor<T>& host, const Tensor<T>& weights,
                                       const Tensor<T>& parameters) {
  auto x = on<D>(host);
  auto p = parameters.defined() ? on<D>(parameters) : Tensor<T, D>();
  x.set_requires_grad();
  if (p.defined()) p.set_requires_grad();
  spiking::State<T, D> state;
  const auto spikes = spiking::simulate(neuron, x, state, p);
  const auto w = on<D>(weights);
  auto loss = glia::sum(spikes * w);
  for (const auto& part : state.values) loss = loss + glia::mean(part);
  loss.backward();
  std::vector<std::vector<T>> out{spikes.to_vector(), x.grad().to_vector()};
  for (const auto& part : state.values) out.push_back(part.to_vector());
  if (p.defined()) out.push_back(p.grad().to_vector());
  return out;
}

template <class N, class T>
void neuron_agrees(const N& neuron, const Tensor<T>& parameters = {}) {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  // Steps for every variant of the backward kernel; counts with and without 16-byte packs.
  for (const Index steps : {1, 4, 7, 8, 13, 16, 21}) {
    for (const Index count : {1, 5, 64, 1000}) {
      Generator g(static_cast<std::uint64_t>(steps * 1000 + count));
      const auto x = glia::randn<T>({steps, count}, g, T(0.3)), w = glia::rand<T>({steps, count}, g, T(0.5), T(1));
      const auto expected = run_neuron<Cpu>(neuron, x, w, parameters), actual = run_neuron<Cuda>(neuron, x, w, parameters);
      CHECK(actual[0] == expected[0]);
      for (std::size_t i = 1; i < expected.size(); ++i)
        CHECK_NEAR(actual[i], expected[i], {100 * epsilon, 20 * epsilon});
    }
  }
}

template <class D>
std::vector<std::vector<float>> train(const glia::nn::Linear<Cpu>& initial, const Tensor<float>& images,
                                      const Tensor<float>& targets) {
  glia::nn::Linear<D> layer(6, 4);
  glia::nn::copy_state(initial, layer);
  auto parameters = glia::parameters(layer);
  glia::optim::AdamW<float, D> optimizer(parameters, {.learning_rate = 1e-2});
  const auto x = on<D>(images), y = on<D>(targets);
  for (int i = 0; i < 5; ++i) {
    optimizer.zero_grad();
    const auto difference = layer(x) - y;
    glia::mean(difference * difference).backward();
    glia::optim::clip_grad_norm(parameters, 0.5);
    optimizer.step();
  }
  std::vector<std::vector<float>> out;
  for (const auto& p : parameters) out.push_back(p.tensor.detach().to_vector());
  return out;
}

}  // namespace

CUDA_TEST_CASE("cuda spiking: leaky neurons agree with the CPU") {
  neuron_agrees<spiking::LifNeuron<>, float>({});
  neuron_agrees<spiking::LifNeuron<>, double>({});
}
CUDA_TEST_CASE("cuda spiking: two states, and a learned parameter") {
  neuron_agrees<spiking::AlifNeuron<>, double>({});
  neuron_agrees<spiking::PlifNeuron<>, double>({}, glia::full<double>({1}, 0.4));
}
CUDA_TEST_CASE("cuda spiking: a repeated input, and a part of the sequence at a time") {
  Generator g(3);
  const auto host = glia::randn({37}, g, 0.4f);
  const auto run = [](auto x) {
    x.set_requires_grad();
    const auto spikes = spiking::simulate(spiking::LifNeuron<>{}, spiking::repeat(x, 6));
    glia::sum(spikes).backward();
    return std::vector{spikes.to_vector(), x.grad().to_vector()};
  };
  const auto expected = run(host.clone()), actual = run(host.to<Cuda>());
  CHECK(actual[0] == expected[0]);
  CHECK_NEAR(actual[1], expected[1], {1e-5, 1e-6});
}
CUDA_TEST_CASE("cuda optim: a layer trained with AdamW and clipping follows the CPU") {
  Generator g(4);
  const glia::nn::Linear<Cpu> initial(6, 4);
  const auto images = glia::randn({32, 6}, g), targets = glia::randn({32, 4}, g);
  const auto expected = train<Cpu>(initial, images, targets), actual = train<Cuda>(initial, images, targets);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(actual[i], expected[i], {1e-4, 1e-6});
}
CUDA_TEST_CASE("cuda optim: more slots than one launch takes, and empty ones") {
  std::vector<Tensor<float, Cuda>> parameters, gradients;
  std::vector<glia::UpdateSlot<float>> slots;
  std::vector<glia::optim::detail::CombineRule<float>> rules;
  for (Index i = 0; i < 40; ++i) {
    parameters.push_back(glia::full<float, Cuda>({i * 301}, 2.0f));
    gradients.push_back(glia::full<float, Cuda>({i * 301}, static_cast<float>(i)));
    slots.push_back({parameters.back().mutable_data(), gradients.back().data(), {}, i * 301});
    rules.push_back({1.0f, -0.5f});
  }
  glia::update_elements(Cuda{}, std::span<const glia::UpdateSlot<float>>(slots),
                        std::span<const glia::optim::detail::CombineRule<float>>(rules));
  std::vector<double> squares(40);
  glia::sum_of_squares(Cuda{}, std::span<const glia::UpdateSlot<float>>(slots), squares.data());
  for (Index i = 0; i < 40; ++i) {
    const auto at = static_cast<std::size_t>(i);
    CHECK(parameters[at].to_vector() == std::vector<float>(at * 301, 2.0f - 0.5f * static_cast<float>(i)));
    CHECK(squares[at] == static_cast<double>(i * 301 * i * i));
  }
}
CUDA_TEST_CASE("cuda optim: rows are clipped against their parameter's norm") {
  Generator g(5);
  const auto p = glia::randn<double>({7, 300}, g), start = glia::randn<double>({7, 300}, g);
  auto expected = start.clone();
  auto actual = start.to<Cuda>();
  const auto q = p.to<Cuda>();
  glia::clip_rows(Cpu{}, p.data(), expected.mutable_data(), 7, 300, 0.1, 1e-3);
  glia::clip_rows(Cuda{}, q.data(), actual.mutable_data(), 7, 300, 0.1, 1e-3);
  CHECK_NEAR(actual, expected.to_vector(), {1e-13});
}
