// Memory-bound kernels: bytes/s counts every array once per read or write; compare with `copy`, the machine's own
// figure.

#include <glia/kernels/cpu/batch_norm_silu.hpp>
#include <glia/kernels/cpu/pool.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/pool.hpp>

#include <benchmark/benchmark.h>

namespace {

using glia::Index;
using glia::Tensor;

Tensor<> normal(const glia::Shape& shape, std::uint64_t seed = 1) {
  glia::Generator generator(seed);
  return glia::randn(shape, generator);
}
void report(benchmark::State& state, double floats) {
  state.counters["bytes/s"] = benchmark::Counter(4.0 * floats, benchmark::Counter::kIsIterationInvariantRate);
}

constexpr Index elements = Index{128} * 32 * 32 * 64;

void copy(benchmark::State& state) {
  const auto x = normal({elements});
  auto y = normal({elements});
  for (auto _ : state) {
    const glia::NoGrad plain;
    y.copy_(x);
  }
  report(state, 2.0 * elements);
}

// One elementwise op, unrecorded: reads and writes one array.
void silu(benchmark::State& state) {
  const auto x = normal({elements});
  for (auto _ : state) benchmark::DoNotOptimize(glia::silu(x).impl().get());
  report(state, 2.0 * elements);
}
void add(benchmark::State& state) {
  const auto x = normal({elements}), y = normal({elements}, 2);
  for (auto _ : state) benchmark::DoNotOptimize((x + y).impl().get());
  report(state, 3.0 * elements);
}

// Training: statistics and normalisation read x and write y (3 passes); backward reads dy and x twice and writes dx
// (5).
void norm(benchmark::State& state, glia::nn::BatchNormOptions options, bool residual) {
  glia::nn::BatchNorm<> layer(64, options);
  auto x = normal({128, 32, 32, 64}).set_requires_grad();
  const auto side = residual ? normal({128, 32, 32, 64}, 2) : Tensor<>(), dy = normal({128, 32, 32, 64}, 3);
  for (auto _ : state) {
    x.zero_grad();
    layer(x, side).backward(dy);
  }
  report(state, (residual ? 9.0 : 8.0) * elements);
}
void batch_norm(benchmark::State& state) { norm(state, {}, false); }
void batch_norm_relu(benchmark::State& state) { norm(state, {.relu = true}, false); }
void batch_norm_silu(benchmark::State& state) { norm(state, {.silu = true}, false); }
void batch_norm_silu_residual(benchmark::State& state) { norm(state, {.silu = true}, true); }

// Forward reads x and writes y and the winners; backward reads dy and the winners and writes dx.
void max_pool(benchmark::State& state) {
  auto x = normal({128, 32, 32, 64}).set_requires_grad();
  const auto dy = normal({128, 16, 16, 64});
  for (auto _ : state) {
    x.zero_grad();
    glia::max_pool2d(x, {.kernel = 2}).backward(dy);
  }
  report(state, 3.0 * elements);
}
void global_mean_pool(benchmark::State& state) {
  const auto x = normal({500, 4, 4, 256});
  for (auto _ : state) benchmark::DoNotOptimize(glia::global_mean_pool(x).impl().get());
  report(state, 500.0 * 16 * 256);
}
// Forward reads the logits, backward reads them again and writes the gradient.
void cross_entropy(benchmark::State& state) {
  auto x = normal({32768, 100}).set_requires_grad();
  auto y = Tensor<std::int64_t>::empty({32768});
  for (Index i = 0; i < 32768; ++i) y.mutable_data()[i] = i % 100;
  for (auto _ : state) {
    x.zero_grad();
    glia::cross_entropy(x, y).backward();
  }
  report(state, 3.0 * 32768 * 100);
}

#define GLIA_MEMORY_BENCH(name) BENCHMARK(name)->UseRealTime()->Unit(benchmark::kMillisecond)
GLIA_MEMORY_BENCH(copy);
GLIA_MEMORY_BENCH(add);
GLIA_MEMORY_BENCH(silu);
GLIA_MEMORY_BENCH(batch_norm);
GLIA_MEMORY_BENCH(batch_norm_relu);
GLIA_MEMORY_BENCH(batch_norm_silu);
GLIA_MEMORY_BENCH(batch_norm_silu_residual);
GLIA_MEMORY_BENCH(max_pool);
GLIA_MEMORY_BENCH(global_mean_pool);
GLIA_MEMORY_BENCH(cross_entropy);

}  // namespace
