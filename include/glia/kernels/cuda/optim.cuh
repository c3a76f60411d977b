#pragma once
// Optimizer kernels on CUDA: the slots of many parameters travel as one kernel argument.

#include <glia/device/cuda_copy.hpp>
#include <glia/kernels/cuda/optim.hpp>
#include <glia/kernels/cuda/reduce.cuh>

#include <utility>

namespace GLIA_NS {

namespace cuda {

inline constexpr int update_batch = 16;                   // slots per launch
inline constexpr Index update_block = 8 * block_threads;  // elements per block

template <class T, class Rule>
struct UpdateBatch {
  UpdateSlot<T> slots[update_batch];
  Rule rules[update_batch];
  Index first_block[update_batch];
  int count;
};

template <class T, class Rule, std::size_t... B>
__device__ inline void update_one(const Rule& rule, const UpdateSlot<T>& slot, Index i, std::index_sequence<B...>) {
  rule(slot.parameter[i], slot.gradient[i], slot.buffers[B][i]...);
}

template <class T, class Rule>
__global__ void update_kernel(UpdateBatch<T, Rule> batch) {
  int s = 0;
  while (s + 1 < batch.count && batch.first_block[s + 1] <= static_cast<Index>(blockIdx.x)) ++s;
  const Rule rule = batch.rules[s];
  const UpdateSlot<T> slot = batch.slots[s];
  const Index begin = (static_cast<Index>(blockIdx.x) - batch.first_block[s]) * update_block;
  const Index end = ::min(begin + update_block, slot.count);
  for (Index i = begin + threadIdx.x; i < end; i += block_threads)
    update_one(rule, slot, i, std::make_index_sequence<Rule::buffers>{});
}

template <class T>
struct SquareFold : SumFold<T> {
  using Total = double;
  __device__ static Total map(T x) { return static_cast<Total>(x) * static_cast<Total>(x); }
};

// One block per row.
template <class T>
__global__ void clip_rows_kernel(const T* parameter, T* gradient, Index rows, Index n, double clip, double epsilon) {
  __shared__ double parts[2][block_threads];
  const int lane = static_cast<int>(threadIdx.x);
  for (Index r = blockIdx.x; r < rows; r += gridDim.x) {
    double squares[2] = {0.0, 0.0};
    for (Index i = lane; i < n; i += block_threads) {
      const double p = static_cast<double>(parameter[r * n + i]), g = static_cast<double>(gradient[r * n + i]);
      squares[0] += p * p;
      squares[1] += g * g;
    }
    parts[0][lane] = squares[0], parts[1][lane] = squares[1];
    __syncthreads();
    for (int half = block_threads / 2; half > 0; half /= 2) {
      if (lane < half) {
        parts[0][lane] += parts[0][lane + half];
        parts[1][lane] += parts[1][lane + half];
      }
      __syncthreads();
    }
    const double most = clip * ::fmax(::sqrt(parts[0][0]), epsilon), is = ::sqrt(parts[1][0]);
    if (is > most) {
      const T factor = static_cast<T>(most / ::fmax(is, 1e-6));
      for (Index i = lane; i < n; i += block_threads) gradient[r * n + i] = gradient[r * n + i] * factor;
    }
    __syncthreads();
  }
}

}  // namespace cuda

template <class T, class Rule>
void update_elements(Cuda, std::span<const UpdateSlot<T>> slots, std::span<const Rule> rules) {
  using Batch = cuda::UpdateBatch<T, Rule>;
  static_assert(std::is_trivially_copyable_v<Rule> && sizeof(Batch) <= 4096,
                "the rules do not fit into a kernel argument");
  Batch batch{};
  Index blocks = 0;
  const auto launch = [&] {
    if (batch.count == 0) return;
    cuda::update_kernel<T, Rule>
        <<<static_cast<unsigned>(blocks), cuda::block_threads, 0, cuda::current_stream()>>>(batch);
    cuda::check_launch("optimizer step");
    batch.count = 0, blocks = 0;
  };
  for (std::size_t s = 0; s < slots.size(); ++s) {
    if (slots[s].count == 0) continue;
    batch.slots[batch.count] = slots[s];
    batch.rules[batch.count] = rules[s];
    batch.first_block[batch.count] = blocks;
    blocks += (slots[s].count + cuda::update_block - 1) / cuda::update_block;
    if (++batch.count == cuda::update_batch) launch();
  }
  launch();
}

template <class T>
void sum_of_squares(Cuda, std::span<const UpdateSlot<T>> slots, double* totals) {
  const cuda::Scratch<double> sums(static_cast<Index>(slots.size()));
  for (std::size_t s = 0; s < slots.size(); ++s)
    cuda::reduce_middle<cuda::SquareFold<T>>("sum of squares", slots[s].gradient, Index{1}, slots[s].count, Index{1},
                                             sums.data() + s);
  copy_bytes(Cpu{}, Cuda{}, totals, sums.data(), slots.size() * sizeof(double));
}

template <class T>
void clip_rows(Cuda, const T* parameter, T* gradient, Index rows, Index n, double clip, double epsilon) {
  if (rows == 0 || n == 0) return;
  cuda::clip_rows_kernel<T><<<cuda::blocks_for(rows, 1), cuda::block_threads, 0, cuda::current_stream()>>>(
      parameter, gradient, rows, n, clip, epsilon);
  cuda::check_launch("gradient clipping");
}

}  // namespace GLIA_NS
