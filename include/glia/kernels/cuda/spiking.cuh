#pragma once
// Spiking neurons on CUDA: a thread carries its neurons through all time steps with their states in registers. The
// backward pass computes the states again, keeps them and the inputs in registers for up to 16 steps (in device memory
// beyond), and follows the dual numbers of the functor back through time.

#include <glia/core/neuron_step.hpp>
#include <glia/kernels/cuda/elementwise.cuh>
#include <glia/kernels/cuda/reduce.cuh>
#include <glia/kernels/cuda/rows.cuh>
#include <glia/kernels/cuda/spiking.hpp>

namespace GLIA_NS {

namespace cuda {

// One pointer per state; null where the caller gave none.
template <class T, int S>
struct StatePointers {
  T* data[S];
};
template <int S, class T>
StatePointers<T, S> state_pointers(T* const* list) {
  StatePointers<T, S> out{};
  for (int k = 0; k < S && list != nullptr; ++k) out.data[k] = list[k];
  return out;
}

// The sizes, parameters and initial states that both directions share.
template <class N, class T>
struct NeuronRun {
  using C = compute_t<T>;
  static constexpr int S = N::states, P = glia::detail::neuron_parameters<N>(), slots = P > 0 ? P : 1;

  N neuron;
  Index steps, count;
  const T* x;
  Index x_step;
  const T* parameters;
  StatePointers<const T, S> start;

  GLIA_HD void load_parameters(C (&p)[slots]) const {
    for (int k = 0; k < slots; ++k) p[k] = P > 0 ? static_cast<C>(parameters[k]) : C(0);
  }
  GLIA_HD void load_state(C (&state)[S], Index i) const {
    for (int k = 0; k < S; ++k)
      state[k] = start.data[k] != nullptr ? static_cast<C>(start.data[k][i]) : glia::detail::neuron_rest<C>(neuron, k);
  }
};

// Item `group`: neurons group * W to group * W + W - 1 through all steps.
template <int W, class N, class T>
struct NeuronForward {
  using Run = NeuronRun<N, T>;
  using C = typename Run::C;
  Run run;
  T* out;
  StatePointers<T, N::states> last;

  GLIA_HD void operator()(Index group) const {
    constexpr int S = Run::S;
    const Index i = group * W;
    C p[Run::slots], state[W][S];
    run.load_parameters(p);
    unrolled<W>([&](auto j) { run.load_state(state[j.value], i + j.value); });
    for (Index t = 0; t < run.steps; ++t) {
      const auto input = *reinterpret_cast<const Pack<T, W>*>(run.x + t * run.x_step + i);
      Pack<T, W> output;
      unrolled<W>([&](auto j) {
        output.values[j.value] = static_cast<T>(
            glia::detail::neuron_step(run.neuron, state[j.value], static_cast<C>(input.values[j.value]), p));
      });
      *reinterpret_cast<Pack<T, W>*>(out + t * run.count + i) = output;
    }
    unrolled<S>([&](auto k) {
      if (last.data[k.value] == nullptr) return;
      unrolled<W>([&](auto j) { last.data[k.value][i + j.value] = static_cast<T>(state[j.value][k.value]); });
    });
  }
};

template <class N, class T>
struct NeuronGradients {
  using Run = NeuronRun<N, T>;
  using C = typename Run::C;

  const T* dy;
  Index dy_step;
  StatePointers<const T, N::states> dlast;
  T* dx;
  StatePointers<T, N::states> dstart;
  double* partial;  // [parameters][blocks], null if they are not wanted
  C* history;       // [steps][states][count], for runs that do not fit into registers

