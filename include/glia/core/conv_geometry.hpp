#pragma once
// The numbers that describe a two-dimensional convolution or pooling, shared by checks and kernels of all devices.

#include <glia/core/config.hpp>

namespace GLIA_NS {

// Geometry of a 2-d convolution in channels-last layout: input [N, H, W, C], weight [O, KH, KW, C / groups],
// output [N, OH, OW, O]. Padding is zero padding on both sides.
struct ConvGeometry {
  Index batch = 0, height = 0, width = 0, in_channels = 0;
  Index out_height = 0, out_width = 0, out_channels = 0;
  Index kernel_h = 1, kernel_w = 1;
  Index stride_h = 1, stride_w = 1;
  Index padding_h = 0, padding_w = 0;
  Index dilation_h = 1, dilation_w = 1;
  Index groups = 1;

  GLIA_HD constexpr Index in_pixels() const { return batch * height * width; }
  GLIA_HD constexpr Index out_pixels() const { return batch * out_height * out_width; }
};

// What a convolution does with its sums: y = act(sum + bias + residual). bias is [O], residual has the shape of y; both may
// be null. act is ReLU with `relu`.
template <class T>
struct ConvEpilogue {
  const T* bias = nullptr;
  const T* residual = nullptr;
  bool relu = false;
};

// Output extent of a sliding window, 0 if the window does not fit.
GLIA_HD constexpr Index window_extent(Index in, Index kernel, Index stride, Index padding, Index dilation) {
  const Index span = in + 2 * padding - dilation * (kernel - 1) - 1;
  return span < 0 ? 0 : span / stride + 1;
}

namespace detail {

// Output rows (or columns) whose window may touch input position i: [first, last).
struct WindowRange {
  Index first, last;
};
GLIA_HD constexpr WindowRange windows_over(Index i, Index kernel, Index stride, Index padding, Index dilation,
                                           Index out) {
  const Index reach = dilation * (kernel - 1), top = i + padding - reach;
  const Index first = top <= 0 ? 0 : (top + stride - 1) / stride;
  const Index last = (i + padding) / stride + 1;
  return {first, last < out ? last : out};
}
// Which tap of window `o` reads input position i, or -1.
GLIA_HD constexpr Index tap_at(Index i, Index o, Index stride, Index padding, Index dilation) {
  const Index distance = i + padding - o * stride;
  return distance % dilation == 0 ? distance / dilation : -1;
}
// Number of taps of window `o` that fall inside [0, extent).
GLIA_HD constexpr Index taps_inside(Index o, Index kernel, Index stride, Index padding, Index dilation, Index extent) {
  Index count = 0;
  for (Index k = 0; k < kernel; ++k) {
    const Index i = o * stride - padding + k * dilation;
    count += i >= 0 && i < extent ? 1 : 0;
  }
  return count;
}
// First and one-past-last input position of window `o` of an adaptive pool.
GLIA_HD constexpr WindowRange adaptive_window(Index o, Index in, Index out) {
  return {o * in / out, ((o + 1) * in + out - 1) / out};
}

}  // namespace detail

}  // namespace GLIA_NS
