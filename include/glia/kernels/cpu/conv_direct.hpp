#pragma once
// Convolutions of any geometry straight from the images. Work is cut into blocks of output positions; the windows of a
// block are read where they lie, or, where they stick out of the image, from a copy of the few rows they touch with
// zeros around.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cpu/gemm_kernel.hpp>

#include <numeric>

namespace GLIA_NS::detail {

// Along one image axis: position i of the grid meets tap t at i * step + base + t * increment of the source.
struct WindowAxis {
  Index grid = 0;    // positions
  Index source = 0;  // extent of the source
  Index taps = 0;
  Index step = 1, base = 0, increment = 1;

  // Source positions that `count` neighbouring windows touch, and whether no window leaves the source.
  Index span(Index count) const { return (count - 1) * step + (std::max<Index>(taps, 1) - 1) * increment + 1; }
  bool inside() const { return base >= 0 && base + span(grid) <= source; }
};

// The windows of one convolution pass over channels-last images, one group of channels.
template <class T>
struct Windows {
  const T* source = nullptr;  // first channel of the group in the first pixel
  Index images = 0, pixel = 0, channels = 0;
  WindowAxis h, w;

  Index terms() const { return h.taps * w.taps * channels; }
};

// How the output positions of a pass are cut into blocks: some rows of one image, or all rows of some images.
template <class T>
struct BlockPlan {
  bool padded = false;
  Index images = 1, rows = 1;           // per block
  Index row_blocks = 1, blocks = 0;     // blocks per image (or group of images), and in all
  Index pixel = 0, row = 0, image = 0;  // strides of what the tiles read
  Index segments = 1, length = 0;       // a window is `segments` runs of `length` neighbouring elements
  bool by_rows = false;                 // one run per row of taps, else one per tap

  // About `positions` output positions per block; with `slack` a few elements may be read beyond a window.
  BlockPlan(const Windows<T>& x, Index positions, bool slack) {
    constexpr Index most = Index{1} << 17;  // elements of a copy
    padded = slack || !x.h.inside() || !x.w.inside();
    pixel = padded ? x.channels : x.pixel;
    row = padded ? x.w.span(x.w.grid) * pixel : x.w.source * pixel;
    rows = std::clamp<Index>(positions / std::max<Index>(x.w.grid, 1), 1, std::max<Index>(x.h.grid, 1));
    while (rows > 1 && x.h.span(rows) * row > most) rows = (rows + 1) / 2;
    row_blocks = chunk_count(x.h.grid, rows);
    image = padded ? x.h.span(rows) * row : x.h.source * row;
    if (row_blocks == 1)
      images = std::clamp<Index>(
          std::min(positions / std::max<Index>(x.h.grid * x.w.grid, 1), most / std::max<Index>(image, 1)), 1,
          std::max<Index>(x.images, 1));
    blocks = row_blocks * chunk_count(x.images, images);
    by_rows = x.w.increment == 1 && pixel == x.channels;
    segments = by_rows ? x.h.taps : x.h.taps * x.w.taps;
    length = by_rows ? x.w.taps * x.channels : x.channels;
  }

  Index offset(const Windows<T>& x, Index segment) const {
    return by_rows ? segment * x.h.increment * row
                   : segment / x.w.taps * x.h.increment * row + segment % x.w.taps * x.w.increment * pixel;
  }
};

// One block: which images and grid rows, and where tap 0 of its first window lies.
template <class T>
struct Block {
  Index first_image, images, first_row, rows;
  const T* source;

  Block(const Windows<T>& x, const BlockPlan<T>& plan, Index number)
      : first_image(number / plan.row_blocks * plan.images),
        images(std::min(plan.images, x.images - first_image)),
        first_row(number % plan.row_blocks * plan.rows),
        rows(std::min(plan.rows, x.h.grid - first_row)),
        source(x.source + first_image * plan.image + (first_row * x.h.step + x.h.base) * plan.row +
               x.w.base * plan.pixel) {
    if (plan.padded) source = copy(x, plan);
  }

