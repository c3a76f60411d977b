#pragma once
// Reductions on CUDA, without atomics: every block folds a fixed part in a fixed order; where one block per result
// would leave the device idle, the axis is cut into chunks whose partial results a second kernel folds in order.

#include <glia/device/cuda_allocator.hpp>
#include <glia/kernels/cuda/launch.cuh>
#include <glia/kernels/cuda/reduce.hpp>

#include <limits>

namespace GLIA_NS {

namespace cuda {

// A reduction is a fold of map(x) over Total with join, from the identity, and a last step finish(total, n).
template <class T>
using total_t = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;

template <class T>
struct SumFold {
  using Total = total_t<T>;
  __host__ __device__ static Total identity() { return 0; }
  __device__ static Total map(T x) { return static_cast<Total>(x); }
  __device__ static Total join(Total a, Total b) { return a + b; }
  __device__ static Total finish(Total total, Index) { return total; }
};
template <class T>
struct MeanFold : SumFold<T> {
  using typename SumFold<T>::Total;
  __device__ static Total finish(Total total, Index n) { return total / static_cast<Total>(n); }
};
template <class T>
struct ProductFold {
  using Total = total_t<T>;
  __device__ static Total identity() { return 1; }
  __device__ static Total map(T x) { return static_cast<Total>(x); }
  __device__ static Total join(Total a, Total b) { return a * b; }
  __device__ static Total finish(Total total, Index) { return total; }
};
template <class T>
struct Norm2Fold {
  using Total = double;
  __device__ static Total identity() { return 0; }
  __device__ static Total map(T x) { return static_cast<Total>(x) * static_cast<Total>(x); }
  __device__ static Total join(Total a, Total b) { return a + b; }
  __device__ static Total finish(Total total, Index) { return ::sqrt(total); }
};
template <class T, bool Max>
struct ExtremeFold {
  using Total = compute_t<T>;
  static constexpr Total first =
      std::numeric_limits<Total>::has_infinity
          ? (Max ? -std::numeric_limits<Total>::infinity() : std::numeric_limits<Total>::infinity())
          : (Max ? std::numeric_limits<Total>::lowest() : std::numeric_limits<Total>::max());
  __device__ static Total identity() {
    constexpr Total value = first;
    return value;
  }
  __device__ static Total map(T x) { return static_cast<Total>(x); }
  __device__ static Total join(Total a, Total b) { return (Max ? b > a : b < a) || b != b ? b : a; }
  __device__ static Total finish(Total total, Index) { return total; }
};
template <class T, bool Any>
struct TruthFold {
  using Total = int;
  __device__ static Total identity() { return Any ? 0 : 1; }
  __device__ static Total map(T x) { return x != T(0) ? 1 : 0; }
  __device__ static Total join(Total a, Total b) { return Any ? (a | b) : (a & b); }
  __device__ static Total finish(Total total, Index) { return total; }
};

// One part of a reduction: [outer, n, inner] cut into `chunks` of `chunk` positions. The result of chunk k of (o, i)
// goes to y[(o * inner + i) * chunks + k]: finished if it is the last stage, else the bare total.
struct ReducePlan {
  Index outer, n, inner, chunk, chunks;
  Index divisor;  // the n that finish() sees
};

template <class R, bool First, class In>
__device__ inline typename R::Total take(In x) {
  if constexpr (First)
    return R::map(x);
  else
    return x;
}
template <class R, bool Last, class Out>
__device__ inline Out give(typename R::Total total, Index n) {
  if constexpr (Last)
    return static_cast<Out>(R::finish(total, n));
  else
    return total;
}

// inner == 1: `Lanes` threads fold one chunk of one row, neighbours side by side.
template <int Lanes, class R, bool First, bool Last, class In, class Out>
__global__ void reduce_rows_kernel(const In* x, ReducePlan plan, Out* y) {
  using Total = typename R::Total;
  __shared__ Total parts[block_threads];
  constexpr int groups = block_threads / Lanes;
  const int lane = static_cast<int>(threadIdx.x) % Lanes, group = static_cast<int>(threadIdx.x) / Lanes;
  const Index jobs = plan.outer * plan.chunks;
  for (Index base = static_cast<Index>(blockIdx.x) * groups; base < jobs;
       base += static_cast<Index>(gridDim.x) * groups) {
    const Index job = base + group;
    Total total = R::identity();
    if (job < jobs) {
      const Index row = job / plan.chunks, begin = (job % plan.chunks) * plan.chunk;
      const Index end = ::min(begin + plan.chunk, plan.n);
      for (Index k = begin + lane; k < end; k += Lanes) total = R::join(total, take<R, First>(x[row * plan.n + k]));
    }
    parts[threadIdx.x] = total;
    __syncthreads();
#pragma unroll
    for (int half = Lanes / 2; half > 0; half /= 2) {
      if (lane < half) parts[threadIdx.x] = R::join(parts[threadIdx.x], parts[threadIdx.x + half]);
      __syncthreads();
    }
    if (lane == 0 && job < jobs) y[job] = give<R, Last, Out>(parts[threadIdx.x], plan.divisor);
    __syncthreads();
  }
}

// inner > 1: a block of 32 columns by 8 slices folds one chunk of 32 neighbouring results.
inline constexpr int reduce_columns = 32, reduce_slices = block_threads / reduce_columns;

template <class R, bool Last, class In, class Out>
__global__ void reduce_columns_kernel(const In* x, ReducePlan plan, Out* y) {
  using Total = typename R::Total;
  __shared__ Total parts[block_threads];
  const int column = static_cast<int>(threadIdx.x) % reduce_columns,
            slice = static_cast<int>(threadIdx.x) / reduce_columns;
  const Index tiles = (plan.inner + reduce_columns - 1) / reduce_columns, jobs = plan.outer * tiles * plan.chunks;
  for (Index job = blockIdx.x; job < jobs; job += gridDim.x) {
    const Index k = job % plan.chunks, tile = job / plan.chunks % tiles, o = job / plan.chunks / tiles;
    const Index i = tile * reduce_columns + column;
    Total total = R::identity();
    if (i < plan.inner) {
      const Index end = ::min((k + 1) * plan.chunk, plan.n);
      for (Index r = k * plan.chunk + slice; r < end; r += reduce_slices)
        total = R::join(total, take<R, true>(x[(o * plan.n + r) * plan.inner + i]));
    }
    parts[threadIdx.x] = total;
    __syncthreads();
#pragma unroll
    for (int half = reduce_slices / 2; half > 0; half /= 2) {
      if (slice < half) parts[threadIdx.x] = R::join(parts[threadIdx.x], parts[threadIdx.x + half * reduce_columns]);
      __syncthreads();
    }
    if (slice == 0 && i < plan.inner)
      y[(o * plan.inner + i) * plan.chunks + k] = give<R, Last, Out>(parts[threadIdx.x], plan.divisor);
    __syncthreads();
  }
}

template <class R, bool First, bool Last, class In, class Out>
void launch_rows(const In* x, const ReducePlan& plan, Out* y) {
  const Index jobs = plan.outer * plan.chunks;
  constexpr int narrow = 32;
  if (std::min(plan.chunk, plan.n) <= 512)
    reduce_rows_kernel<narrow, R, First, Last, In, Out>
        <<<blocks_for(jobs, block_threads / narrow), block_threads, 0, current_stream()>>>(x, plan, y);
  else
    reduce_rows_kernel<block_threads, R, First, Last, In, Out>
        <<<blocks_for(jobs, 1), block_threads, 0, current_stream()>>>(x, plan, y);
}

template <class R, bool Last, class In, class Out>
void launch_columns(const In* x, const ReducePlan& plan, Out* y) {
  const Index tiles = (plan.inner + reduce_columns - 1) / reduce_columns;
  reduce_columns_kernel<R, Last, In, Out>
      <<<blocks_for(plan.outer * tiles * plan.chunks, 1), block_threads, 0, current_stream()>>>(x, plan, y);
}

template <class R, bool Last, class In, class Out>
void launch_reduce(const In* x, const ReducePlan& plan, Out* y) {
  if (plan.inner == 1)
    launch_rows<R, true, Last>(x, plan, y);
  else
    launch_columns<R, Last>(x, plan, y);
}

template <class R, class In, class Out>
void reduce_middle(const char* op, const In* x, Index outer, Index n, Index inner, Out* y) {
  const Index results = outer * inner;
  if (results == 0) return;
  // Enough blocks to fill a large device, at least `least` positions each; depends on the extents alone.
  const Index least = inner == 1 ? 4096 : 128;
  const Index blocks = inner == 1 ? outer : outer * ((inner + reduce_columns - 1) / reduce_columns);
  const Index wanted = std::clamp<Index>(1024 / blocks, 1, std::max<Index>(1, n / least));
  const Index chunk = std::max<Index>(1, (n + wanted - 1) / wanted);
  const Index chunks = std::max<Index>(1, (n + chunk - 1) / chunk);
  const ReducePlan plan{outer, n, inner, chunk, chunks, n};
  if (chunks == 1) {
    launch_reduce<R, true>(x, plan, y);
    check_launch(op);
    return;
  }
  using Total = typename R::Total;
  const Scratch<Total> partial(results * chunks);
  launch_reduce<R, false>(x, plan, partial.data());
  check_launch(op);
  launch_rows<R, false, true>(static_cast<const Total*>(partial.data()), ReducePlan{results, chunks, 1, chunks, 1, n},
                              y);
  check_launch(op);
}

}  // namespace cuda

template <class T, class Out>
void reduce_sum(Cuda, const T* x, Index outer, Index n, Index inner, Out* y) {
  cuda::reduce_middle<cuda::SumFold<T>>("sum", x, outer, n, inner, y);
}
template <class T, class Out>
void reduce_mean(Cuda, const T* x, Index outer, Index n, Index inner, Out* y) {
  cuda::reduce_middle<cuda::MeanFold<T>>("mean", x, outer, n, inner, y);
}
template <class T, class Out>
void reduce_prod(Cuda, const T* x, Index outer, Index n, Index inner, Out* y) {
  cuda::reduce_middle<cuda::ProductFold<T>>("prod", x, outer, n, inner, y);
}
template <class T, class Out>
void reduce_norm2(Cuda, const T* x, Index outer, Index n, Index inner, Out* y) {
  cuda::reduce_middle<cuda::Norm2Fold<T>>("norm", x, outer, n, inner, y);
}
template <class T>
void reduce_max(Cuda, const T* x, Index outer, Index n, Index inner, T* y) {
  cuda::reduce_middle<cuda::ExtremeFold<T, true>>("max", x, outer, n, inner, y);
}
template <class T>
void reduce_min(Cuda, const T* x, Index outer, Index n, Index inner, T* y) {
  cuda::reduce_middle<cuda::ExtremeFold<T, false>>("min", x, outer, n, inner, y);
}
template <class T>
void reduce_any(Cuda, const T* x, Index outer, Index n, Index inner, bool* y) {
  cuda::reduce_middle<cuda::TruthFold<T, true>>("any", x, outer, n, inner, y);
}
template <class T>
void reduce_all(Cuda, const T* x, Index outer, Index n, Index inner, bool* y) {
  cuda::reduce_middle<cuda::TruthFold<T, false>>("all", x, outer, n, inner, y);
}

}  // namespace GLIA_NS
