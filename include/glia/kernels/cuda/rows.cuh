#pragma once
// The three shapes that most kernels here have: a thread per item, lanes per row, and per-column sums over rows. What
// is computed is a functor that runs on the host too, so that its arithmetic and its index functions are tested without
// a device.

#include <glia/device/cuda_allocator.hpp>
#include <glia/kernels/cuda/launch.cuh>

namespace GLIA_NS::cuda {

// Quotient and remainder of numbers that are not negative, with 32-bit instructions where they fit.
struct Division {
  Index quotient, remainder;
};
GLIA_HD inline Division divide(Index a, Index b) {
  if (((a | b) >> 32) == 0) {
    const auto x = static_cast<std::uint32_t>(a), y = static_cast<std::uint32_t>(b), q = x / y;
    return {static_cast<Index>(q), static_cast<Index>(x - q * y)};
  }
  const Index q = a / b;
  return {q, a - q * b};
}

// ---- A thread per item.

template <class F>
__global__ void each_kernel(F f, Index count) {
  for (Index i = first_item(); i < count; i += item_step()) f(i);
}

// Calls f(i) for 0 <= i < count; the calls are independent of each other.
template <class F>
void launch_each(const char* op, Index count, const F& f) {
  static_assert(std::is_trivially_copyable_v<F>);
  if (count <= 0) return;
  each_kernel<F><<<blocks_for(count), block_threads, 0, current_stream()>>>(f, count);
  check_launch(op);
}

// ---- Lanes that work on one row. All lanes call the folding functions together, and all get the result; its order
// depends on the number of lanes alone.

struct Add {
  template <class V>
  GLIA_HD V operator()(V a, V b) const {
    return a + b;
  }
};
// The larger (smaller) value; a NaN on either side wins.
struct Larger {
  template <class V>
  GLIA_HD V operator()(V a, V b) const {
    return b > a || b != b ? b : a;
  }
};
struct Smaller {
  template <class V>
  GLIA_HD V operator()(V a, V b) const {
    return b < a || b != b ? b : a;
  }
};

template <class V>
struct Prefix {
  V inclusive, total;  // the sum up to this lane, and over all lanes
};

// One lane: rows that a single thread walks, and the host.
struct SerialLanes {
  GLIA_HD int lane() const { return 0; }
  GLIA_HD int count() const { return 1; }
  template <class V, class Join>
  GLIA_HD V fold(V value, Join) const {
    return value;
  }
  template <class V>
  GLIA_HD Prefix<V> scan(V value) const {
    return {value, value};
  }
};

inline constexpr int warp_lanes = 32;

// The 32 threads of a warp.
struct WarpLanes {
  static constexpr int lanes = warp_lanes;
  __device__ explicit WarpLanes(double*) {}
  __device__ int lane() const { return static_cast<int>(threadIdx.x) % warp_lanes; }
  __device__ int count() const { return warp_lanes; }
  template <class V, class Join>
  __device__ V fold(V value, Join join) const {
#pragma unroll
    for (int step = warp_lanes / 2; step > 0; step /= 2) value = join(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
  }
  template <class V>
  __device__ Prefix<V> scan(V value) const {
#pragma unroll
    for (int step = 1; step < warp_lanes; step *= 2) {
      const V before = __shfl_up_sync(0xffffffffu, value, step);
      if (lane() >= step) value = before + value;
    }
    return {value, __shfl_sync(0xffffffffu, value, warp_lanes - 1)};
  }
};

// All threads of a block; `shared` has a place for every warp.
struct BlockLanes {
  static constexpr int lanes = block_threads, warps = block_threads / warp_lanes;
  double* shared;
  __device__ explicit BlockLanes(double* places) : shared(places) {}
  __device__ int lane() const { return static_cast<int>(threadIdx.x); }
  __device__ int count() const { return block_threads; }
  template <class V, class Join>
  __device__ V fold(V value, Join join) const {
    static_assert(sizeof(V) <= sizeof(double));
    V* parts = reinterpret_cast<V*>(shared);
    const V mine = WarpLanes(nullptr).fold(value, join);
    if (lane() % warp_lanes == 0) parts[lane() / warp_lanes] = mine;
    __syncthreads();
    V total = parts[0];
#pragma unroll
    for (int w = 1; w < warps; ++w) total = join(total, parts[w]);
    __syncthreads();  // before the places are used again
    return total;
  }
  template <class V>
  __device__ Prefix<V> scan(V value) const {
    static_assert(sizeof(V) <= sizeof(double));
    V* parts = reinterpret_cast<V*>(shared);
    const Prefix<V> mine = WarpLanes(nullptr).scan(value);
    if (lane() % warp_lanes == 0) parts[lane() / warp_lanes] = mine.total;
    __syncthreads();
    V before = V(0), total = V(0);
#pragma unroll
    for (int w = 0; w < warps; ++w) {
      if (w == lane() / warp_lanes) before = total;
      total = total + parts[w];
    }
    __syncthreads();
    return {before + mine.inclusive, total};
  }
};

// A group of lanes is a whole warp or a whole block, so `r < rows` holds for all of its threads or for none.
template <class Lanes, class F>
__global__ void rows_kernel(F f, Index rows) {
  __shared__ double shared[BlockLanes::warps];
  const Lanes lanes(shared);
  constexpr int groups = block_threads / Lanes::lanes;
  const int group = static_cast<int>(threadIdx.x) / Lanes::lanes;
  for (Index r = static_cast<Index>(blockIdx.x) * groups + group; r < rows; r += static_cast<Index>(gridDim.x) * groups)
    f(r, lanes);
}

template <class F>
struct SerialRow {
  F f;
  GLIA_HD void operator()(Index r) const { f(r, SerialLanes{}); }
};

// Calls f(r, lanes) for every row; `n` is the length that the lanes share.
template <class F>
void launch_rows_of(const char* op, Index rows, Index n, const F& f) {
  static_assert(std::is_trivially_copyable_v<F>);
  if (rows <= 0) return;
  if (n <= 1024)
    rows_kernel<WarpLanes, F>
        <<<blocks_for(rows, block_threads / warp_lanes), block_threads, 0, current_stream()>>>(f, rows);
  else
    rows_kernel<BlockLanes, F><<<blocks_for(rows, 1), block_threads, 0, current_stream()>>>(f, rows);
  check_launch(op);
}

// The same for the columns of a [outer, n, inner] array, numbered outer * inner: lanes share a column where inner is 1,
// else each thread walks its own, so that neighbours read side by side.
template <class F>
void launch_columns_of(const char* op, Index outer, Index n, Index inner, const F& f) {
  if (inner == 1)
    launch_rows_of(op, outer, n, f);
  else
    launch_each(op, outer * inner, SerialRow<F>{f});
}

// First element and step of column r of a [outer, n, inner] array.
struct Column {
  Index first, step;
};
GLIA_HD inline Column column_of(Index r, Index n, Index inner) {
  if (inner == 1) return {r * n, 1};
  const Division at = divide(r, inner);
  return {at.quotient * n * inner + at.remainder, inner};
}

// ---- Per-column sums over rows.

template <int S>
struct Sums {
  double at[S] = {};
};

// term(row, column, sums) adds one element; finish(column, sums) gets the totals. Rows are cut into chunks whose length
// depends on the extents alone.
template <int S, class Term>
struct ColumnChunks {
  Term term;
  Index rows, columns, chunk, chunks;
  double* partial;  // [S][columns][chunks]

