#pragma once
// The one loop behind all elementwise ops on the host. Strided and broadcast operands are read in blocks into a
// small buffer by code that does not know the functor, so each functor costs one contiguous, vectorisable loop.

#include <glia/core/parallel.hpp>
#include <glia/core/scalar.hpp>
#include <glia/core/view.hpp>
#include <glia/device/cpu.hpp>

#include <tuple>
#include <type_traits>

namespace GLIA_NS {

namespace cpu {

inline constexpr Index block = 512;

// A view prepared for reading in row-major blocks.
template <class T>
class BlockReader {
 public:
  explicit BlockReader(const View<const T>& view) : data_(view.data), shape_(view.shape), strides_(view.strides) {
    collapse(shape_, &strides_, 1);
    contiguous_ = shape_.rank() == 0 || (shape_.rank() == 1 && strides_[0] == 1);
    constant_ = shape_.rank() == 1 && strides_[0] == 0;
  }

  // Elements [begin, begin + count) of the row-major order; `buffer` holds them if they do not lie together.
  const T* fetch(Index begin, Index count, T* buffer) const {
    if (contiguous_) return data_ + begin;
    if (constant_) {
      const T value = *data_;
      for (Index i = 0; i < count; ++i) buffer[i] = value;
      return buffer;
    }
    gather(begin, count, buffer);
    return buffer;
  }

 private:
  void gather(Index begin, Index count, T* buffer) const {
    const int last = shape_.rank() - 1;
    const Index extent = shape_[last], step = strides_[last];
    Index position[max_rank] = {};
    Index rest = begin, offset = 0;
    for (int i = last; i >= 0; --i) {
      position[i] = rest % shape_[i];
      rest /= shape_[i];
      offset += position[i] * strides_[i];
    }
    Index done = 0;
    while (true) {
      const Index run = std::min(count - done, extent - position[last]);
      const T* from = data_ + offset;
      T* to = buffer + done;
      if (step == 1) {
        for (Index i = 0; i < run; ++i) to[i] = from[i];
      } else if (step == 0) {
        const T value = *from;
        for (Index i = 0; i < run; ++i) to[i] = value;
      } else {
        for (Index i = 0; i < run; ++i) to[i] = from[i * step];
      }
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

  const T* data_;
  Shape shape_;
  Strides strides_;
  bool contiguous_ = false;
  bool constant_ = false;
};

// Functors compute 16-bit floats in float.
template <class T>
using compute_t = std::conditional_t<std::is_same_v<T, bfloat16> || std::is_same_v<T, half>, float, T>;

template <class F, class R, class... T>
void map_block(const F& f, Index count, R* out, const T*... in) {
  GLIA_OMP(simd)
  for (Index i = 0; i < count; ++i) out[i] = static_cast<R>(f(static_cast<compute_t<T>>(in[i])...));
}

template <class T>
struct BlockBuffer {
  alignas(64) T values[block];
};

}  // namespace cpu

// out[i] = f(in[i]...) over `count` elements in row-major order. `out` is contiguous and may be one of the inputs
// if that one is contiguous too.
template <class F, class R, class... T>
void map_elements(Cpu, const F& f, Index count, R* out, const View<const T>&... in) {
  if (count == 0) return;
  parallel_for(count, Index{1} << 14, [&](Index first, Index last) {
    // named here, not passed by value: the buffers are over-aligned
    std::tuple<cpu::BlockBuffer<T>...> buffers;
    const auto run = [&](const cpu::BlockReader<T>&... readers) {
      std::apply(
          [&](cpu::BlockBuffer<T>&... own) {
            for (Index i = first; i < last; i += cpu::block) {
              const Index n = std::min(cpu::block, last - i);
              cpu::map_block(f, n, out + i, readers.fetch(i, n, own.values)...);
            }
          },
          buffers);
    };
    run(cpu::BlockReader<T>(in)...);
  });
}

// out = in, where both may have any strides and `out` has no overlapping elements.
template <class T>
void copy_elements(Cpu, const View<const T>& in, const View<T>& out) {
  const Index count = out.numel();
  if (count == 0) return;
  Shape shape = out.shape;
  Strides strides[2] = {out.strides, broadcast_strides(in.shape, in.strides, out.shape)};
  collapse(shape, strides, 2);
  const int last = shape.rank() - 1;
  const Index row = shape.rank() == 0 ? 1 : shape[last];
  const Index out_step = shape.rank() == 0 ? 1 : strides[0][last], in_step = shape.rank() == 0 ? 1 : strides[1][last];
  Shape outer = shape;
  if (last >= 0) outer.erase(last);
  const auto rows = [&](Index first, Index end, Index from, Index to) {
    for (Index r = first; r < end; ++r) {
      T* target = out.data + offset_of(r, outer, strides[0]) + from * out_step;
      const T* source = in.data + offset_of(r, outer, strides[1]) + from * in_step;
      if (out_step == 1 && in_step == 1)
        for (Index i = 0; i < to - from; ++i) target[i] = source[i];
      else
        for (Index i = 0; i < to - from; ++i) target[i * out_step] = source[i * in_step];
    }
  };
  const Index row_count = count / row;
  if (row_count == 1)
    parallel_for(row, Index{1} << 15, [&](Index from, Index to) { rows(0, 1, from, to); });
  else
    parallel_for(row_count, 1 + (Index{1} << 15) / row, [&](Index first, Index end) { rows(first, end, 0, row); });
}

// out[i] = value.
template <class T>
void fill_elements(Cpu, T value, Index count, T* out) {
  parallel_for(count, Index{1} << 16, [&](Index first, Index last) { std::fill(out + first, out + last, value); });
}

}  // namespace GLIA_NS