 private:
  [[gnu::noinline]] const T* copy(const Windows<T>& x, const BlockPlan<T>& plan) const {
    constexpr Index slack = GemmShape<T>::rows;
    T* const out = scratch<T>(Scratch::conv_input, plan.images * plan.image + slack);
    const Index width = plan.row / plan.pixel, low = std::clamp<Index>(-x.w.base, 0, width);
    const Index high = std::clamp<Index>(x.w.source - x.w.base, low, width), height = x.h.span(rows);
    for (Index n = 0; n < images; ++n)
      for (Index r = 0; r < height; ++r) {
        T* const to = out + n * plan.image + r * plan.row;
        const Index y = first_row * x.h.step + x.h.base + r;
        if (y < 0 || y >= x.h.source) {
          std::fill_n(to, plan.row, T{0});
          continue;
        }
        const T* from = x.source + (((first_image + n) * x.h.source + y) * x.w.source + x.w.base + low) * x.pixel;
        std::fill_n(to, low * x.channels, T{0});
        if (x.pixel == x.channels)
          std::copy_n(from, (high - low) * x.channels, to + low * x.channels);
        else
          for (Index v = low; v < high; ++v, from += x.pixel) copy_run(from, x.channels, to + v * x.channels);
        std::fill_n(to + high * x.channels, plan.row - high * x.channels, T{0});
      }
    std::fill_n(out + images * plan.image, slack, T{0});
    return out;
  }
};

// Where the outputs of a pass go: position (image, i, j), column n at data + image * image + i * row + j * pixel + n.
template <class T>
struct OutputGrid {
  T* data = nullptr;
  Index image = 0, row = 0, pixel = 0, columns = 0;
};

// out[position][n] = bias[n] + sum over the terms of the window times weights, packed in panels of columns.
template <class T>
[[gnu::noinline]] void correlate(const Windows<T>& x, const T* weights, const T* bias, const OutputGrid<T>& out) {
  using S = GemmShape<T>;
  const BlockPlan<T> plan(x, 96, false);
  const Index terms = x.terms(), width = x.w.grid, step_h = x.h.step * plan.row, step_w = x.w.step * plan.pixel;
  // Runs are cut into pieces, or short ones taken together, so that the panel of weights that tiles pass by fits into
  // the first cache.
  const Index parts = std::max<Index>(1, chunk_count(plan.length, S::depth)), piece = chunk_count(plan.length, parts);
  const Index pieces = plan.segments * parts,
              together = parts > 1 ? 1 : std::max<Index>(1, S::depth / std::max<Index>(1, plan.length));
  parallel_for(plan.blocks, 1, [&](Index first, Index last) {
    const Index most = plan.images * plan.rows * width + S::rows;
    const T** const from = scratch<const T*>(Scratch::gemm_a, most);
    T** const to = scratch<T*>(Scratch::gemm_b, most);
    Index* const offsets = scratch<Index>(Scratch::conv_output, pieces + 1);
    for (Index s = 0; s < pieces; ++s) offsets[s] = plan.offset(x, s / parts) + s % parts * piece;
    for (Index number = first; number < last; ++number) {
      const Block<T> block(x, plan, number);
      Index count = 0;
      for (Index n = 0; n < block.images; ++n)
        for (Index i = 0; i < block.rows; ++i)
          for (Index j = 0; j < width; ++j, ++count) {
            from[count] = block.source + n * plan.image + i * step_h + j * step_w;
            to[count] =
                out.data + (block.first_image + n) * out.image + (block.first_row + i) * out.row + j * out.pixel;
          }
      for (Index r = 0; r < S::rows; ++r) from[count + r] = from[count - 1], to[count + r] = to[count - 1];
      const auto tiles = [&](Index s, Index col, Index begin, Index end) {
        const Index cols = std::min<Index>(S::cols, out.columns - col), segments = std::min(together, pieces - s);
        const Index start = s / parts * plan.length + s % parts * piece,
                    length = std::min(piece, plan.length - s % parts * piece);
        const T* const panel = weights + col * terms + start * panel_width<T>(cols);
        const TileEnd<T> finish{T{1}, s == 0 ? T{0} : T{1}, s == 0 && bias != nullptr ? bias + col : nullptr};
        // Rows of a tile that lie apart are first read all at once, which the hardware does not foresee.
        const bool fresh = s == 0 && col == 0 && !plan.padded;
        for (Index t = begin; t < end; t += S::rows) {
          if (fresh && t + S::rows < count)
            for (Index r = 0; r < S::rows; ++r) simd::prefetch(from[t + S::rows + r] + offsets[0], length);
          T* c[S::rows];
          for (Index r = 0; r < S::rows; ++r) c[r] = to[t + r] + col;
          bounded_tile(c, std::min<Index>(S::rows, end - t), cols, finish,
                       [&](T* const* target, const TileEnd<T>& e) GLIA_INLINE_LAMBDA {
                         if (panel_vectors<T>(cols) == 2)
                           tile_by_rows<T, 2>(from + t, offsets + s, segments, length, panel, target, e);
                         else
                           tile_by_rows<T, 1>(from + t, offsets + s, segments, length, panel, target, e);
                       });
        }
      };
      if (terms * out.columns <= S::cols * S::depth && together >= pieces) {  // all weights fit: write whole pixels
        for (Index t = 0; t < count; t += S::rows)
          for (Index col = 0; col < out.columns; col += S::cols) tiles(0, col, t, std::min(count, t + S::rows));
        continue;
      }
      for (Index col = 0; col < out.columns; col += S::cols)
        for (Index s = 0; s == 0 || s < pieces; s += together) tiles(s, col, 0, count);
    }
  });
}

// The windows of one group of a forward convolution.
template <class T>
Windows<T> forward_windows(const ConvGeometry& g, const T* x, Index group) {
  const Index channels = g.in_channels / g.groups;
  return {x + group * channels,
          g.batch,
          g.in_channels,
          channels,
          {g.out_height, g.height, g.kernel_h, g.stride_h, -g.padding_h, g.dilation_h},
          {g.out_width, g.width, g.kernel_w, g.stride_w, -g.padding_w, g.dilation_w}};
}

template <class T>
void conv_forward_direct(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  using S = GemmShape<T>;
  const Index columns = g.out_channels / g.groups;
  for (Index group = 0; group < g.groups; ++group) {
    const Windows<T> windows = forward_windows(g, x, group);
    const Index terms = windows.terms();
    T* const packed = scratch<T>(Scratch::conv_weight, chunk_count(columns, S::cols) * S::cols * terms + 1);
    parallel_for(chunk_count(columns, S::cols), 65536 / (terms * S::cols + 1) + 1, [&](Index first, Index last) {
      for (Index col = first * S::cols; col < std::min(last * S::cols, columns); col += S::cols)
        pack_columns_transposed(w + group * columns * terms, terms, packed + col * terms, col,
                                std::min<Index>(S::cols, columns - col), 0, terms);
    });
    const OutputGrid<T> out{y + group * columns, g.out_height * g.out_width * g.out_channels,
                            g.out_width * g.out_channels, g.out_channels, columns};
    correlate(windows, static_cast<const T*>(packed), bias != nullptr ? bias + group * columns : nullptr, out);
  }
}

// Along one axis, the taps that reach the input positions `phase`, phase + stride, ... and where they find the output
// gradient: the last tap comes first.
struct BackwardPhase {
  WindowAxis axis;
  Index last_tap = -1, tap_step = 1;

