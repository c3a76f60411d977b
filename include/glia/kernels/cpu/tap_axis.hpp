#pragma once
// Which pixels the taps of a convolution find along one axis, in the forward and in the transposed direction.

#include <glia/core/conv_geometry.hpp>

#include <algorithm>
#include <utility>

namespace GLIA_NS::detail {

// Tap t of output i lies at input (i * step + base + t * increment) / divisor, where that is whole and inside.
struct TapAxis {
  Index outputs, inputs, taps, step, base, increment, divisor;

  // The input, or -1.
  Index at(Index i, Index t) const {
    Index p = i * step + base + t * increment;
    if (p < 0) return -1;
    if (divisor != 1) {  // divisions cost more than the rest
      if (p % divisor != 0) return -1;
      p /= divisor;
    }
    return p < inputs ? p : -1;
  }
  // Outputs [first, second) whose taps are all inside.
  std::pair<Index, Index> interior() const {
    if (divisor != 1) return {0, 0};
    const Index low = std::min<Index>(0, (taps - 1) * increment) + base,
                high = std::max<Index>(0, (taps - 1) * increment) + base;
    const Index first = low >= 0 ? 0 : (-low + step - 1) / step,
                last = inputs - 1 - high < 0 ? 0 : (inputs - 1 - high) / step + 1;
    return {std::min(first, outputs), std::clamp(last, std::min(first, outputs), outputs)};
  }
};

// The rows (columns) that a forward pass reads for each output row (column).
inline TapAxis forward_rows(const ConvGeometry& g) {
  return {g.out_height, g.height, g.kernel_h, g.stride_h, -g.padding_h, g.dilation_h, 1};
}
inline TapAxis forward_columns(const ConvGeometry& g) {
  return {g.out_width, g.width, g.kernel_w, g.stride_w, -g.padding_w, g.dilation_w, 1};
}
// Those of the result that the gradient of an input row (column) reads.
inline TapAxis backward_rows(const ConvGeometry& g) {
  return {g.height, g.out_height, g.kernel_h, 1, g.padding_h, -g.dilation_h, g.stride_h};
}
inline TapAxis backward_columns(const ConvGeometry& g) {
  return {g.width, g.out_width, g.kernel_w, 1, g.padding_w, -g.dilation_w, g.stride_w};
}

}  // namespace GLIA_NS::detail
