// Throughput of convolutions. FLOP/s counts the operations of the direct definition (two per multiply-add), padding
// included, whatever the algorithm does; bench_ceilings measures what the machine can do.

#include <glia/kernels/cpu/conv.hpp>

#include <benchmark/benchmark.h>

#include <optional>
#include <vector>

namespace {

using glia::ConvGeometry;
using glia::Cpu;
using glia::Index;

enum class Pass { forward, backward_input, backward_weight };

template <Pass P, bool Rounded = false, glia::ConvAlgorithm Algorithm = glia::ConvAlgorithm::automatic>
void conv_bench(benchmark::State& state) {
  std::optional<glia::AllowBfloat16> scope;
  if (Rounded) scope.emplace();
  glia::conv_algorithm_override() = Algorithm;
  ConvGeometry g;
  g.batch = state.range(0), g.in_channels = state.range(1), g.out_channels = state.range(2);
  g.height = g.width = state.range(3);
  g.kernel_h = g.kernel_w = state.range(4);
  g.stride_h = g.stride_w = state.range(5);
  g.padding_h = g.padding_w = g.kernel_h == 3 ? 1 : 0;
  g.groups = state.range(6);
  g.out_height = g.out_width = glia::window_extent(g.height, g.kernel_h, g.stride_h, g.padding_h, 1);
  const Index weights = g.out_channels * g.kernel_h * g.kernel_w * (g.in_channels / g.groups);
  std::vector<float> x(static_cast<std::size_t>(g.in_pixels() * g.in_channels), 0.5f),
      w(static_cast<std::size_t>(weights), 0.25f);
  std::vector<float> y(static_cast<std::size_t>(g.out_pixels() * g.out_channels), 0.125f);
  for (auto _ : state) {
    if constexpr (P == Pass::forward)
      conv2d_forward(Cpu{}, g, x.data(), w.data(), static_cast<const float*>(nullptr), y.data());
    if constexpr (P == Pass::backward_input) conv2d_backward_input(Cpu{}, g, y.data(), w.data(), x.data());
    if constexpr (P == Pass::backward_weight) conv2d_backward_weight(Cpu{}, g, x.data(), y.data(), w.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(glia::conv_algorithm_name(g, P == Pass::backward_weight));
  glia::conv_algorithm_override() = glia::ConvAlgorithm::automatic;
  const double operations = 2.0 * static_cast<double>(g.out_pixels()) * static_cast<double>(weights);
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

void name_arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"N", "C", "O", "size", "kernel", "stride", "groups"})->UseRealTime()->Unit(benchmark::kMillisecond);
}

// 3x3 with stride 2, as ResNets begin their stages.
void strided(benchmark::internal::Benchmark* bench) {
  name_arguments(bench);
  bench->Args({128, 16, 32, 32, 3, 2, 1})->Args({128, 32, 64, 16, 3, 2, 1})->Args({128, 64, 128, 32, 3, 2, 1});
  bench->Args({128, 128, 256, 16, 3, 2, 1})->Args({128, 256, 512, 8, 3, 2, 1});
}

void shapes(benchmark::internal::Benchmark* bench) {
  name_arguments(bench);
  bench->Args({128, 16, 16, 32, 3, 1, 1})->Args({128, 32, 32, 16, 3, 1, 1})->Args({128, 64, 64, 8, 3, 1, 1});
  bench->Args({128, 64, 64, 32, 3, 1, 1})->Args({128, 64, 128, 32, 3, 1, 1})->Args({128, 128, 128, 16, 3, 1, 1});
  bench->Args({128, 256, 256, 8, 3, 1, 1})->Args({128, 512, 512, 4, 3, 1, 1});
  bench->Args({128, 3, 64, 32, 3, 1, 1})->Args({128, 3, 48, 32, 3, 1, 1})->Args({128, 3, 24, 32, 2, 1, 1});
  bench->Args({128, 64, 128, 16, 1, 1, 1})->Args({128, 64, 128, 32, 1, 2, 1});
  bench->Args({128, 64, 64, 32, 3, 1, 64});
}

BENCHMARK_TEMPLATE(conv_bench, Pass::forward)->Apply(shapes);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_input)->Apply(shapes);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_weight)->Apply(shapes);
// Strided ones by the automatic choice and straight from the images.
BENCHMARK_TEMPLATE(conv_bench, Pass::forward)->Apply(strided);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_input)->Apply(strided);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_weight)->Apply(strided);
BENCHMARK_TEMPLATE(conv_bench, Pass::forward, false, glia::ConvAlgorithm::direct)->Apply(strided);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_input, false, glia::ConvAlgorithm::direct)->Apply(strided);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_weight, false, glia::ConvAlgorithm::direct)->Apply(strided);
// With operands rounded to bfloat16, where the machine has instructions for it (the label says so).
BENCHMARK_TEMPLATE(conv_bench, Pass::forward, true)->Apply(shapes);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_input, true)->Apply(shapes);
BENCHMARK_TEMPLATE(conv_bench, Pass::backward_weight, true)->Apply(shapes);

}  // namespace