  BackwardPhase(Index phase, Index in, Index out, Index kernel, Index stride, Index padding, Index dilation) {
    axis.grid = phase < in ? (in - phase + stride - 1) / stride : 0;
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

// dx at the positions of one phase: windows of dy times w, for each phase of the stride.
template <class T>
void conv_backward_input_direct(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  using S = GemmShape<T>;
  const Index columns = g.in_channels / g.groups, depth = g.out_channels / g.groups;
  for (Index phase_h = 0; phase_h < g.stride_h; ++phase_h)
    for (Index phase_w = 0; phase_w < g.stride_w; ++phase_w) {
      const BackwardPhase h(phase_h, g.height, g.out_height, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h);
      const BackwardPhase v(phase_w, g.width, g.out_width, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w);
      if (h.axis.grid == 0 || v.axis.grid == 0) continue;
      for (Index group = 0; group < g.groups; ++group) {
        const Windows<T> windows{dy + group * depth, g.batch, g.out_channels, depth, h.axis, v.axis};
        const Index terms = windows.terms();
        const T* const source = w + group * depth * g.kernel_h * g.kernel_w * columns;
        T* const packed = scratch<T>(Scratch::conv_weight, chunk_count(columns, S::cols) * S::cols * terms + 1);
        parallel_for(chunk_count(columns, S::cols), 65536 / (terms * S::cols + 1) + 1, [&](Index first, Index last) {
          for (Index col = first * S::cols; col < std::min(last * S::cols, columns); col += S::cols) {
            const Index cols = std::min<Index>(S::cols, columns - col);
            T* panel = packed + col * terms;
            for (Index i = 0; i < h.axis.taps; ++i)
              for (Index j = 0; j < v.axis.taps; ++j, panel += depth * panel_width<T>(cols)) {
                const Index tap = (h.last_tap - i * h.tap_step) * g.kernel_w + v.last_tap - j * v.tap_step;
                pack_columns(source + tap * columns, g.kernel_h * g.kernel_w * columns, panel, col, cols, 0, depth);
              }
          }
        });
        const Index row = g.width * g.in_channels;
        const OutputGrid<T> out{dx + phase_h * row + phase_w * g.in_channels + group * columns, g.height * row,
                                g.stride_h * row, g.stride_w * g.in_channels, columns};
        correlate(windows, static_cast<const T*>(packed), static_cast<const T*>(nullptr), out);
      }
    }
}

// What one block adds to the gradients of the weights of outputs [col0, col1), sums [panel of outputs][term][output]:
// the windows' elements are broadcast, the output gradients are vectors. A panel of those is copied together once for
// all terms.
template <class T>
[[gnu::noinline]] void add_weight_gradient(const Windows<T>& x, const BlockPlan<T>& plan, const Block<T>& block,
                                           const OutputGrid<const T>& dy, Index col0, Index col1, bool start, T* sums) {
  using S = GemmShape<T>;
  const Index terms = x.terms(), width = x.w.grid;
  const T* const first = dy.data + block.first_image * dy.image + block.first_row * dy.row;
  T* const gradient = scratch<T>(Scratch::conv_output, block.images * block.rows * width * S::cols);
  const TileEnd<T> end{T{1}, start ? T{0} : T{1}, nullptr};
  alignas(64) T unused[S::cols] = {};
  for (Index col = col0; col < col1; col += S::cols) {
    const Index cols = std::min<Index>(S::cols, dy.columns - col), wide = panel_width<T>(cols);
    T* to = gradient;
    for (Index n = 0; n < block.images; ++n)
      for (Index i = 0; i < block.rows; ++i) {
        const T* from = first + n * dy.image + i * dy.row + col;
        for (Index j = 0; j < width; ++j, from += dy.pixel, to += wide) {
          copy_run(from, cols, to);
          clear_run(to + cols, wide - cols);
        }
      }
    DepthWalk walk;
    walk.length = width, walk.segments = block.rows, walk.images = block.images;
    walk.a_step = x.w.step * plan.pixel, walk.a_segment = x.h.step * plan.row, walk.a_image = plan.image;
    walk.b_step = wide, walk.b_segment = width * wide, walk.b_image = block.rows * walk.b_segment;
    walk.merge();
    for (Index s = 0; s < plan.segments; ++s)
      for (Index t = 0; t < plan.length; t += S::rows) {
        // The last tile of a run starts early rather than read beyond it; the rows it shares with the tile before are
        // dropped.
        const Index begin = std::max<Index>(0, std::min(t, plan.length - S::rows));
        T* c[S::rows];
        for (Index r = 0; r < S::rows; ++r)
          c[r] = begin + r < t || begin + r >= plan.length ? unused
                                                           : sums + col * terms + (s * plan.length + begin + r) * wide;
        const T* const a = block.source + plan.offset(x, s) + begin;
        if (panel_vectors<T>(cols) == 2)
          tile_by_terms<T, 2>(walk, a, gradient, c, end);
        else
          tile_by_terms<T, 1>(walk, a, gradient, c, end);
      }
  }
}

template <class T>
void conv_backward_weight_direct(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  using S = GemmShape<T>;
  const Index columns = g.out_channels / g.groups, panels = chunk_count(columns, S::cols);
  for (Index group = 0; group < g.groups; ++group) {
    const Windows<T> windows = forward_windows(g, x, group);
    const Index run = windows.channels * (g.dilation_w == 1 && g.groups == 1 ? g.kernel_w : 1);
    const BlockPlan<T> plan(windows, 192, run < S::rows);
    const Index terms = windows.terms(), size = panels * S::cols * terms;
    const OutputGrid<const T> gradient{dy + group * columns, g.out_height * g.out_width * g.out_channels,
                                       g.out_width * g.out_channels, g.out_channels, columns};
    // Small gradients are summed over fixed chunks of blocks with a partial result each, large ones are split by
    // outputs.
    constexpr Index max_chunks = 16, max_partial = Index{1} << 21;
    const Index wanted =
        std::clamp<Index>(std::min(plan.blocks, max_partial / std::max<Index>(1, size)), 1, max_chunks);
    const Index chunk = chunk_count(plan.blocks, wanted), chunks = chunk_count(plan.blocks, chunk);
    T* const partial = scratch<T>(Scratch::conv_partial, chunks * size);
    const Index parts = chunks >= 4 ? 1 : panels;  // of the outputs
    parallel_for(chunks * parts, 1, [&](Index first, Index last) {
      for (Index task = first; task < last;) {
        // Tasks of one chunk that this thread has anyway share the copies of its blocks.
        const Index c = task / parts, p0 = task % parts, p1 = std::min(parts, p0 + last - task);
        const Index col0 = parts == 1 ? 0 : p0 * S::cols, col1 = parts == 1 ? columns : std::min(columns, p1 * S::cols);
        for (Index number = c * chunk; number < std::min(plan.blocks, (c + 1) * chunk); ++number)
          add_weight_gradient(windows, plan, Block<T>(windows, plan, number), gradient, col0, col1, number == c * chunk,
                              partial + c * size);
        task += p1 - p0;
      }
    });
    parallel_for(panels, 65536 / (terms * S::cols * chunks + 1) + 1, [&](Index first, Index last) {
      for (Index p = first; p < last; ++p) {
        const Index cols = std::min<Index>(S::cols, columns - p * S::cols), width = panel_width<T>(cols);
        T* const sums = partial + p * S::cols * terms;
        for (Index c = 1; c < chunks; ++c) {
          const T* const other = sums + c * size;
          for (Index i = 0; i < terms * width; ++i) sums[i] += other[i];
        }
        T* const target = dw + (group * columns + p * S::cols) * terms;
        for (Index o = 0; o < cols; ++o)
          for (Index k = 0; k < terms; ++k) target[o * terms + k] = sums[k * width + o];
      }
    });
  }
}

}  // namespace GLIA_NS::detail