  // One step back for a neuron: `gradient` becomes that of the states before the step; returns the gradient of the
  // input, if it is wanted.
  GLIA_HD __forceinline__ C step(const Run& run, const C (&state)[Run::S], C input, C dout, const C (&p)[Run::slots],
                                 C (&gradient)[Run::S], C (&sums)[Run::slots]) const {
    const C dinput =
        dx != nullptr ? glia::detail::neuron_pullback<Run::S>(run.neuron, state, input, p, gradient, dout) : C(0);
    unrolled<Run::P>([&](auto k) {
      sums[k.value] += glia::detail::neuron_pullback<Run::S + 1 + k.value>(run.neuron, state, input, p, gradient, dout);
    });
    C next[Run::S];
    unrolled<Run::S>([&](auto k) {
      next[k.value] = glia::detail::neuron_pullback<k.value>(run.neuron, state, input, p, gradient, dout);
    });
    unrolled<Run::S>([&](auto k) { gradient[k.value] = next[k.value]; });
    return dinput;
  }
};

// Neurons per thread of the backward pass over at most `steps` steps: what a thread keeps of them stays within 64
// registers.
template <class T>
constexpr int backward_width(int steps, int states) {
  int width = pack_width<T>;
  while (width > 1 && width * steps * (states + 1) > 64) width /= 2;
  return width;
}

// Item `group` as in the forward pass; adds to the sums of the parameters' gradients. Steps > 0: at most that many time
// steps, all kept in registers. Steps == 0: any number, states kept in device memory.
template <int Steps, int W, class N, class T>
struct NeuronBackward {
  using Run = NeuronRun<N, T>;
  using C = typename Run::C;
  using Values = Pack<T, W>;
  Run run;
  NeuronGradients<N, T> to;

