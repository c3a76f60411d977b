// Spiking neurons and the multi-level activation, against a copy of the same memory. Bytes count every array once per
// read or write: forward 2, backward 3.

#include <glia/kernels/cpu/qcfs.hpp>
#include <glia/kernels/cpu/spiking.hpp>
#include <glia/ops/create.hpp>
#include <glia/spiking/neurons.hpp>

#include <benchmark/benchmark.h>

#include <cstring>

namespace {

using glia::Cpu;
using glia::Index;
namespace spiking = glia::spiking;

// T = 4 over [128, 64, 32, 32].
constexpr Index steps = 4, count = Index{128} * 64 * 32 * 32, elements = steps * count;

struct Buffers {
  glia::Tensor<float> x, y, dx;
  Buffers() {
    glia::Generator generator(1);
    x = glia::rand({elements}, generator, -0.3f, 1.0f);
    y = glia::zeros({elements});
    dx = glia::zeros({elements});
  }
};
Buffers& buffers() {
  static Buffers all;
  return all;
}

void report(benchmark::State& state, double passes) {
  state.counters["bytes/s"] =
      benchmark::Counter(passes * 4.0 * static_cast<double>(elements), benchmark::Counter::kIsIterationInvariantRate);
}

void copy(benchmark::State& state) {
  auto& b = buffers();
  for (auto _ : state) {
    const float* from = b.x.data();
    float* to = b.dx.mutable_data();
    glia::parallel_for(elements, 1, [&](Index first, Index last) {
      std::memcpy(to + first, from + first, static_cast<std::size_t>(last - first) * sizeof(float));
    });
  }
  report(state, 2);
}

template <class N>
void forward(benchmark::State& state) {
  auto& b = buffers();
  const float parameter = 0.5f;
  for (auto _ : state)
    neuron_forward<N, float>(Cpu{}, N{}, steps, count, b.x.data(), count, &parameter, nullptr, b.y.mutable_data(),
                             nullptr);
  report(state, 2);
}

template <class N>
void backward(benchmark::State& state) {
  auto& b = buffers();
  const float parameter = 0.5f;
  float gradient = 0;
  for (auto _ : state)
    neuron_backward<N, float>(Cpu{}, N{}, steps, count, b.x.data(), count, &parameter, nullptr, b.y.data(), count,
                              nullptr, b.dx.mutable_data(), &gradient, nullptr);
  report(state, 3);
}

template <class N>
void both(benchmark::State& state) {
  auto& b = buffers();
  const float parameter = 0.5f;
  float gradient = 0;
  for (auto _ : state) {
    neuron_forward<N, float>(Cpu{}, N{}, steps, count, b.x.data(), count, &parameter, nullptr, b.y.mutable_data(),
                             nullptr);
    neuron_backward<N, float>(Cpu{}, N{}, steps, count, b.x.data(), count, &parameter, nullptr, b.y.data(), count,
                              nullptr, b.dx.mutable_data(), &gradient, nullptr);
  }
  report(state, 5);
}

void qcfs_both(benchmark::State& state) {
  auto& b = buffers();
  const float theta = 1.0f;
  float gradient = 0;
  for (auto _ : state) {
    qcfs_forward(Cpu{}, elements, b.x.data(), &theta, 8.0, b.y.mutable_data());
    qcfs_backward(Cpu{}, elements, b.x.data(), &theta, 8.0, b.y.data(), b.dx.mutable_data(), &gradient);
  }
  report(state, 5);
}

#define GLIA_SPIKING_BENCH(...) BENCHMARK(__VA_ARGS__)->UseRealTime()->Unit(benchmark::kMillisecond)
GLIA_SPIKING_BENCH(copy);
GLIA_SPIKING_BENCH(forward<spiking::LifNeuron<>>);
GLIA_SPIKING_BENCH(backward<spiking::LifNeuron<>>);
GLIA_SPIKING_BENCH(both<spiking::LifNeuron<>>);
GLIA_SPIKING_BENCH(both<spiking::LifNeuron<spiking::surrogate::Sigmoid>>);
GLIA_SPIKING_BENCH(both<spiking::PlifNeuron<>>);
GLIA_SPIKING_BENCH(both<spiking::CubaNeuron<>>);
GLIA_SPIKING_BENCH(both<spiking::AlifNeuron<>>);
GLIA_SPIKING_BENCH(both<spiking::IntegerLifNeuron>);
GLIA_SPIKING_BENCH(qcfs_both);
GLIA_SPIKING_BENCH(copy);

}  // namespace
