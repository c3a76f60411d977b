// Throughput of glia::math in plain loops over arrays that fit the first cache: values, and derivatives by duals.

#include <glia/core/dual.hpp>
#include <glia/kernels/cpu/random.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

namespace {
namespace math = glia::math;

constexpr glia::Index count = 4096;

template <class T>
std::vector<T> arguments() {
  std::vector<T> x(static_cast<std::size_t>(count));
  glia::fill_uniform(glia::Cpu{}, x.data(), count, 1, 0, T(0.05), T(0.95));
  return x;
}

template <class T, class F>
void run_value(benchmark::State& state, F f) {
  const std::vector<T> x = arguments<T>();
  std::vector<T> y(x.size());
  for (auto _ : state) {
    const T* const in = x.data();
    T* const out = y.data();
    for (glia::Index i = 0; i < count; ++i) out[i] = f(in[i]);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * count);
}

template <class T, class F>
void run_slope(benchmark::State& state, F f) {
  run_value<T>(state, [f](T x) {
    const glia::Dual<T> y = f(glia::Dual<T>(x, T(1)));
    return y.value * y.tangent;
  });
}

template <class T>
void random_uniform(benchmark::State& state) {
  std::vector<T> y(static_cast<std::size_t>(count));
  for (auto _ : state) {
    glia::fill_uniform(glia::Cpu{}, y.data(), count, 1, 0, T(0), T(1));
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * count);
}

template <class T>
void random_normal(benchmark::State& state) {
  std::vector<T> y(static_cast<std::size_t>(count));
  for (auto _ : state) {
    glia::fill_normal(glia::Cpu{}, y.data(), count, 1, 0, T(0), T(1));
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * count);
}

template <class F>
void add(const std::string& name, F f) {
  const auto row = [&](const std::string& suffix, auto run) {
    benchmark::RegisterBenchmark(("math/" + name + suffix).c_str(), run);
  };
  row("/float", [f](benchmark::State& state) { run_value<float>(state, f); });
  row("/double", [f](benchmark::State& state) { run_value<double>(state, f); });
  row("/dual_float", [f](benchmark::State& state) { run_slope<float>(state, f); });
}

bool add_all() {
  add("exp", [](auto x) { return math::exp(x); });
  add("log", [](auto x) { return math::log(x); });
  add("tanh", [](auto x) { return math::tanh(x); });
  add("sigmoid", [](auto x) { return math::sigmoid(x); });
  add("softplus", [](auto x) { return math::softplus(x); });
  add("erf", [](auto x) { return math::erf(x); });
  add("sin", [](auto x) { return math::sin(x); });
  add("sqrt", [](auto x) { return math::sqrt(x); });
  add("pow", [](auto x) { return math::pow(x, x); });
  const auto library = [](const char* name, auto f) {
    benchmark::RegisterBenchmark(name, [f](benchmark::State& state) { run_value<float>(state, f); });
  };
  library("std/exp/float", [](float x) { return std::exp(x); });
  library("std/tanh/float", [](float x) { return std::tanh(x); });
  library("std/erf/float", [](float x) { return std::erf(x); });
  return true;
}
const bool added = add_all();
}  // namespace

BENCHMARK(random_uniform<float>)->Name("random/uniform/float");
BENCHMARK(random_uniform<double>)->Name("random/uniform/double");
BENCHMARK(random_normal<float>)->Name("random/normal/float");
BENCHMARK(random_normal<double>)->Name("random/normal/double");