  GLIA_HD __forceinline__ void operator()(Index group, const C (&p)[Run::slots], C (&sums)[Run::slots]) const {
    constexpr int S = Run::S;
    const Index i = group * W;
    C state[W][S], gradient[W][S];
    unrolled<W>([&](auto j) {
      run.load_state(state[j.value], i + j.value);
      unrolled<S>([&](auto k) {
        const T* from = to.dlast.data[k.value];
        gradient[j.value][k.value] = from != nullptr ? static_cast<C>(from[i + j.value]) : C(0);
      });
    });
    if constexpr (Steps > 0) {
      Values input[Steps];
      C kept[Steps][W][S];
      unrolled<Steps>([&](auto t) {
        if (t.value >= run.steps) return;
        input[t.value] = *reinterpret_cast<const Values*>(run.x + t.value * run.x_step + i);
        unrolled<W>([&](auto j) {
          unrolled<S>([&](auto k) { kept[t.value][j.value][k.value] = state[j.value][k.value]; });
          if (t.value + 1 < run.steps)
            glia::detail::neuron_step(run.neuron, state[j.value], static_cast<C>(input[t.value].values[j.value]), p);
        });
      });
      unrolled<Steps>([&](auto reversed) {
        constexpr int t = Steps - 1 - decltype(reversed)::value;
        if (t >= run.steps) return;
        const Values dout = *reinterpret_cast<const Values*>(to.dy + t * to.dy_step + i);
        Values dinput;
        unrolled<W>([&](auto j) {
          dinput.values[j.value] =
              static_cast<T>(to.step(run, kept[t][j.value], static_cast<C>(input[t].values[j.value]),
                                     static_cast<C>(dout.values[j.value]), p, gradient[j.value], sums));
        });
        if (to.dx != nullptr) *reinterpret_cast<Values*>(to.dx + t * run.count + i) = dinput;
      });
    } else {
      static_assert(W == 1);
      for (Index t = 0; t < run.steps; ++t) {
        for (int k = 0; k < S; ++k) to.history[(t * S + k) * run.count + i] = state[0][k];
        glia::detail::neuron_step(run.neuron, state[0], static_cast<C>(run.x[t * run.x_step + i]), p);
      }
      for (Index t = run.steps - 1; t >= 0; --t) {
        for (int k = 0; k < S; ++k) state[0][k] = to.history[(t * S + k) * run.count + i];
        const C dinput = to.step(run, state[0], static_cast<C>(run.x[t * run.x_step + i]),
                                 static_cast<C>(to.dy[t * to.dy_step + i]), p, gradient[0], sums);
        if (to.dx != nullptr) to.dx[t * run.count + i] = static_cast<T>(dinput);
      }
    }
    unrolled<S>([&](auto k) {
      if (to.dstart.data[k.value] == nullptr) return;
      unrolled<W>([&](auto j) { to.dstart.data[k.value][i + j.value] = static_cast<T>(gradient[j.value][k.value]); });
    });
  }
};

template <int Steps, int W, class N, class T>
__global__ void neuron_backward_kernel(NeuronBackward<Steps, W, N, T> job) {
  using Run = NeuronRun<N, T>;
  using C = typename Run::C;
  const Run& run = job.run;
  const NeuronGradients<N, T>& to = job.to;
  C p[Run::slots], sums[Run::slots] = {};
  run.load_parameters(p);
  for (Index group = first_item(); group * W < run.count; group += item_step()) job(group, p, sums);
  if constexpr (Run::P > 0) {
    if (to.partial == nullptr) return;
    __shared__ double parts[block_threads];
    for (int k = 0; k < Run::P; ++k) {
      parts[threadIdx.x] = static_cast<double>(sums[k]);
      __syncthreads();
      for (int half = block_threads / 2; half > 0; half /= 2) {
        if (static_cast<int>(threadIdx.x) < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
      }
      if (threadIdx.x == 0) to.partial[static_cast<Index>(k) * gridDim.x + blockIdx.x] = parts[0];
      __syncthreads();
    }
  }
}

// Sums of parameters have a place for each of `blocks` blocks.
template <int Steps, class N, class T>
void launch_neuron_backward(const NeuronRun<N, T>& run, const NeuronGradients<N, T>& to, Index blocks) {
  constexpr int width = Steps > 0 ? backward_width<T>(Steps, N::states) : 1;
  const bool packs = run.count % width == 0 && run.x_step % width == 0 && to.dy_step % width == 0 &&
                     is_aligned<width>(run.x) && is_aligned<width>(to.dy) && is_aligned<width>(to.dx);
  const auto grid = packs && to.partial == nullptr ? blocks_for(run.count / width) : static_cast<unsigned>(blocks);
  if (packs)
    neuron_backward_kernel<Steps, width, N, T>
        <<<grid, block_threads, 0, current_stream()>>>(NeuronBackward<Steps, width, N, T>{run, to});
  else
    neuron_backward_kernel<Steps, 1, N, T>
        <<<grid, block_threads, 0, current_stream()>>>(NeuronBackward<Steps, 1, N, T>{run, to});
  check_launch("neuron backward");
}

}  // namespace cuda

template <class N, class T>
void neuron_forward(Cuda, const N& neuron, Index steps, Index count, const T* x, Index x_step, const T* parameters,
                    const T* const* start, T* out, T* const* last) {
  if (count == 0) return;
  constexpr int S = N::states, width = cuda::pack_width<T>;
  const cuda::NeuronRun<N, T> run{neuron, steps, count, x, x_step, parameters, cuda::state_pointers<S>(start)};
  const auto end = cuda::state_pointers<S>(last);
  if (count % width == 0 && x_step % width == 0 && cuda::is_aligned<width>(x) && cuda::is_aligned<width>(out))
    cuda::launch_each("neuron forward", count / width, cuda::NeuronForward<width, N, T>{run, out, end});
  else
    cuda::launch_each("neuron forward", count, cuda::NeuronForward<1, N, T>{run, out, end});
}

template <class N, class T>
void neuron_backward(Cuda, const N& neuron, Index steps, Index count, const T* x, Index x_step, const T* parameters,
                     const T* const* start, const T* dy, Index dy_step, const T* const* dlast, T* dx, T* dparameters,
                     T* const* dstart) {
  using Run = cuda::NeuronRun<N, T>;
  const bool wants_parameters = Run::P > 0 && dparameters != nullptr;
  if (count == 0) {
    if (wants_parameters) fill_elements(Cuda{}, T(0), Run::P, dparameters);
    return;
  }
  const Index blocks = static_cast<Index>(cuda::blocks_for(count));
  const cuda::Scratch<double> partial(wants_parameters ? Run::P * blocks : 0);
  const cuda::Scratch<typename Run::C> history(steps > 16 ? steps * Run::S * count : 0);
  const Run run{neuron, steps, count, x, x_step, parameters, cuda::state_pointers<Run::S>(start)};
  const cuda::NeuronGradients<N, T> to{dy,
                                       dy_step,
                                       cuda::state_pointers<Run::S>(dlast),
                                       dx,
                                       cuda::state_pointers<Run::S>(dstart),
                                       wants_parameters ? partial.data() : nullptr,
                                       history.data()};
  if (steps <= 4)
    cuda::launch_neuron_backward<4>(run, to, blocks);
  else if (steps <= 8)
    cuda::launch_neuron_backward<8>(run, to, blocks);
  else if (steps <= 16)
    cuda::launch_neuron_backward<16>(run, to, blocks);
  else
    cuda::launch_neuron_backward<0>(run, to, blocks);
  if (wants_parameters)
    cuda::reduce_middle<cuda::SumFold<double>>("neuron backward", static_cast<const double*>(partial.data()),
                                               Index{Run::P}, blocks, Index{1}, dparameters);
}

}  // namespace GLIA_NS
