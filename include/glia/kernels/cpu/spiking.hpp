#pragma once
// Spiking neurons on the CPU: a neuron functor run over all time steps in one pass, and its backward pass through time.

#include <glia/core/neuron_step.hpp>
#include <glia/core/parallel.hpp>
#include <glia/core/scalar.hpp>
#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/elementwise.hpp>
#include <glia/kernels/cpu/line_vector.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace GLIA_NS {

namespace cpu {

// Neurons handled together: their states of all time steps stay in the first-level cache.
inline constexpr Index neuron_block = 256;
static_assert(neuron_block <= simd::stream_block);

template <class N, class C>
using NeuronParameters = C[detail::parameter_slots<N>];

// One time step of n neurons; state is [states][neuron_block].
template <class N, class T, class C, int... K>
void neuron_forward_step(const N& neuron, Index n, const T* x, const C (&p)[detail::parameter_slots<N>],
                         const C* before, C* after, T* out, std::integer_sequence<int, K...>) {
  GLIA_OMP(simd)
  for (Index i = 0; i < n; ++i) {
    C state[] = {before[K * neuron_block + i]...};
    out[i] = static_cast<T>(detail::neuron_step(neuron, state, static_cast<C>(x[i]), p));
    ((after[K * neuron_block + i] = state[K]), ...);
  }
}
// The same without the output.
template <class N, class T, class C, int... K>
void neuron_state_step(const N& neuron, Index n, const T* x, const C (&p)[detail::parameter_slots<N>], const C* before,
                       C* after, std::integer_sequence<int, K...>) {
  GLIA_OMP(simd)
  for (Index i = 0; i < n; ++i) {
    C state[] = {before[K * neuron_block + i]...};
    detail::neuron_step(neuron, state, static_cast<C>(x[i]), p);
    ((after[K * neuron_block + i] = state[K]), ...);
  }
}

// One step backwards for neuron i: see neuron_backward_step. Apart from its loop, because arrays declared in the body
// of a simd loop stay in memory.
template <bool WantInput, class N, class T, class C, int... K, int... P>
[[gnu::always_inline]] inline void neuron_backward_lane(const N& neuron, Index i, const T* x,
                                                        const C (&p)[detail::parameter_slots<N>], const C* before,
                                                        const T* dy, C* gradient, [[maybe_unused]] C* sums,
                                                        [[maybe_unused]] T* dx, std::integer_sequence<int, K...>,
                                                        std::integer_sequence<int, P...>) {
  constexpr int S = static_cast<int>(sizeof...(K));
  const C state[] = {before[K * neuron_block + i]...};
  const C g[] = {gradient[K * neuron_block + i]...};
  const C input = static_cast<C>(x[i]), dout = static_cast<C>(dy[i]);
  if constexpr (WantInput) dx[i] = static_cast<T>(detail::neuron_pullback<S>(neuron, state, input, p, g, dout));
  if constexpr (detail::neuron_parameters<N>() > 0)
    ((sums[P * neuron_block + i] += detail::neuron_pullback<S + 1 + P>(neuron, state, input, p, g, dout)), ...);
  const C next[] = {detail::neuron_pullback<K>(neuron, state, input, p, g, dout)...};
  ((gradient[K * neuron_block + i] = next[K]), ...);
}

// One step backwards for n neurons: `gradient` [states][neuron_block] is replaced by the gradient of the states before
// the step, `sums` [parameters][neuron_block] grows. dx may be null.
template <bool WantInput, class N, class T, class C, class States, class Slots>
[[gnu::flatten]] void neuron_backward_step(const N& neuron, Index n, const T* x,
                                           const C (&p)[detail::parameter_slots<N>], const C* before, const T* dy,
                                           C* gradient, C* sums, T* dx, States states, Slots slots) {
  GLIA_OMP(simd)
  for (Index i = 0; i < n; ++i)
    neuron_backward_lane<WantInput>(neuron, i, x, p, before, dy, gradient, sums, dx, states, slots);
}

template <class N, class T, class C>
void load_neuron_parameters(const T* parameters, C (&p)[detail::parameter_slots<N>]) {
  for (int k = 0; k < detail::parameter_slots<N>; ++k)
    p[k] = detail::neuron_parameters<N>() > 0 ? static_cast<C>(parameters[k]) : C(0);
}

// state[k][i] = the given start, or rest.
template <class N, class T, class C>
void load_neuron_state(const N& neuron, const T* const* start, Index first, Index n, C* state) {
  for (int k = 0; k < N::states; ++k) {
    const T* from = start != nullptr ? start[k] : nullptr;
    for (Index i = 0; i < n; ++i)
      state[k * neuron_block + i] =
          from != nullptr ? static_cast<C>(from[first + i]) : detail::neuron_rest<C>(neuron, k);
  }
}

}  // namespace cpu

// Runs `count` independent neurons over `steps` time steps. x and out are [steps, count]; row t of x starts at t *
// x_step (0: one input for all steps). `start` and `last` are null or N::states pointers to [count] (each may be null):
// the states before the first and after the last step. N: see spiking/neurons.hpp.
template <class N, class T>
void neuron_forward(Cpu, const N& neuron, Index steps, Index count, const T* x, Index x_step, const T* parameters,
                    const T* const* start, T* out, T* const* last) {
  using C = cpu::compute_t<T>;
  constexpr int S = N::states;
  C p[detail::parameter_slots<N>];
  cpu::load_neuron_parameters<N>(parameters, p);
  const bool stream = simd::worth_streaming<T>(steps * count);
  parallel_for(chunk_count(count, cpu::neuron_block), 32, [&](Index begin, Index end) {
    alignas(64) C state[N::states * cpu::neuron_block];
    for (Index i = begin * cpu::neuron_block; i < std::min(count, end * cpu::neuron_block); i += cpu::neuron_block) {
      const Index n = std::min(cpu::neuron_block, count - i);
      cpu::load_neuron_state(neuron, start, i, n, state);
      for (Index t = 0; t < steps; ++t)
        simd::write_blocks(stream, out + t * count + i, n, [&](Index, Index, T* to) {
          cpu::neuron_forward_step(neuron, n, x + t * x_step + i, p, state, state, to,
                                   std::make_integer_sequence<int, S>{});
        });
      for (int k = 0; k < S && last != nullptr; ++k)
        if (last[k] != nullptr)
          for (Index j = 0; j < n; ++j) last[k][i + j] = static_cast<T>(state[k * cpu::neuron_block + j]);
    }
    simd::stream_end(stream);
  });
}

