#pragma once
// Convolutions of any geometry as matrix products whose operands are packed straight from the images: the column
// matrix of im2col exists only one cache-sized panel at a time.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cpu/gemm_kernel.hpp>

#include <numeric>

namespace GLIA_NS::detail {

// Along one image axis: position i of the grid meets tap t at i * step + base + t * increment of the source.
struct GatherAxis {
  Index extent = 0;  // of the grid
  Index source = 0;  // extent of the source
  Index taps = 0;
  Index step = 1, base = 0, increment = 1;
};

// Rows of a column matrix: row = (image, i, j) of the grid, column = (tap, tap, channel).
template <class T>
struct Gather {
  const T* source;  // first channel of the group in the first pixel
  Index pixel;      // elements from one pixel to the next
  Index channels;   // per tap
  GatherAxis h, w;

  Index rows_per_image() const { return h.extent * w.extent; }
  Index columns() const { return h.taps * w.taps * channels; }

  // Elements that follow one another in memory when taps follow one another: the row of taps if it is dense.
  Index run() const { return w.increment == 1 && channels == pixel ? w.taps * channels : channels; }

  // Writes columns [c0, c1) of row (image, i, j).
  void row(T* out, Index image, Index i, Index j, Index c0, Index c1) const {
    if (c0 >= c1) return;
    const Index length = run();
    const bool dense = length != channels || w.taps == 1;
    const Index runs_per_row = dense ? 1 : w.taps;
    for (Index r = c0 / length, begin = c0 - r * length; c0 < c1; ++r, begin = 0) {
      const Index end = std::min(length, begin + c1 - c0);
      const Index tap_h = r / runs_per_row, tap_w = r - tap_h * runs_per_row;
      const Index y = i * h.step + h.base + tap_h * h.increment, x = j * w.step + w.base + tap_w * w.increment;
      c0 += end - begin;
      if (y < 0 || y >= h.source) {
        out = std::fill_n(out, end - begin, T{0});
        continue;
      }
      // The part of the run that lies inside the image.
      const Index low = std::clamp(-x * channels, begin, end), high = std::clamp((w.source - x) * channels, low, end);
      const T* from = source + ((image * h.source + y) * w.source + x) * pixel;
      out = std::fill_n(out, low - begin, T{0});
      out = std::copy(from + low, from + high, out);
      out = std::fill_n(out, end - high, T{0});
    }
  }
};

// A grid position that moves row by row without divisions.
struct GridPosition {
  Index image, i, j;

  GridPosition(Index row, Index height, Index width)
      : image(row / (height * width)), i(row / width - image * height), j(row % width) {}
  void next(Index height, Index width) {
    if (++j < width) return;
    j = 0;
    if (++i < height) return;
    i = 0;
    ++image;
  }
};

// Gathered rows as the left operand of gemm_range.
template <class T>
struct PackGatheredA {
  Gather<T> gather;

  void operator()(T* panel, Index row, Index rows, Index k0, Index kc) const {
    using S = GemmShape<T>;
    GridPosition at(row, gather.h.extent, gather.w.extent);
    for (Index r = 0; r < rows; ++r, at.next(gather.h.extent, gather.w.extent))
      gather.row(panel + r * S::stride, at.image, at.i, at.j, k0, k0 + kc);
    for (Index r = rows; r < S::rows; ++r) std::fill_n(panel + r * S::stride, kc, T{0});
  }
};

// Gathered rows [first_row, ...) as the right operand of gemm_range, rows being the terms of the sum.
template <class T>
struct PackGatheredB {
  Gather<T> gather;
  Index first_row;

  void operator()(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const {
    GridPosition at(first_row + k0, gather.h.extent, gather.w.extent);
    for (Index k = 0; k < kc; ++k, at.next(gather.h.extent, gather.w.extent), panel += width) {
      gather.row(panel, at.image, at.i, at.j, col, col + cols);
      std::fill(panel + cols, panel + width, T{0});
    }
  }
};

// Weights [O, K] of one group as the right operand [K, O] of the forward product.
template <class T>
struct PackForwardWeight {
  const T* w;
  Index k_total;

