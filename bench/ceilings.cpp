// What this machine can do at most: multiply-adds in registers and bytes through memory. Rows of the other benchmarks
// are read against these, measured in the same run.

#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

namespace {

using glia::Index;

// Independent chains of multiply-adds, enough to hide the latency of two units; FLOP/s counts a multiply-add as two.
template <class T>
[[gnu::noinline]] T multiply_add(Index steps, T start) {
  constexpr int chains = 12;
  using V = glia::simd::Vec<T>;
  V sum[chains], factor = V{} + start, term = V{} + T(1e-3);
  glia::simd::unroll<chains>([&](auto c) GLIA_INLINE_LAMBDA { sum[c] = V{} + static_cast<T>(int(c)); });
  for (Index i = 0; i < steps; ++i)
    glia::simd::unroll<chains>([&](auto c) GLIA_INLINE_LAMBDA { sum[c] = sum[c] * factor + term; });
  V total{};
  glia::simd::unroll<chains>([&](auto c) GLIA_INLINE_LAMBDA { total += sum[c]; });
  T lanes[glia::simd::lanes<T>];
  glia::simd::store(lanes, total);
  return lanes[0];
}

template <class T>
void multiply_add_peak(benchmark::State& state) {
  const Index threads = state.range(0), steps = Index{1} << 20;
  std::vector<T> results(static_cast<std::size_t>(threads));
  glia::set_num_threads(static_cast<int>(threads));
  for (auto _ : state) {
    glia::parallel_for(threads, 1, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) results[static_cast<std::size_t>(i)] = multiply_add<T>(steps, T(0.999));
    });
    benchmark::DoNotOptimize(results.data());
  }
  const double operations = 2.0 * 12.0 * static_cast<double>(glia::simd::lanes<T> * steps * threads);
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

// out = in on all threads; bytes/s counts what is read and what is written.
void copy_bandwidth(benchmark::State& state) {
  const Index count = state.range(0) / static_cast<Index>(sizeof(float));
  std::vector<float> in(static_cast<std::size_t>(count), 1.0f), out(static_cast<std::size_t>(count));
  for (auto _ : state) {
    glia::parallel_for(count, 1024, [&](Index first, Index last) {
      std::copy(in.data() + first, in.data() + last, out.data() + first);
    });
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * state.range(0));
}

void thread_counts(benchmark::internal::Benchmark* bench) {
  bench->ArgName("threads")->UseRealTime()->Unit(benchmark::kMillisecond)->Arg(1);
  if (glia::num_threads() > 1) bench->Arg(glia::num_threads());
}

BENCHMARK_TEMPLATE(multiply_add_peak, float)->Apply(thread_counts);
BENCHMARK_TEMPLATE(multiply_add_peak, double)->Apply(thread_counts);
BENCHMARK(copy_bandwidth)
    ->ArgName("bytes")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Arg(1 << 18)
    ->Arg(1 << 22)
    ->Arg(1 << 28);

}  // namespace
