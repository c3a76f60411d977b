#pragma once
// The elementwise kernels on CUDA: one for contiguous (or single-value) operands in 16-byte packs, one for any strides.

#include <glia/device/cuda_copy.hpp>
#include <glia/kernels/cuda/elementwise.hpp>
#include <glia/kernels/cuda/launch.cuh>

#include <cstring>

namespace GLIA_NS {

namespace cuda {

// A contiguous operand, or one value for all positions.
template <class T>
struct FlatOperand {
  const T* data;
  bool single, usable;

  template <int W>
  __device__ Pack<T, W> pack(Index p) const {
    if (!single) return reinterpret_cast<const Pack<T, W>*>(data)[p];
    Pack<T, W> out;
    const T value = *data;
    for (int k = 0; k < W; ++k) out.values[k] = value;
    return out;
  }
  __device__ T at(Index i) const { return data[single ? 0 : i]; }
};

template <class T>
struct StridedOperand {
  const T* data;
  Walk walk;

  __device__ T at(Index i) const { return data[walk.offset(i)]; }
};

template <int W, class F, class R, class... T>
__device__ inline void map_pack(const F& f, Pack<R, W>& out, const Pack<T, W>&... in) {
#pragma unroll
  for (int k = 0; k < W; ++k) out.values[k] = static_cast<R>(f(static_cast<compute_t<T>>(in.values[k])...));
}

template <int W, class F, class R, class... T>
__global__ void map_flat_kernel(F f, Index count, R* out, FlatOperand<T>... in) {
  const Index packs = count / W, first = first_item();
  for (Index p = first; p < packs; p += item_step()) {
    Pack<R, W> result;
    map_pack<W>(f, result, in.template pack<W>(p)...);
    reinterpret_cast<Pack<R, W>*>(out)[p] = result;
  }
  const Index i = packs * W + first;
  if (i < count) out[i] = static_cast<R>(f(static_cast<compute_t<T>>(in.at(i))...));
}

template <class F, class R, class... T>
__global__ void map_strided_kernel(F f, Index count, R* out, StridedOperand<T>... in) {
  for (Index i = first_item(); i < count; i += item_step())
    out[i] = static_cast<R>(f(static_cast<compute_t<T>>(in.at(i))...));
}

// The operand as map_flat_kernel reads it with packs of W; `usable` is false where it cannot.
template <int W, class T>
FlatOperand<T> make_flat(const View<const T>& view) {
  const Walk walk = make_walk(view.shape, view.strides);
  const bool single = walk.rank == 0 || (walk.rank == 1 && walk.strides[0] == 0);
  return {view.data, single, single || (walk.rank == 1 && walk.strides[0] == 1 && is_aligned<W>(view.data))};
}

template <int W, class F, class R, class... T>
bool map_flat(const F& f, Index count, R* out, const FlatOperand<T>&... in) {
  if (!is_aligned<W>(out) || !(in.usable && ...)) return false;
  map_flat_kernel<W, F, R, T...>
      <<<blocks_for((count + W - 1) / W), block_threads, 0, current_stream()>>>(f, count, out, in...);
  return true;
}

// Copies and fills move bits; one kernel serves all element types of a size.
template <std::size_t Bytes>
struct WordOf;
template <>
struct WordOf<1> {
  using type = std::uint8_t;
};
template <>
struct WordOf<2> {
  using type = std::uint16_t;
};
template <>
struct WordOf<4> {
  using type = std::uint32_t;
};
template <>
struct WordOf<8> {
  using type = std::uint64_t;
};
template <class T>
using word_t = typename WordOf<sizeof(T)>::type;

template <class Word>
__global__ void copy_kernel(Index count, const Word* in, Walk from, Word* out, Walk to) {
  for (Index i = first_item(); i < count; i += item_step()) out[to.offset(i)] = in[from.offset(i)];
}

template <int W, class Word>
__global__ void fill_kernel(Word value, Index count, Word* out) {
  Pack<Word, W> pack;
  for (int k = 0; k < W; ++k) pack.values[k] = value;
  const Index packs = count / W, first = first_item();
  for (Index p = first; p < packs; p += item_step()) reinterpret_cast<Pack<Word, W>*>(out)[p] = pack;
  const Index i = packs * W + first;
  if (i < count) out[i] = value;
}

}  // namespace cuda

template <class F, class R, class... T>
void map_elements(Cuda, const F& f, Index count, R* out, const View<const T>&... in) {
  static_assert(std::is_trivially_copyable_v<F>, "a functor that runs on the device must be trivially copyable");
  if (count == 0) return;
  constexpr int width = cuda::pack_width<R, T...>;
  if (!cuda::map_flat<width>(f, count, out, cuda::make_flat<width>(in)...))
    cuda::map_strided_kernel<F, R, T...><<<cuda::blocks_for(count), cuda::block_threads, 0, cuda::current_stream()>>>(
        f, count, out, cuda::StridedOperand<T>{in.data, cuda::make_walk(in.shape, in.strides)}...);
  cuda::check_launch("map");
}

template <class T>
void copy_elements(Cuda, const View<const T>& in, const View<T>& out) {
  using Word = cuda::word_t<T>;
  const Index count = out.numel();
  if (count == 0) return;
  const Strides from = broadcast_strides(in.shape, in.strides, out.shape);
  if (is_contiguous(out.shape, out.strides) && is_contiguous(out.shape, from))
    return copy_bytes(Cuda{}, Cuda{}, out.data, in.data, static_cast<std::size_t>(count) * sizeof(T));
  cuda::copy_kernel<Word><<<cuda::blocks_for(count), cuda::block_threads, 0, cuda::current_stream()>>>(
      count, reinterpret_cast<const Word*>(in.data), cuda::make_walk(out.shape, from), reinterpret_cast<Word*>(out.data),
      cuda::make_walk(out.shape, out.strides));
  cuda::check_launch("copy");
}

template <class T>
void fill_elements(Cuda, T value, Index count, T* out) {
  using Word = cuda::word_t<T>;
  if (count == 0) return;
  Word bits;
  std::memcpy(&bits, &value, sizeof(T));
  auto* target = reinterpret_cast<Word*>(out);
  constexpr int width = cuda::pack_width<Word>;
  if (cuda::is_aligned<width>(target))
    cuda::fill_kernel<width, Word>
        <<<cuda::blocks_for((count + width - 1) / width), cuda::block_threads, 0, cuda::current_stream()>>>(bits, count,
                                                                                                          target);
  else
    cuda::fill_kernel<1, Word>
        <<<cuda::blocks_for(count), cuda::block_threads, 0, cuda::current_stream()>>>(bits, count, target);
  cuda::check_launch("fill");
}

}  // namespace GLIA_NS