  // What one of `slices` threads adds for its column and chunk.
  GLIA_HD Sums<S> slice(Index column, Index k, int first, int slices) const {
    Sums<S> sums;
    const Index begin = k * chunk, end = begin + chunk < rows ? begin + chunk : rows;
    for (Index r = begin + first; r < end; r += slices) term(r, column, sums);
    return sums;
  }
  GLIA_HD void put(Index column, Index k, int s, double total) const {
    partial[(static_cast<Index>(s) * columns + column) * chunks + k] = total;
  }
};

template <int S, class Finish>
struct ColumnFinish {
  Finish finish;
  Index columns, chunks;
  const double* partial;

  template <class Lanes>
  GLIA_HD void operator()(Index column, const Lanes& lanes) const {
    Sums<S> totals;
    for (int s = 0; s < S; ++s) {
      double total = 0;
      const double* from = partial + (static_cast<Index>(s) * columns + column) * chunks;
      for (Index k = lanes.lane(); k < chunks; k += lanes.count()) total += from[k];
      totals.at[s] = lanes.fold(total, Add{});
    }
    if (lanes.lane() == 0) finish(column, totals);
  }
};

// A block of 32 columns by 8 slices of rows.
inline constexpr int sum_columns = 32, sum_slices = block_threads / sum_columns;

template <int S, class Term>
__global__ void column_sums_kernel(ColumnChunks<S, Term> job) {
  __shared__ double parts[S][block_threads];
  const int lane = static_cast<int>(threadIdx.x), slice = lane / sum_columns;
  const Index tiles = (job.columns + sum_columns - 1) / sum_columns;
  for (Index b = blockIdx.x; b < tiles * job.chunks; b += gridDim.x) {
    const Division at = divide(b, tiles);
    const Index column = at.remainder * sum_columns + lane % sum_columns;
    Sums<S> sums;
    if (column < job.columns) sums = job.slice(column, at.quotient, slice, sum_slices);
#pragma unroll
    for (int s = 0; s < S; ++s) parts[s][lane] = sums.at[s];
    __syncthreads();
    if (slice == 0 && column < job.columns) {
#pragma unroll
      for (int s = 0; s < S; ++s) {
        double total = 0;
        for (int k = 0; k < sum_slices; ++k) total += parts[s][lane + k * sum_columns];
        job.put(column, at.quotient, s, total);
      }
    }
    __syncthreads();
  }
}

// Rows per chunk: enough blocks to fill a large device, at least 64 rows each.
inline Index column_chunk(Index rows, Index columns) {
  const Index tiles = (columns + sum_columns - 1) / sum_columns;
  const Index chunks = std::clamp<Index>(1024 / std::max<Index>(tiles, 1), 1, std::max<Index>(1, rows / 64));
  return std::max<Index>(1, (rows + chunks - 1) / chunks);
}

template <int S, class Term, class Finish>
void launch_column_sums(const char* op, Index rows, Index columns, const Term& term, const Finish& finish) {
  static_assert(std::is_trivially_copyable_v<Term> && std::is_trivially_copyable_v<Finish>);
  if (columns <= 0) return;
  const Index chunk = column_chunk(rows, columns), chunks = std::max<Index>(1, (rows + chunk - 1) / chunk);
  const Scratch<double> partial(S * columns * chunks);
  const Index tiles = (columns + sum_columns - 1) / sum_columns;
  column_sums_kernel<S, Term><<<blocks_for(tiles * chunks, 1), block_threads, 0, current_stream()>>>(
      ColumnChunks<S, Term>{term, rows, columns, chunk, chunks, partial.data()});
  check_launch(op);
  launch_rows_of(op, columns, chunks, ColumnFinish<S, Finish>{finish, columns, chunks, partial.data()});
}

}  // namespace GLIA_NS::cuda
