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
    const Index length = run(), runs_per_row = length == channels ? w.taps : 1;
    Index begin = c0, tap_h = 0, tap_w = 0;
    if (c0 >= length) {
      const Index first = c0 / length;
      begin = c0 - first * length;
      tap_h = first / runs_per_row;
      tap_w = first - tap_h * runs_per_row;
    }
    const T* const pixels = source + image * h.source * w.source * pixel;
    for (Index left = c1 - c0; left > 0; begin = 0) {
      const Index end = std::min(length, begin + left), count = end - begin;
      const Index y = i * h.step + h.base + tap_h * h.increment, x = j * w.step + w.base + tap_w * w.increment;
      if (y < 0 || y >= h.source) {
        clear_elements(out, count);
      } else if (const T* from = pixels + (y * w.source + x) * pixel; x >= 0 && x * channels + end <= w.source * channels) {
        copy_elements(from + begin, count, out);
      } else {
        const Index low = std::clamp(-x * channels, begin, end), high = std::clamp((w.source - x) * channels, low, end);
        clear_elements(out, low - begin);
        copy_elements(from + low, high - low, out + (low - begin));
        clear_elements(out + (high - begin), end - high);
      }
      out += count;
      left -= count;
      if (++tap_w == runs_per_row) {
        tap_w = 0;
        ++tap_h;
      }
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

// The gathered rows of x of one group of a forward convolution.
template <class T>
Gather<T> gather_input(const ConvGeometry& g, const T* x, Index group) {
  const Index channels = g.in_channels / g.groups;
  return {x + group * channels,
          g.in_channels,
          channels,
          {g.out_height, g.height, g.kernel_h, g.stride_h, -g.padding_h, g.dilation_h},
          {g.out_width, g.width, g.kernel_w, g.stride_w, -g.padding_w, g.dilation_w}};
}

// Packs gathered rows as the left operand of a product.
template <class T>
void pack_gathered(const Gather<T>& gather, T* panel, Index row, Index rows, Index k0, Index kc) {
  using S = GemmShape<T>;
  GridPosition at(row, gather.h.extent, gather.w.extent);
  for (Index r = 0; r < rows; ++r, at.next(gather.h.extent, gather.w.extent))
    gather.row(panel + r * S::stride, at.image, at.i, at.j, k0, k0 + kc);
  for (Index r = rows; r < S::rows; ++r) std::fill_n(panel + r * S::stride, kc, T{0});
}

// y [pixels, O] = gathered x [pixels, K] * w' [K, O]
template <class T>
class ForwardProduct final : public GemmProblem<T> {
 public:
  Gather<T> gather;
  const T* w = nullptr;
  T* y = nullptr;
  Index ld = 0;

  void pack_a(T* panel, Index row, Index rows, Index k0, Index kc) const override {
    pack_gathered(gather, panel, row, rows, k0, kc);
  }
  void pack_b(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const override {
    pack_transposed_b(w, this->k, panel, col, cols, width, k0, kc);
  }
  T* c_row(Index row) const override { return y + row * ld; }
};

template <class T>
void conv_forward_im2col(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  for (Index group = 0; group < g.groups; ++group) {
    ForwardProduct<T> product;
    product.gather = gather_input(g, x, group);
    product.m = g.out_pixels(), product.n = g.out_channels / g.groups, product.k = product.gather.columns();
    product.bias = bias != nullptr ? bias + group * product.n : nullptr;
    product.w = w + group * product.n * product.k;
    product.y = y + group * product.n;
    product.ld = g.out_channels;
    gemm_parallel<T>(product);
  }
}

// Along one axis, the taps that reach the input positions `phase`, phase + stride, ... and where they find the output
// gradient.
struct BackwardPhase {
  GatherAxis axis;
  Index last_tap = -1, tap_step = 1;

  BackwardPhase(Index phase, Index in, Index out, Index kernel, Index stride, Index padding, Index dilation) {
    axis.extent = phase < in ? (in - phase + stride - 1) / stride : 0;
    axis.source = out;
    tap_step = stride / std::gcd(stride, dilation);
    for (Index tap = 0; tap < kernel; ++tap)
      if ((phase + padding - tap * dilation) % stride == 0) {
        last_tap = tap;
        ++axis.taps;
      }
    axis.base = last_tap < 0 ? 0 : (phase + padding - last_tap * dilation) / stride;
    axis.increment = tap_step * dilation / stride;
  }
};

// dx [pixels of one phase, C] = gathered dy [pixels, taps * O] * w [taps * O, C], last tap first.
template <class T>
class BackwardInputProduct final : public GemmProblem<T> {
 public:
  BackwardInputProduct(const ConvGeometry& geometry, const BackwardPhase& h, const BackwardPhase& v, Index phase_h, Index phase_w)
      : g_(geometry), h_(h), w_(v), phase_h_(phase_h), phase_w_(phase_w) {}

  Gather<T> gather;
  const T* w = nullptr;
  T* dx = nullptr;

  void pack_a(T* panel, Index row, Index rows, Index k0, Index kc) const override {
    pack_gathered(gather, panel, row, rows, k0, kc);
  }
  void pack_b(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const override {
    for (const Index end = k0 + kc; k0 < end; ++k0, panel += width) {
      const Index tap = k0 / gather.channels, o = k0 - tap * gather.channels;
      const Index kh = h_.last_tap - tap / w_.axis.taps * h_.tap_step, kw = w_.last_tap - tap % w_.axis.taps * w_.tap_step;
      copy_padded(w + ((o * g_.kernel_h + kh) * g_.kernel_w + kw) * this->n + col, cols, width, panel);
    }
  }
  T* c_row(Index row) const override {
    const GridPosition at(row, h_.axis.extent, w_.axis.extent);
    const Index i = at.i * g_.stride_h + phase_h_, j = at.j * g_.stride_w + phase_w_;
    return dx + ((at.image * g_.height + i) * g_.width + j) * g_.in_channels;
  }

 private:
  const ConvGeometry& g_;
  const BackwardPhase &h_, &w_;
  Index phase_h_, phase_w_;
};

template <class T>
void conv_backward_input_im2col(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const Index in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
  for (Index phase_h = 0; phase_h < g.stride_h; ++phase_h)
    for (Index phase_w = 0; phase_w < g.stride_w; ++phase_w) {
      const BackwardPhase h(phase_h, g.height, g.out_height, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h);
      const BackwardPhase v(phase_w, g.width, g.out_width, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w);
      for (Index group = 0; group < g.groups; ++group) {
        BackwardInputProduct<T> product(g, h, v, phase_h, phase_w);
        product.gather = {dy + group * out_group, g.out_channels, out_group, h.axis, v.axis};
        product.m = g.batch * h.axis.extent * v.axis.extent, product.n = in_group, product.k = product.gather.columns();
        product.w = w + group * out_group * g.kernel_h * g.kernel_w * in_group;
        product.dx = dx + group * in_group;
        gemm_parallel<T>(product);
      }
    }
}

// dw [O, K] = dy' [O, pixels] * gathered x [pixels, K], for the pixels from first_pixel on.
template <class T>
class BackwardWeightProduct final : public GemmProblem<T> {
 public:
  Gather<T> gather;
  const T* dy = nullptr;
  T* dw = nullptr;
  Index ld = 0, first_pixel = 0;

  void pack_a(T* panel, Index row, Index rows, Index k0, Index kc) const override {
    pack_transposed(dy, ld, this->m, panel, row, rows, first_pixel + k0, kc);
  }
  void pack_b(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const override {
    GridPosition at(first_pixel + k0, gather.h.extent, gather.w.extent);
    for (const Index end = k0 + kc; k0 < end; ++k0, at.next(gather.h.extent, gather.w.extent), panel += width) {
      gather.row(panel, at.image, at.i, at.j, col, col + cols);
      clear_elements(panel + cols, width - cols);
    }
  }
  T* c_row(Index row) const override { return dw + row * this->n; }
};

template <class T>
void conv_backward_weight_im2col(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const Index out_group = g.out_channels / g.groups, pixels = g.out_pixels();
  const Index size = out_group * g.kernel_h * g.kernel_w * (g.in_channels / g.groups);
  // Small gradients are summed over fixed chunks of pixels with a partial result each, large ones are split by element.
  constexpr Index max_chunks = 16, max_partial = Index{1} << 20;
  const Index chunks = std::clamp<Index>(std::min(pixels / 512, max_partial / std::max<Index>(1, size)), 1, max_chunks);
  const Index chunk = chunk_count(pixels, chunks), used = chunk_count(pixels, chunk);
  T* const partial = scratch<T>(Scratch::conv_partial, used * size);
  for (Index group = 0; group < g.groups; ++group) {
    BackwardWeightProduct<T> product;
    product.gather = gather_input(g, x, group);
    product.m = out_group, product.n = product.gather.columns();
    product.depth_major = true;
    product.dy = dy + group * out_group;
    product.ld = g.out_channels;
    T* const target = dw + group * size;
    if (used == 1) {
      product.k = pixels;
      product.dw = target;
      gemm_parallel<T>(product);
      continue;
    }
    parallel_chunks(pixels, chunk, [&](Index c, Index begin, Index end) {
      BackwardWeightProduct<T> part = product;
      part.k = end - begin;
      part.first_pixel = begin;
      part.dw = partial + c * size;
      gemm_range<T>(part, 0, part.m, 0, part.n);
    });
    parallel_for(size, 4096, [&](Index begin, Index end) {
      std::copy(partial + begin, partial + end, target + begin);
      for (Index c = 1; c < used; ++c)
        for (Index i = begin; i < end; ++i) target[i] += partial[c * size + i];
    });
  }
}

}  // namespace GLIA_NS::detail
