// Throughput of matrix products: FLOP/s counts a multiply-add as two; bench_ceilings measures what the machine can do.

#include <glia/kernels/cpu/gemm.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using glia::Cpu;
using glia::Index;

template <class T>
void gemm_bench(benchmark::State& state) {
  const Index m = state.range(0), n = state.range(1), k = state.range(2);
  const bool trans_a = (state.range(3) & 1) != 0, trans_b = (state.range(3) & 2) != 0;
  std::vector<T> a(static_cast<std::size_t>(m * k), T(0.5)), b(static_cast<std::size_t>(k * n), T(0.25)),
      c(static_cast<std::size_t>(m * n));
  for (auto _ : state) {
    gemm(Cpu{}, trans_a, trans_b, m, n, k, T{1}, a.data(), trans_a ? m : k, b.data(), trans_b ? k : n, T{0}, c.data(),
         n);
    benchmark::DoNotOptimize(c.data());
  }
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}

// Rows, columns, depth, 1 = A transposed + 2 = B transposed.
void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"m", "n", "k", "trans"})->UseRealTime()->Unit(benchmark::kMillisecond);
  bench->Args({1024, 1024, 1024, 0})
      ->Args({1024, 1024, 1024, 3})
      ->Args({8192, 256, 2304, 2})
      ->Args({131072, 64, 576, 2});
  bench->Args({131072, 64, 576, 0})->Args({64, 576, 131072, 1})->Args({128, 512, 512, 2})->Args({128, 128, 128, 0});
  bench->Args({500, 100, 256, 2})->Args({16, 1024, 1024, 0})->Args({32, 1024, 1024, 2})->Args({64, 1024, 1024, 2});
  bench->Args({1024, 16, 1024, 0})->Args({1024, 64, 1024, 2})->Args({1, 512, 512, 2});
}

// 256 products of 64 x 64 matrices.
void gemm_batched_bench(benchmark::State& state) {
  const Index n = 64, batch = 256;
  const std::vector<float> a(static_cast<std::size_t>(batch * n * n), 0.5f), b(a);
  std::vector<float> c(a);
  for (auto _ : state) {
    gemm_batched(Cpu{}, false, false, n, n, n, 1.0f, a.data(), n, b.data(), n, 0.0f, c.data(), n, batch, n * n, n * n,
                 n * n);
    benchmark::DoNotOptimize(c.data());
  }
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * static_cast<double>(batch * n * n * n), benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(gemm_batched_bench)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(gemm_bench, float)->Apply(shapes);
BENCHMARK_TEMPLATE(gemm_bench, glia::bfloat16)->Apply(shapes);
BENCHMARK_TEMPLATE(gemm_bench, double)->Args({1024, 1024, 1024, 0})->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
