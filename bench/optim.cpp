// One optimizer step over the parameters of a CIFAR ResNet-18 (62 tensors, 11.2 million elements). bytes/s counts what a fused
// update must read and write: parameter, gradient and buffers once.

#include <glia/optim/adam.hpp>
#include <glia/optim/clip.hpp>
#include <glia/optim/combined.hpp>
#include <glia/optim/lars.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/rmsprop.hpp>
#include <glia/optim/sgd.hpp>

#include <benchmark/benchmark.h>

namespace {

namespace optim = glia::optim;
using Parameters = std::vector<glia::nn::NamedTensor<float, glia::Cpu>>;

Parameters resnet18() {
  Parameters out;
  glia::Generator generator{1};
  const auto add = [&](const glia::Shape& shape) {
    auto x = glia::randn(shape, generator, 0.0f, 0.05f);
    x.set_requires_grad();
    x.set_grad(glia::randn(shape, generator, 0.0f, 0.01f));
    out.push_back({glia::text("p", out.size()), x});
  };
  const auto conv = [&](glia::Index outputs, glia::Index kernel, glia::Index inputs) {
    add({outputs, kernel, kernel, inputs});
    add({outputs});
    add({outputs});
  };
  conv(64, 3, 3);
  glia::Index inputs = 64;
  for (const glia::Index width : {64, 128, 256, 512}) {
    for (int block = 0; block < 2; ++block) {
      conv(width, 3, inputs);
      conv(width, 3, width);
      if (inputs != width) conv(width, 1, inputs);
      inputs = width;
    }
  }
  add({100, 512});
  add({100});
  return out;
}

template <class Make>
void step(benchmark::State& state, const Make& make, double floats_per_element) {
  auto parameters = resnet18();
  auto optimizer = make(parameters);
  double elements = 0;
  for (const auto& p : parameters) elements += static_cast<double>(p.tensor.numel());
  optimizer.step();
  for (auto _ : state) {
    optimizer.step();
    benchmark::ClobberMemory();
  }
  state.counters["bytes/s"] =
      benchmark::Counter(4.0 * floats_per_element * elements, benchmark::Counter::kIsIterationInvariantRate);
}

void sgd(benchmark::State& state) {
  step(state, [](auto& p) { return optim::Sgd(p, {.learning_rate = 1e-3, .momentum = 0.9, .nesterov = true}); }, 5);
}
void adamw(benchmark::State& state) {
  step(state, [](auto& p) { return optim::AdamW(p); }, 7);
}
void rmsprop(benchmark::State& state) {
  step(state, [](auto& p) { return optim::RmsProp(p, {.momentum = 0.9}); }, 7);
}
void lars(benchmark::State& state) {
  step(state, [](auto& p) { return optim::Lars(p); }, 7);
}
void muon(benchmark::State& state) {
  step(
      state,
      [&](auto& p) {
        auto [matrices, rest] = optim::split(p, optim::is_matrix);
        return optim::Combined(optim::Muon(matrices, {.iterations = static_cast<int>(state.range(0))}), optim::Sgd(rest));
      },
      5);
}
void clip(benchmark::State& state) {
  const auto parameters = resnet18();
  for (auto _ : state) benchmark::DoNotOptimize(optim::clip_grad_norm(parameters, 1e9));
}

BENCHMARK(sgd)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(adamw)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(rmsprop)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lars)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(muon)->ArgName("iterations")->Arg(3)->Arg(5)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(clip)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
