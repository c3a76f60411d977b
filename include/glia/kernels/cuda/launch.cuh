#pragma once
// What every CUDA kernel file needs: launch sizes, grid-stride positions, 16-byte packs, strided positions.

#include <glia/core/layout.hpp>
#include <glia/core/scalar.hpp>
#include <glia/device/cuda.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace GLIA_NS::cuda {

inline constexpr int block_threads = 256;

// Blocks that give each of `items` a thread; kernels loop where this stops at its bound.
inline unsigned blocks_for(Index items, Index per_block = block_threads) {
  return static_cast<unsigned>(std::clamp<Index>((items + per_block - 1) / per_block, 1, Index{1} << 16));
}

__device__ inline Index first_item() { return static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline Index item_step() { return static_cast<Index>(gridDim.x) * blockDim.x; }

template <int K>
struct Constant {
  static constexpr int value = K;
};
template <class F, int... K>
GLIA_HD __forceinline__ void call_for_each(const F& f, std::integer_sequence<int, K...>) {
  (f(Constant<K>{}), ...);
}
// Calls f with Constant<0> to Constant<N - 1>: a loop that is unrolled whatever its length, so that arrays indexed by
// it stay in registers. (The host compiler does not know #pragma unroll.)
template <int N, class F>
GLIA_HD __forceinline__ void unrolled(const F& f) {
  call_for_each(f, std::make_integer_sequence<int, N>{});
}

// Functors compute 16-bit floats in float.
template <class T>
using compute_t = std::conditional_t<ReducedFloating<T>, float, T>;

// W neighbouring elements that are loaded and stored together.
template <class T, int W>
struct alignas(sizeof(T) * W) Pack {
  T values[W];
};

// Elements of the widest of the types that fit into 16 bytes.
template <class... T>
inline constexpr int pack_width = static_cast<int>(16 / std::max({sizeof(T)...}));

template <int W, class T>
bool is_aligned(const T* data) {
  return reinterpret_cast<std::uintptr_t>(data) % (sizeof(T) * W) == 0;
}

// W neighbouring elements from position i, a multiple of W; `missing` where there is no array.
template <int W, class T>
GLIA_HD Pack<T, W> load_pack(const T* data, Index i, T missing = T(0)) {
  if (data != nullptr) return *reinterpret_cast<const Pack<T, W>*>(data + i);
  Pack<T, W> out;
  for (int k = 0; k < W; ++k) out.values[k] = missing;
  return out;
}

// Whether rows of `channels` elements may be walked in packs.
template <int W, class... T>
bool packs_fit(Index channels, const T*... pointers) {
  return channels % W == 0 && (is_aligned<W>(pointers) && ...);
}

// Offsets of the elements of a strided array in row-major order, with as few axes as possible.
struct Walk {
  Index extents[max_rank] = {}, strides[max_rank] = {};
  int rank = 0;
  bool narrow = true;  // every position fits into 32 bits

  __device__ Index offset(Index position) const {
    return narrow ? descend(static_cast<std::uint32_t>(position)) : descend(static_cast<std::uint64_t>(position));
  }

 private:
  template <class Position>
  __device__ Index descend(Position rest) const {
    Index offset = 0;
    for (int a = rank - 1; a > 0; --a) {
      const auto extent = static_cast<Position>(extents[a]);
      const Position above = rest / extent;
      offset += static_cast<Index>(rest - above * extent) * strides[a];
      rest = above;
    }
    return rank == 0 ? 0 : offset + static_cast<Index>(rest) * strides[0];
  }
};

inline Walk make_walk(Shape shape, Strides strides) {
  Walk walk;
  walk.narrow = shape.numel() <= 0xffffffff;
  collapse(shape, &strides, 1);
  walk.rank = shape.rank();
  for (int i = 0; i < walk.rank; ++i) walk.extents[i] = shape[i], walk.strides[i] = strides[i];
  return walk;
}

}  // namespace GLIA_NS::cuda