  void operator()(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const {
    for (Index j = 0; j < cols; ++j) {
      const T* source = w + (col + j) * k_total + k0;
      for (Index k = 0; k < kc; ++k) panel[k * width + j] = source[k];
    }
    for (Index j = cols; j < width; ++j)
      for (Index k = 0; k < kc; ++k) panel[k * width + j] = T{0};
  }
};

// Every `kernel step`-th tap of the weights [O, KH, KW, C], last tap first, as the right operand [taps * O, C] of a
// backward product.
template <class T>
struct PackBackwardWeight {
  const T* w;
  Index kernel_h, kernel_w, channels, out_channels;
  Index last_h, last_w, step_h, step_w, taps_w;

  void operator()(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const {
    for (Index k = 0; k < kc; ++k, panel += width) {
      const Index tap = (k0 + k) / out_channels, o = (k0 + k) - tap * out_channels;
      const Index kh = last_h - tap / taps_w * step_h, kw = last_w - tap % taps_w * step_w;
      const T* source = w + ((o * kernel_h + kh) * kernel_w + kw) * channels + col;
      std::copy_n(source, cols, panel);
      std::fill(panel + cols, panel + width, T{0});
    }
  }
};

template <class T>
void conv_forward_im2col(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  const Index in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
  for (Index group = 0; group < g.groups; ++group) {
    const Gather<T> gather{x + group * in_group,
                           g.in_channels,
                           in_group,
                           {g.out_height, g.height, g.kernel_h, g.stride_h, -g.padding_h, g.dilation_h},
                           {g.out_width, g.width, g.kernel_w, g.stride_w, -g.padding_w, g.dilation_w}};
    const Index k = gather.columns();
    T* const out = y + group * out_group;
    const Index ld = g.out_channels;
    gemm_parallel<T, false>(
        g.out_pixels(), out_group, k, PackGatheredA<T>{gather}, PackForwardWeight<T>{w + group * out_group * k, k},
        [=](Index row) { return out + row * ld; }, T{1}, T{0}, bias != nullptr ? bias + group * out_group : nullptr);
  }
}

// The taps that reach the input positions `phase`, phase + stride, ... and where they find the output gradient.
struct BackwardPhase {
  GatherAxis axis;
  Index last_tap = 0, tap_step = 1;

  BackwardPhase(Index phase, Index in, Index out, Index kernel, Index stride, Index padding, Index dilation) {
    axis.extent = phase < in ? (in - phase + stride - 1) / stride : 0;
    axis.source = out;
    tap_step = stride / std::gcd(stride, dilation);
    last_tap = -1;
    for (Index tap = 0; tap < kernel; ++tap)
      if ((phase + padding - tap * dilation) % stride == 0) {
        last_tap = tap;
        ++axis.taps;
      }
    axis.base = last_tap < 0 ? 0 : (phase + padding - last_tap * dilation) / stride;
    axis.increment = tap_step * dilation / stride;
  }
};

template <class T>
void conv_backward_input_im2col(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const Index in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
  for (Index phase_h = 0; phase_h < g.stride_h; ++phase_h)
    for (Index phase_w = 0; phase_w < g.stride_w; ++phase_w) {
      const BackwardPhase h(phase_h, g.height, g.out_height, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h);
      const BackwardPhase v(phase_w, g.width, g.out_width, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w);
      for (Index group = 0; group < g.groups; ++group) {
        const Gather<T> gather{dy + group * out_group, g.out_channels, out_group, h.axis, v.axis};
        const PackBackwardWeight<T> weight{w + group * out_group * g.kernel_h * g.kernel_w * in_group,
                                           g.kernel_h,
                                           g.kernel_w,
                                           in_group,
                                           out_group,
                                           h.last_tap,
                                           v.last_tap,
                                           h.tap_step,
                                           v.tap_step,
                                           v.axis.taps};
        T* const out = dx + group * in_group;
        const auto target = [out, &g, &h, &v, phase_h, phase_w](Index row) {
          const Index in_image = row % (h.axis.extent * v.axis.extent), image = row / (h.axis.extent * v.axis.extent);
          const Index i = in_image / v.axis.extent * g.stride_h + phase_h, j = in_image % v.axis.extent * g.stride_w + phase_w;
          return out + ((image * g.height + i) * g.width + j) * g.in_channels;
        };
        gemm_parallel<T, false>(g.batch * gather.rows_per_image(), in_group, gather.columns(), PackGatheredA<T>{gather}, weight,
                                target, T{1}, T{0}, static_cast<const T*>(nullptr));
      }
    }
}

// Output gradient [pixels, O], transposed, as the left operand of the weight gradient.
template <class T>
struct PackGradientA {
  const T* dy;
  Index pixel, first_row;

