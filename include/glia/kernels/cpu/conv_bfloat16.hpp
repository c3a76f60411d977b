#pragma once
// Convolutions of float images with operands rounded to bfloat16 and sums in float: windows are read in place where the
// matrix unit can, else packed block by block for the products of kernels/cpu/gemm_bfloat16.hpp. One group only.

#include <glia/kernels/cpu/conv_bfloat16_inplace.hpp>
#include <glia/kernels/cpu/gemm_bfloat16.hpp>
#include <glia/kernels/cpu/tap_axis.hpp>

namespace GLIA_NS::detail::bf16 {

// The windows of a grid of positions over channels-last images; h and w say which pixels their taps find.
struct ConvWindows {
  const float* data;
  Index channels;
  TapAxis h, w;

  Index terms_per_position() const { return h.taps * w.taps * channels; }
};

// A position of the grid, moved along it without divisions.
struct Position {
  Index image, i, j;

  Position(const ConvWindows& x, Index number)
      : image(number / x.w.outputs / x.h.outputs), i(number / x.w.outputs % x.h.outputs), j(number % x.w.outputs) {}
  void next(const ConvWindows& x) {
    if (++j < x.w.outputs) return;
    j = 0;
    if (++i < x.h.outputs) return;
    i = 0, ++image;
  }
  // The channels that tap (kh, kw) finds here, or null.
  const float* source(const ConvWindows& x, Index kh, Index kw) const {
    const Index y = x.h.at(i, kh), v = x.w.at(j, kw);
    return y < 0 || v < 0 ? nullptr : x.data + ((image * x.h.inputs + y) * x.w.inputs + v) * x.channels;
  }
};

// Packs windows as panels of rows: one position per row.
struct WindowRows {
  ConvWindows windows;
  Index m;

  void operator()(Index row, Index k0, Index kc, bfloat16* out) const {
    const Index rows = std::min(panel, m - row), channels = windows.channels;
    if (rows < panel || kc % terms != 0) std::fill_n(out, panel_size(kc), bfloat16::from_bits(0));
    const Index tap0 = k0 / channels, first0 = k0 % channels;
    Position position(windows, row);
    for (Index r = 0; r < rows; ++r, position.next(windows)) {
      Index kh = tap0 / windows.w.taps, kw = tap0 % windows.w.taps, first = first0;
      for (Index q = 0; q < kc; first = 0) {
        const Index end = std::min(q + channels - first, kc);
        const float* from = position.source(windows, kh, kw);
        if (from != nullptr) from += first;
        while (q < end) {  // up to the end of a block
          const Index run = std::min(end - q, terms - q % terms);
          bfloat16* const to = row_terms(out, q, r) + q % terms;
          if (from == nullptr) {
            std::fill_n(to, run, bfloat16::from_bits(0));
          } else {
            round_run(from, run, to);
            from += run;
          }
          q += run;
        }
        if (++kw == windows.w.taps) kw = 0, ++kh;
      }
    }
  }
};

// Packs windows as panels of columns: positions are the terms of the sum, a window's terms the columns.
struct WindowColumns {
  ConvWindows windows;
  Index n;

  void operator()(Index col, Index k0, Index kc, bfloat16* out) const {
    const Index cols = std::min(panel, n - col), channels = windows.channels;
    if (cols < panel || kc % terms != 0) std::fill_n(out, panel_size(kc), bfloat16::from_bits(0));
    static constexpr float nothing[side] = {};
    for (Index c = 0; c < cols;) {  // runs within a tap and a half of the panel
      const Index tap = (col + c) / channels, first = (col + c) % channels;
      const Index run = std::min({channels - first, cols - c, side - c % side});
      const Index kh = tap / windows.w.taps, kw = tap % windows.w.taps;
      Position position(windows, k0);
      const auto next = [&](Index k) {
        const float* const from = k < kc ? position.source(windows, kh, kw) : nullptr;
        position.next(windows);
        return from == nullptr ? nothing : from + first;
      };
      for (Index k = 0; k < kc; k += 2) {
        const float *const even = next(k), *const odd = next(k + 1);
        round_pairs(even, odd, run, column_pairs(out, k, c));
      }
      c += run;
    }
  }
};

inline ConvWindows forward_windows(const ConvGeometry& g, const float* x) {
  return {x, g.in_channels, forward_rows(g), forward_columns(g)};
}

GLIA_LAZY void conv_forward(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) {
#if defined(GLIA_AMX_BFLOAT16)
  if (reads_in_place(g)) return conv_forward_in_place(g, x, w, bias, y);
#endif
  const ConvWindows windows = forward_windows(g, x);
  const Index k = windows.terms_per_position();
  product(g.out_pixels(), g.out_channels, k, WindowRows{windows, g.out_pixels()},
          MatrixColumns<float>{w, k, true, g.out_channels}, best_unit(), bias, y, g.out_channels);
}

GLIA_LAZY void conv_backward_input(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
#if defined(GLIA_AMX_BFLOAT16)
  if (reads_in_place(g)) return conv_backward_input_in_place(g, dy, w, dx);
#endif
  const ConvWindows windows{dy, g.out_channels, backward_rows(g), backward_columns(g)};
  const Index taps = g.kernel_h * g.kernel_w, k = windows.terms_per_position();
  float* const by_tap = scratch<float>(Scratch::conv_weight, k * g.in_channels);  // [tap, out, in] from [out, tap, in]
  for (Index o = 0; o < g.out_channels; ++o)
    for (Index t = 0; t < taps; ++t)
      std::copy_n(w + (o * taps + t) * g.in_channels, g.in_channels, by_tap + (t * g.out_channels + o) * g.in_channels);
  product(g.in_pixels(), g.in_channels, k, WindowRows{windows, g.in_pixels()},
          MatrixColumns<float>{by_tap, g.in_channels, false, g.in_channels}, best_unit(), nullptr, dx, g.in_channels);
}

GLIA_LAZY void conv_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  const ConvWindows windows = forward_windows(g, x);
  const Index n = windows.terms_per_position();
  product(g.out_channels, n, g.out_pixels(), MatrixRows<float>{dy, g.out_channels, true, g.out_channels},
          WindowColumns{windows, n}, best_unit(), nullptr, dw, n);
}

// Whether a convolution is faster this way, where a scope allows it: forward and to the input, or to the weights. Winograd's
// 3x3 kernels multiply less often: packed windows pay beside them for many channels only, and never to the weights.
inline bool worthwhile(const ConvGeometry& g, bool winograd, bool to_weights) {
  const bool faster = !winograd || (!to_weights && (reads_in_place(g) || std::min(g.in_channels, g.out_channels) >= 256));
  return g.groups == 1 && g.in_channels >= panel && faster &&
         worthwhile(g.out_pixels(), g.out_channels, g.in_channels * g.kernel_h * g.kernel_w);
}

}  // namespace GLIA_NS::detail::bf16
