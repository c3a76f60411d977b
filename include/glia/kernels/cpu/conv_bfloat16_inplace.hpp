#pragma once
// Convolutions of stride one in bfloat16, forward and to the input, on the matrix unit (AMX), that read their windows where
// they lie: an image is rounded into rows with zeros around it, so that the pixels which one tap finds for neighbouring
// results are neighbours too, and a register is loaded from them without packing.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cpu/gemm_bfloat16.hpp>

namespace GLIA_NS::detail::bf16 {

#if defined(GLIA_AMX_BFLOAT16)

// A zero-padded image, flat: pixel (i, j) lies at position (i + pad_h) * pitch + j + pad_w; the zeros behind a row are
// those before the next. Result (i, j) belongs to position i * pitch + j, and tap t is found offset(t) positions further
// on. Positions with j >= out_width have results too, which mean nothing.
struct FlatImage {
  Index height, width, channels, pad_h, pad_w, out_height, out_width, kernel_h, kernel_w, dilation_h, dilation_w;

  Index pitch() const { return width + pad_w; }
  Index taps() const { return kernel_h * kernel_w; }
  Index offset(Index tap) const { return tap / kernel_w * dilation_h * pitch() + tap % kernel_w * dilation_w; }
  // Channels with zeros up to whole blocks.
  Index lanes() const { return chunk_count(channels, terms) * terms; }
  // Positions that have results, and all that whole panels of them reach.
  Index results() const { return out_height * pitch(); }
  Index positions() const { return chunk_count(results(), panel) * panel + offset(taps() - 1); }
};

inline FlatImage forward_image(const ConvGeometry& g) {
  return {g.height,    g.width,    g.in_channels, g.padding_h,  g.padding_w, g.out_height,
          g.out_width, g.kernel_h, g.kernel_w,    g.dilation_h, g.dilation_w};
}
// The gradient of the result, as the image of a convolution with turned filters that gives the input's gradient.
inline FlatImage backward_image(const ConvGeometry& g) {
  return {g.out_height, g.out_width, g.out_channels, g.dilation_h * (g.kernel_h - 1) - g.padding_h,
          g.dilation_w * (g.kernel_w - 1) - g.padding_w, g.height, g.width, g.kernel_h, g.kernel_w, g.dilation_h, g.dilation_w};
}

// Whether the kernels below take a geometry, and are worth it: in narrower images too many positions have no result.
inline bool reads_in_place(const ConvGeometry& g) {
  const bool narrow = std::min(g.width, g.out_width) < 12 || std::min(g.in_channels, g.out_channels) < panel;
  return best_unit() == Unit::matrix && !narrow && g.groups == 1 && g.stride_h == 1 && g.stride_w == 1 &&
         g.padding_h <= g.dilation_h * (g.kernel_h - 1) && g.padding_w <= g.dilation_w * (g.kernel_w - 1);
}

// Rounds an image into `out`, whose other places are zero already.
inline void round_image(const FlatImage& f, const float* image, bfloat16* out) {
  const Index lanes = f.lanes(), whole = lanes == f.channels ? f.width : 1;
  for (Index i = 0; i < f.height; ++i)
    for (Index j = 0; j < f.width; j += whole)
      round_run(image + (i * f.width + j) * f.channels, whole * f.channels,
                out + ((i + f.pad_h) * f.pitch() + j + f.pad_w) * lanes);
}

// sums[r * ld + c], r, c < 32: rows r are windows, 16 from a0 and 16 from a1 on, whose pixels are `lanes` apart; columns
// come from a packed panel of filters, tap after tap.
GLIA_LAZY [[gnu::noinline]] void windows_tile(const FlatImage& f, const bfloat16* a0, const bfloat16* a1,
                                              const bfloat16* b, float* sums, Index ld) {
  const Index lanes = f.lanes(), pixel = lanes * static_cast<Index>(sizeof(bfloat16));
  matrix_start();
  for (Index tap = 0; tap < f.taps(); ++tap) {
    const Index first = f.offset(tap) * lanes;
    for (Index c = first; c < first + lanes; c += terms, b += 2 * block) matrix_multiply(a0 + c, a1 + c, pixel, b);
  }
  matrix_store(sums, ld);
}

// Writes rows of `sums` [32][32] that are results, from position (or, if `whole`, from pixel) `first` on, to `out`, whose pixels
// are `row` apart.
GLIA_LAZY void keep_results(const FlatImage& f, bool whole, Index first, const float* sums, const float* bias, Index width,
                            float* out, Index row) {
  const Index pitch = whole ? f.out_width : f.pitch();
  Index i = first / pitch, j = first % pitch;
  for (Index r = 0; r < panel && i < f.out_height; ++r) {
    float* const to = out + (i * f.out_width + j) * row;
    const float* const from = sums + r * panel;
    if (j < f.out_width && bias == nullptr) std::copy_n(from, width, to);
    if (j < f.out_width && bias != nullptr)
      for (Index c = 0; c < width; ++c) to[c] = from[c] + bias[c];
    if (++j == pitch) j = 0, ++i;
  }
}

// out [batch, out_height, out_width, cols] = bias + windows of images [batch, height, width, channels] times filters
// [cols, taps, lanes].
GLIA_LAZY void windows_product(const FlatImage& f, Index batch, const float* images, const float* filters, Index cols,
                               const float* bias, float* out) {
  const Index lanes = f.lanes(), k = f.taps() * lanes, size = panel_size(k), col_panels = chunk_count(cols, panel);
  bfloat16* const packed = scratch<bfloat16>(Scratch::gemm_shared, col_panels * size);
  const MatrixColumns<float> pack{filters, k, true, cols};
  parallel_for(col_panels, 1 + 65536 / size, [&](Index begin, Index end) {
    for (Index j = begin; j < end; ++j) pack(j * panel, 0, k, packed + j * size);
  });
  // Sixteen results lie in one row where rows are multiples of that; else they may run on into the next.
  const bool aligned = f.out_width % side == 0;
  const Index per_row = f.out_width / side;
  const Index blocks = aligned ? f.out_height * per_row : chunk_count(f.results(), side);
  // Fewer images than threads: each is cut into parts, and every part rounds the whole image again.
  const Index threads = in_parallel() ? 1 : num_threads(), pairs = chunk_count(blocks, 2);
  const Index parts = batch >= threads ? 1 : std::min(pairs, chunk_count(threads, std::max<Index>(batch, 1)));
  parallel_for(batch * parts, 1, [&](Index begin, Index end) {
    const MatrixUnit configured(Unit::matrix);
    bfloat16* const image = scratch<bfloat16>(Scratch::conv_input, f.positions() * lanes);
    std::fill_n(image, f.positions() * lanes, bfloat16::from_bits(0));
    alignas(64) float sums[panel * panel];
    const auto start = [&](Index t) {
      return image + (aligned ? t / per_row * f.pitch() + t % per_row * side : t * side) * lanes;
    };
    for (Index task = begin; task < end; ++task) {
      const Index n = task / parts, part = task % parts;
      round_image(f, images + n * f.height * f.width * f.channels, image);
      float* const result = out + n * f.out_height * f.out_width * cols;
      for (Index col = 0; col < cols; col += panel)
        for (Index t = 2 * (pairs * part / parts); t < std::min(blocks, 2 * (pairs * (part + 1) / parts)); t += 2) {
          const bfloat16 *const a0 = start(t), *const a1 = start(std::min(t + 1, blocks - 1));
          const bfloat16* const b = packed + col / panel * size;
          const Index width = std::min(panel, cols - col);
          if (aligned && t + 1 < blocks && width == panel && bias == nullptr) {
            windows_tile(f, a0, a1, b, result + t * side * cols + col, cols);
            continue;
          }
          windows_tile(f, a0, a1, b, sums, panel);
          keep_results(f, aligned, t * side, sums, bias == nullptr ? nullptr : bias + col, width, result + col, cols);
        }
    }
  });
}

// Filters [outs, taps, channels] with zeros up to whole lanes.
inline const float* padded_filters(const FlatImage& f, const float* w, Index outs) {
  const Index lanes = f.lanes(), rows = outs * f.taps();
  if (lanes == f.channels) return w;
  float* const out = scratch<float>(Scratch::conv_weight, rows * lanes);
  std::fill_n(out, rows * lanes, 0.0f);
  for (Index r = 0; r < rows; ++r) std::copy_n(w + r * f.channels, f.channels, out + r * lanes);
  return out;
}
// Filters w [outs, taps, ins] turned by half a circle, as [ins, taps, lanes of outs]; f is the image of outs channels.
inline const float* turned_filters(const FlatImage& f, const float* w, Index ins) {
  const Index lanes = f.lanes(), taps = f.taps();
  float* const out = scratch<float>(Scratch::conv_weight, ins * taps * lanes);
  std::fill_n(out, ins * taps * lanes, 0.0f);
  for (Index o = 0; o < f.channels; ++o)
    for (Index tap = 0; tap < taps; ++tap)
      for (Index c = 0; c < ins; ++c) out[(c * taps + taps - 1 - tap) * lanes + o] = w[(o * taps + tap) * ins + c];
  return out;
}

inline void conv_forward_in_place(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) {
  const FlatImage f = forward_image(g);
  windows_product(f, g.batch, x, padded_filters(f, w, g.out_channels), g.out_channels, bias, y);
}
inline void conv_backward_input_in_place(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  const FlatImage f = backward_image(g);
  windows_product(f, g.batch, dy, turned_filters(f, w, g.in_channels), g.in_channels, nullptr, dx);
}

#else

inline bool reads_in_place(const ConvGeometry&) { return false; }

#endif

}  // namespace GLIA_NS::detail::bf16