  void operator()(T* panel, Index row, Index rows, Index k0, Index kc) const {
    constexpr int R = GemmShape<T>::rows;
    for (Index k = 0; k < kc; ++k) {
      const T* source = dy + (first_row + k0 + k) * pixel + row;
      T* target = panel + k * R;
      if (rows == R) {
        for (int r = 0; r < R; ++r) target[r] = source[r];
      } else {
        for (int r = 0; r < R; ++r) target[r] = r < rows ? source[r] : T{0};
      }
    }
  }
};

template <class T>
void conv_backward_weight_im2col(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const Index in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
  const Index k = g.kernel_h * g.kernel_w * in_group, pixels = g.out_pixels();
  // Small gradients are summed over fixed chunks of pixels with a partial result each, large ones are split by column.
  constexpr Index max_chunks = 16, max_partial = Index{1} << 20;
  const Index chunks = std::clamp<Index>(std::min(pixels / 512, max_partial / std::max<Index>(1, out_group * k)), 1, max_chunks);
  const Index chunk = (pixels + chunks - 1) / chunks;
  for (Index group = 0; group < g.groups; ++group) {
    const Gather<T> gather{x + group * in_group,
                           g.in_channels,
                           in_group,
                           {g.out_height, g.height, g.kernel_h, g.stride_h, -g.padding_h, g.dilation_h},
                           {g.out_width, g.width, g.kernel_w, g.stride_w, -g.padding_w, g.dilation_w}};
    T* const target = dw + group * out_group * k;
    const T* const gradient = dy + group * out_group;
    if (chunks <= 1) {
      gemm_parallel<T, true>(
          out_group, k, pixels, PackGradientA<T>{gradient, g.out_channels, 0}, PackGatheredB<T>{gather, 0},
          [=](Index row) { return target + row * k; }, T{1}, T{0}, static_cast<const T*>(nullptr));
      continue;
    }
    T* const partial = scratch<T>(Scratch::conv_partial, chunks * out_group * k);
    parallel_chunks(pixels, chunk, [&](Index c, Index begin, Index end) {
      T* const out = partial + c * out_group * k;
      gemm_range<T, true>(
          0, out_group, 0, k, end - begin, PackGradientA<T>{gradient, g.out_channels, begin}, PackGatheredB<T>{gather, begin},
          [=](Index row) { return out + row * k; }, T{1}, T{0}, static_cast<const T*>(nullptr));
    });
    const Index used = chunk_count(pixels, chunk);
    parallel_for(out_group * k, 4096, [&](Index begin, Index end) {
      std::copy(partial + begin, partial + end, target + begin);
      for (Index c = 1; c < used; ++c)
        for (Index i = begin; i < end; ++i) target[i] += partial[c * out_group * k + i];
    });
  }
}

}  // namespace GLIA_NS::detail