namespace cpu {

// The operands of a backward run, for one chunk of neurons at a time.
template <class N, class T>
struct NeuronBackward {
  using C = compute_t<T>;
  static constexpr int S = N::states, P = detail::neuron_parameters<N>(), slots = P > 0 ? P : 1;

  const N& neuron;
  Index steps, count;
  const T* x;
  Index x_step;
  const T* const* start;
  const T* dy;
  Index dy_step;
  const T* const* dlast;
  T* dx;
  T* const* dstart;
  C p[slots];
  bool stream = false;  // dx is written past the caches

  // Neurons [first, last); adds the gradients of the parameters to `totals`.
  void chunk(Index first, Index last, C* work, double* totals) const {
    C* const gradient = work;
    C* const sums = gradient + S * neuron_block;
    C* const history = sums + slots * neuron_block;
    std::fill_n(sums, slots * neuron_block, C(0));
    for (Index i = first; i < last; i += neuron_block)
      block(i, std::min(neuron_block, last - i), gradient, sums, history);
    for (int k = 0; k < P; ++k)
      for (Index j = 0; j < neuron_block; ++j) totals[k] += static_cast<double>(sums[k * neuron_block + j]);
  }
  Index work_size() const { return (S + slots + std::max<Index>(steps, 1) * S) * neuron_block; }

 private:
  void block(Index i, Index n, C* gradient, C* sums, C* history) const {
    constexpr Index row = S * neuron_block;
    const auto states = std::make_integer_sequence<int, S>{};
    const auto directions = std::make_integer_sequence<int, slots>{};
    load_neuron_state(neuron, start, i, n, history);
    for (Index t = 0; t + 1 < steps; ++t)
      neuron_state_step(neuron, n, x + t * x_step + i, p, history + t * row, history + (t + 1) * row, states);
    for (int k = 0; k < S; ++k) {
      const T* from = dlast != nullptr ? dlast[k] : nullptr;
      for (Index j = 0; j < n; ++j)
        gradient[k * neuron_block + j] = from != nullptr ? static_cast<C>(from[i + j]) : C(0);
    }
    for (Index t = steps - 1; t >= 0; --t) {
      const T* input = x + t * x_step + i;
      const T* upstream = dy + t * dy_step + i;
      if (dx != nullptr)
        simd::write_blocks(stream, dx + t * count + i, n, [&](Index, Index, T* to) {
          neuron_backward_step<true>(neuron, n, input, p, history + t * row, upstream, gradient, sums, to, states,
                                     directions);
        });
      else
        neuron_backward_step<false>(neuron, n, input, p, history + t * row, upstream, gradient, sums,
                                    static_cast<T*>(nullptr), states, directions);
    }
    for (int k = 0; k < S && dstart != nullptr; ++k)
      if (dstart[k] != nullptr)
        for (Index j = 0; j < n; ++j) dstart[k][i + j] = static_cast<T>(gradient[k * neuron_block + j]);
  }
};

}  // namespace cpu

// Backward of neuron_forward: the states are computed again from x, block by block, then the derivatives of the functor
// (dual numbers) are followed back through time. dy is [steps, count], row t at t * dy_step. dlast, dstart: null or
// N::states pointers (each may be null) with the layout of last and start; dx ([steps, count]) may be null. The
// parameters' gradients are summed over fixed chunks in order, so they do not depend on the thread count.
template <class N, class T>
void neuron_backward(Cpu, const N& neuron, Index steps, Index count, const T* x, Index x_step, const T* parameters,
                     const T* const* start, const T* dy, Index dy_step, const T* const* dlast, T* dx, T* dparameters,
                     T* const* dstart) {
  using Run = cpu::NeuronBackward<N, T>;
  constexpr Index chunk = 16 * cpu::neuron_block;
  const Index chunks = chunk_count(count, chunk);
  Run run{neuron, steps, count, x, x_step, start, dy, dy_step, dlast, dx, dstart, {}};
  cpu::load_neuron_parameters<N>(parameters, run.p);
  run.stream = simd::worth_streaming<T>(steps * count);
  std::vector<double> partial(static_cast<std::size_t>(chunks * Run::slots), 0.0);
  parallel_for(chunks, 2, [&](Index first, Index last) {
    detail::LineVector<typename Run::C> work(static_cast<std::size_t>(run.work_size()));
    for (Index c = first; c < last; ++c)
      run.chunk(c * chunk, std::min(count, (c + 1) * chunk), work.data(), partial.data() + c * Run::slots);
    simd::stream_end(run.stream);
  });
  for (int k = 0; k < Run::P && dparameters != nullptr; ++k) {
    double total = 0;
    for (Index c = 0; c < chunks; ++c) total += partial[static_cast<std::size_t>(c * Run::slots + k)];
    dparameters[k] = static_cast<T>(total);
  }
}

}  // namespace GLIA_NS
