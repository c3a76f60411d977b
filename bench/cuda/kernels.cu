// The hot kernels on a device, timed by device events: copies, spiking neurons over eight steps, convolutions, batch
// norm, and a whole training step of a small spiking network. Skips where there is no device.

#include <glia/cuda.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/pool.hpp>
#include <glia/optim/sgd.hpp>
#include <glia/spiking/layers.hpp>

#include <benchmark/benchmark.h>

using glia::ConvGeometry;
using glia::Cuda;
using glia::Index;
using glia::Tensor;
namespace spiking = glia::spiking;

namespace bench_cuda {

// (With a name: nvcc warns of unused members of unnamed classes.)
struct Net {
  glia::nn::Conv2d<Cuda> first{{.in = 3, .out = 64, .kernel = 3, .padding = 1, .bias = false}},
      second{{.in = 64, .out = 128, .kernel = 3, .stride = 2, .padding = 1, .bias = false}};
  glia::nn::BatchNorm<Cuda> first_norm{64}, second_norm{128};
  spiking::Lif<Cuda> first_spike{{.beta = 0.9}}, second_spike{{.beta = 0.9}};
  glia::nn::Linear<Cuda> head{128, 100};
  GLIA_MEMBERS(first, second, first_norm, second_norm, first_spike, second_spike, head)

  Tensor<float, Cuda> forward(const Tensor<float, Cuda>& images) {
    const auto low = first_spike(spiking::repeat(first_norm(first(images)), 4));
    return head(glia::global_mean_pool(glia::mean(second_spike(second_norm(second(low))), 0)));
  }
};

}  // namespace bench_cuda

