#pragma once
// The one loop behind all elementwise ops on the host. Strided and broadcast operands are read in blocks into a
// small buffer by code that does not know the functor, so each functor costs one contiguous, vectorisable loop.

#include <glia/core/parallel.hpp>
#include <glia/core/scalar.hpp>
#include <glia/core/view.hpp>
#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/element.hpp>
#include <glia/kernels/cpu/stream.hpp>

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace GLIA_NS {

namespace cpu {

inline constexpr Index block = simd::stream_block;
inline constexpr Index largest_item = 8;  // bytes of the widest scalar

// Copies `count` words, steps apart in each array.
template <int Bytes>
void copy_words(const void* from, Index from_step, void* to, Index to_step, Index count) {
  using W = typename Word<Bytes>::type;
  const W* const source = static_cast<const W*>(from);
  W* const target = static_cast<W*>(to);
  if (to_step != 1) {
    for (Index i = 0; i < count; ++i) target[i * to_step] = source[i * from_step];
  } else if (from_step == 0) {
    const W value = *source;
    for (Index i = 0; i < count; ++i) target[i] = value;
  } else {
    for (Index i = 0; i < count; ++i) target[i] = source[i * from_step];
  }
}

[[gnu::noinline]] inline void copy_items(Index item, const void* from, Index from_step, void* to, Index to_step, Index count) {
  if (from_step == 1 && to_step == 1) {
    std::memmove(to, from, static_cast<std::size_t>(count * item));
    return;
  }
  switch (item) {
    case 1: return copy_words<1>(from, from_step, to, to_step, count);
    case 2: return copy_words<2>(from, from_step, to, to_step, count);
    case 4: return copy_words<4>(from, from_step, to, to_step, count);
    default: return copy_words<8>(from, from_step, to, to_step, count);
  }
}

// A view prepared for reading in row-major blocks, whatever its scalar.
class BlockReader {
 public:
  BlockReader() = default;
  [[gnu::noinline]] BlockReader(const void* data, Index item, const Shape& shape, const Strides& strides)
      : data_(static_cast<const char*>(data)), item_(item), shape_(shape), strides_(strides) {
    collapse(shape_, &strides_, 1);
    contiguous_ = shape_.rank() == 0 || (shape_.rank() == 1 && strides_[0] == 1);
  }

  bool contiguous() const { return contiguous_; }

  // Elements [begin, begin + count) of the row-major order; `buffer` holds them if they do not lie together.
  const void* fetch(Index begin, Index count, void* buffer) const {
    if (contiguous_) return data_ + begin * item_;
    gather(begin, count, static_cast<char*>(buffer));
    return buffer;
  }

 private:
  void gather(Index begin, Index count, char* buffer) const {
    const int last = shape_.rank() - 1;
    const Index extent = shape_[last], step = strides_[last];
    Index position[max_rank] = {};
    Index rest = begin, offset = 0;
    for (int i = last; i >= 0; --i) {
      position[i] = rest % shape_[i];
      rest /= shape_[i];
      offset += position[i] * strides_[i];
    }
    for (Index done = 0;;) {
      const Index run = std::min(count - done, extent - position[last]);
      copy_items(item_, data_ + offset * item_, step, buffer + done * item_, 1, run);
      done += run;
      if (done == count) return;
      offset -= position[last] * step;
      position[last] = 0;
      for (int i = last - 1; i >= 0; --i) {
        if (++position[i] < shape_[i]) {
          offset += strides_[i];
          break;
        }
        offset -= (shape_[i] - 1) * strides_[i];
        position[i] = 0;
      }
    }
  }

  const char* data_ = nullptr;
  Index item_ = 1;
  Shape shape_;
  Strides strides_;
  bool contiguous_ = false;
};

template <class F, class R, class... T>
void map_block(const F& f, Index count, R* out, const T*... in) {
  GLIA_OMP(simd)
  for (Index i = 0; i < count; ++i) store_element(out, i, f(load_element(in, i)...));
}

inline constexpr int max_operands = 8;

// The loop over a block, of a functor whose type is not known: operands come as an array of pointers.
using MapBlock = void (*)(const void* f, Index count, void* out, const void* const* in);

// Everything about an elementwise loop that does not depend on the functor, compiled once.
[[gnu::noinline]] inline void run_map(MapBlock run, const void* f, Index count, void* out, Index out_item, const BlockReader* readers,
                                      int operands) {
  const bool stream = out_item >= 4 && count * out_item >= simd::stream_bytes;
  parallel_for(count, Index{1} << 14, [&](Index first, Index last) {
    alignas(64) char buffers[max_operands][block * largest_item];
    alignas(64) char result[block * largest_item];
    const void* in[max_operands] = {};
    for (Index i = first; i < last; i += block) {
      const Index n = std::min(block, last - i);
      for (int k = 0; k < operands; ++k) in[k] = readers[k].fetch(i, n, buffers[k]);
      char* const target = static_cast<char*>(out) + i * out_item;
      run(f, n, stream ? result : target, in);
      if (stream) simd::detail::stream_copy(target, result, n * out_item);
    }
    simd::stream_end(stream);
  });
}

template <class F, class R, class... T, std::size_t... I>
void map_erased(const F& f, Index count, R* out, std::index_sequence<I...>, const View<const T>&... in) {
  static_assert(sizeof...(T) <= max_operands, "an elementwise functor takes at most eight tensors");
  static_assert(((sizeof(T) <= largest_item) && ...));
  const BlockReader readers[] = {BlockReader(in.data, sizeof(T), in.shape, in.strides)...};
  const MapBlock run = [](const void* functor, Index n, void* to, const void* const* from) {
    map_block(*static_cast<const F*>(functor), n, static_cast<R*>(to), static_cast<const T*>(from[I])...);
  };
  run_map(run, &f, count, out, sizeof(R), readers, sizeof...(T));
}

// The axis along which a source is read by neighbouring elements, where that is not the last one and worth tiles; else -1.
inline int crossing_axis(const Shape& shape, const Strides& strides) {
  const int last = shape.rank() - 1;
  if (strides[last] < transpose_side / 2 || shape[last] < 4) return -1;
  for (int axis = 0; axis < last; ++axis)
    if (strides[axis] == 1 && shape[axis] >= 4) return axis;
  return -1;
}

// copy_view where the last axis is that of neighbours in `out`, and the axis `across` that of neighbours in `in`.
GLIA_LAZY [[gnu::noinline]] void transpose_copy(Index item, const void* in, void* out, const Shape& shape,
                                             const Strides* strides, int across) {
  constexpr Index strip = 4 * transpose_side;  // rows of `out` that a job writes
  const int last = shape.rank() - 1;
  const Index rows = shape[across], cols = shape[last], strips = chunk_count(rows, strip);
  Shape outer = shape;
  Strides from = strides[1], to = strides[0];
  for (const int axis : {last, across}) outer.erase(axis), from.erase(axis), to.erase(axis);
  parallel_for(outer.numel() * strips, 1 + (Index{1} << 14) / (strip * cols), [&](Index first, Index end) {
    for (Index job = first; job < end; ++job) {
      const Index begin = job % strips * strip, high = std::min(strip, rows - begin);
      const char* const source = static_cast<const char*>(in) + (offset_of(job / strips, outer, from) + begin) * item;
      char* const target =
          static_cast<char*>(out) + (offset_of(job / strips, outer, to) + begin * strides[0][across]) * item;
      transpose_words(item, source, strides[1][last], target, strides[0][across], high, cols);
    }
  });
}

// A copy between two layouts of one shape, whatever the scalar.
[[gnu::noinline]] inline void copy_view(Index item, const void* in, const Shape& in_shape, const Strides& in_strides, void* out,
                                        const Shape& out_shape, const Strides& out_strides) {
  const Index count = out_shape.numel();
  if (count == 0) return;
  Shape shape = out_shape;
  Strides strides[2] = {out_strides, broadcast_strides(in_shape, in_strides, out_shape)};
  collapse(shape, strides, 2);
  const int last = shape.rank() - 1;
  const int across = last < 1 || strides[0][last] != 1 ? -1 : crossing_axis(shape, strides[1]);
  if (across >= 0) return transpose_copy(item, in, out, shape, strides, across);
  const Index row = last < 0 ? 1 : shape[last];
  const Index out_step = last < 0 ? 1 : strides[0][last], in_step = last < 0 ? 1 : strides[1][last];
  Shape outer = shape;
  if (last >= 0) outer.erase(last);
  const auto rows = [&](Index first, Index end, Index from, Index to) {
    for (Index r = first; r < end; ++r)
      copy_items(item, static_cast<const char*>(in) + (offset_of(r, outer, strides[1]) + from * in_step) * item, in_step,
                 static_cast<char*>(out) + (offset_of(r, outer, strides[0]) + from * out_step) * item, out_step, to - from);
  };
  const Index row_count = count / row;
  const bool one_row = row_count == 1;
  parallel_for(one_row ? row : row_count, one_row ? Index{1} << 15 : 1 + (Index{1} << 15) / row, [&](Index first, Index end) {
    one_row ? rows(0, 1, first, end) : rows(first, end, 0, row);
  });
}

}  // namespace cpu

// out[i] = f(in[i]...) over `count` elements in row-major order. `out` is contiguous and may be one of the inputs
// if that one is contiguous too.
template <class F, class R, class... T>
void map_elements(Cpu, const F& f, Index count, R* out, const View<const T>&... in) {
  if (count != 0) cpu::map_erased(f, count, out, std::make_index_sequence<sizeof...(T)>{}, in...);
}

// out = in, where both may have any strides and `out` has no overlapping elements.
template <class T>
void copy_elements(Cpu, const View<const T>& in, const View<T>& out) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= cpu::largest_item);
  cpu::copy_view(sizeof(T), in.data, in.shape, in.strides, out.data, out.shape, out.strides);
}

// out[i] = value.
template <class T>
void fill_elements(Cpu, T value, Index count, T* out) {
  parallel_for(count, Index{1} << 16, [&](Index first, Index last) { std::fill(out + first, out + last, value); });
}

}  // namespace GLIA_NS