namespace {

// Runs `work` per iteration and gives the time between two events to the benchmark.
template <class Work>
void timed(benchmark::State& state, const Work& work) {
  work();  // plans and memory are made
  glia::cuda::Event before(true), after(true);
  for (auto _ : state) {
    before.record();
    work();
    after.record();
    after.synchronize();
    state.SetIterationTime(static_cast<double>(after.milliseconds_since(before)) * 1e-3);
  }
}
bool skipped(benchmark::State& state) {
  if (glia::cuda::device_count() != 0) return false;
  state.SkipWithError("no CUDA device");
  return true;
}
void bytes(benchmark::State& state, double count) {
  state.counters["bytes/s"] = benchmark::Counter(count, benchmark::Counter::kIsIterationInvariantRate);
}

// [8, 64, 64, 32, 32]: 33.6 million elements.
constexpr Index steps = 8, neurons = Index{64} * 64 * 32 * 32, elements = steps * neurons;

template <class T>
void copy(benchmark::State& state) {
  if (skipped(state)) return;
  const auto x = glia::zeros<T, Cuda>({elements});
  auto y = Tensor<T, Cuda>::empty({elements});
  timed(state, [&] {
    copy_bytes(Cuda{}, Cuda{}, y.mutable_data(), x.data(), static_cast<std::size_t>(elements) * sizeof(T));
  });
  bytes(state, 2.0 * static_cast<double>(elements * static_cast<Index>(sizeof(T))));
}

// Forward reads and writes each element once; backward reads input and output gradient and writes the input's.
template <class T, bool Backward>
void lif(benchmark::State& state) {
  if (skipped(state)) return;
  glia::Generator generator(1);
  const auto x = glia::rand<T, Cuda>({elements}, generator, T(-0.3f), T(1.0f));
  [[maybe_unused]] const auto dy = glia::ones<T, Cuda>({elements});
  auto out = Tensor<T, Cuda>::empty({elements});
  const spiking::LifNeuron<> neuron;
  T* to = out.mutable_data();
  timed(state, [&] {
    if constexpr (Backward)
      neuron_backward<spiking::LifNeuron<>, T>(Cuda{}, neuron, steps, neurons, x.data(), neurons, nullptr, nullptr,
                                               dy.data(), neurons, nullptr, to, nullptr, nullptr);
    else
      neuron_forward<spiking::LifNeuron<>, T>(Cuda{}, neuron, steps, neurons, x.data(), neurons, nullptr, nullptr, to,
                                              nullptr);
  });
  bytes(state, (Backward ? 3.0 : 2.0) * static_cast<double>(elements * static_cast<Index>(sizeof(T))));
}

enum class Pass { forward, backward_input, backward_weight };

template <Pass P, bool Tf32>
void conv(benchmark::State& state) {
  if (skipped(state)) return;
  ConvGeometry g;
  g.batch = state.range(0), g.in_channels = state.range(1), g.out_channels = state.range(2);
  g.height = g.width = state.range(3), g.kernel_h = g.kernel_w = 3, g.padding_h = g.padding_w = 1;
  g.out_height = g.height, g.out_width = g.width;
  auto x = glia::ones<float, Cuda>({g.in_pixels(), g.in_channels}),
       y = glia::ones<float, Cuda>({g.out_pixels(), g.out_channels}),
       w = glia::ones<float, Cuda>({g.out_channels, 9 * g.in_channels});
  auto& settings = glia::cuda::convolution_settings();
  settings = {.search = true, .tf32 = Tf32};
  timed(state, [&] {
    if constexpr (P == Pass::forward)
      conv2d_forward(Cuda{}, g, x.data(), w.data(), static_cast<const float*>(nullptr), y.mutable_data());
    else if constexpr (P == Pass::backward_input)
      conv2d_backward_input(Cuda{}, g, y.data(), w.data(), x.mutable_data());
    else
      conv2d_backward_weight(Cuda{}, g, x.data(), y.data(), w.mutable_data());
  });
  settings = {};
  const double operations = 2.0 * static_cast<double>(g.out_pixels() * g.out_channels * 9 * g.in_channels);
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

// Statistics read x; normalising reads x and writes y.
void batch_norm(benchmark::State& state) {
  if (skipped(state)) return;
  const Index channels = state.range(0), rows = elements / 8 / channels;
  const auto x = glia::ones<float, Cuda>({rows, channels});
  timed(state, [&] { glia::batch_norm(x, {}, {}, {.relu = true}); });
  bytes(state, 3.0 * 4.0 * static_cast<double>(rows * channels));
}

void training_step(benchmark::State& state) {
  if (skipped(state)) return;
  bench_cuda::Net net;
  glia::optim::Sgd<float, Cuda> optimizer(glia::parameters<float, Cuda>(net), {.learning_rate = 0.01, .momentum = 0.9});
  glia::Generator generator(2);
  const auto images = glia::randn<float, Cuda>({128, 32, 32, 3}, generator);
  const auto labels = glia::zeros<std::int64_t, Cuda>({128});
  timed(state, [&] {
    optimizer.zero_grad();
    glia::cross_entropy(net.forward(images), labels).backward();
    optimizer.step();
  });
  state.counters["images/s"] = benchmark::Counter(128, benchmark::Counter::kIsIterationInvariantRate);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"N", "C", "O", "size"})->UseManualTime()->Unit(benchmark::kMicrosecond);
  bench->Args({128, 64, 64, 32})->Args({128, 128, 128, 16})->Args({128, 256, 256, 8})->Args({128, 512, 512, 4});
}

BENCHMARK_TEMPLATE(copy, float)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(copy, glia::bfloat16)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(lif, float, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(lif, float, true)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(lif, glia::bfloat16, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(lif, glia::bfloat16, true)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(conv, Pass::forward, false)->Apply(shapes);
BENCHMARK_TEMPLATE(conv, Pass::backward_input, false)->Apply(shapes);
BENCHMARK_TEMPLATE(conv, Pass::backward_weight, false)->Apply(shapes);
BENCHMARK_TEMPLATE(conv, Pass::forward, true)->Apply(shapes);
BENCHMARK(batch_norm)->Arg(64)->Arg(512)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(training_step)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
