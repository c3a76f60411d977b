#pragma once
// Depthwise convolutions (one input and one output channel per group): vectors run along the channels.

#include <glia/core/conv_geometry.hpp>
#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>

namespace GLIA_NS::detail {

// Weights [C, taps] as [taps, C].
template <class T>
const T* transpose_depthwise(const ConvGeometry& g, const T* w) {
  const Index taps = g.kernel_h * g.kernel_w, channels = g.in_channels;
  T* const out = scratch<T>(Scratch::conv_weight, taps * channels);
  for (Index c = 0; c < channels; ++c)
    for (Index t = 0; t < taps; ++t) out[t * channels + c] = w[c * taps + t];
  return out;
}

// out[c] = bias[c] + sum over taps of sources[t][c] * weights[t][c].
template <class T>
void depthwise_pixel(Index channels, Index taps, const T* const* sources, const T* const* weights, const T* bias, T* out) {
  constexpr int L = simd::lanes<T>;
  Index c = 0;
  for (; c + L <= channels; c += L) {
    simd::Vec<T> sum = {};
    if (bias != nullptr) sum = simd::load(bias + c);
    for (Index t = 0; t < taps; ++t) sum += simd::load(sources[t] + c) * simd::load(weights[t] + c);
    simd::store(out + c, sum);
  }
  for (; c < channels; ++c) {
    T sum = bias != nullptr ? bias[c] : T{0};
    for (Index t = 0; t < taps; ++t) sum += sources[t][c] * weights[t][c];
    out[c] = sum;
  }
}

// Runs body(row_begin, row_end, sources, weights) with room for one pointer per tap.
template <class T, class Body>
void depthwise_rows(Index rows, Index taps, const Body& body) {
  parallel_for(rows, 4, [&](Index begin, Index end) {
    const T** pointers = scratch<const T*>(Scratch::conv_input, 2 * taps);
    body(begin, end, pointers, pointers + taps);
  });
}

template <class T>
void conv_forward_depthwise(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  const Index channels = g.in_channels;
  const T* const weight = transpose_depthwise(g, w);
  depthwise_rows<T>(g.batch * g.out_height, g.kernel_h * g.kernel_w, [&](Index begin, Index end, const T** sources, const T** weights) {
    for (Index row = begin; row < end; ++row) {
      const Index image = row / g.out_height, i = row % g.out_height;
      for (Index j = 0; j < g.out_width; ++j) {
        Index taps = 0;
        for (Index kh = 0; kh < g.kernel_h; ++kh) {
          const Index h = i * g.stride_h - g.padding_h + kh * g.dilation_h;
          if (h < 0 || h >= g.height) continue;
          for (Index kw = 0; kw < g.kernel_w; ++kw) {
            const Index v = j * g.stride_w - g.padding_w + kw * g.dilation_w;
            if (v < 0 || v >= g.width) continue;
            sources[taps] = x + ((image * g.height + h) * g.width + v) * channels;
            weights[taps++] = weight + (kh * g.kernel_w + kw) * channels;
          }
        }
        depthwise_pixel(channels, taps, sources, weights, bias, y + (row * g.out_width + j) * channels);
      }
    }
  });
}

template <class T>
void conv_backward_input_depthwise(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const Index channels = g.in_channels;
  const T* const weight = transpose_depthwise(g, w);
  depthwise_rows<T>(g.batch * g.height, g.kernel_h * g.kernel_w, [&](Index begin, Index end, const T** sources, const T** weights) {
    for (Index row = begin; row < end; ++row) {
      const Index image = row / g.height, i = row % g.height;
      for (Index j = 0; j < g.width; ++j) {
        Index taps = 0;
        for (Index kh = 0; kh < g.kernel_h; ++kh) {
          const Index h = i + g.padding_h - kh * g.dilation_h;
          if (h < 0 || h % g.stride_h != 0 || h / g.stride_h >= g.out_height) continue;
          for (Index kw = 0; kw < g.kernel_w; ++kw) {
            const Index v = j + g.padding_w - kw * g.dilation_w;
            if (v < 0 || v % g.stride_w != 0 || v / g.stride_w >= g.out_width) continue;
            sources[taps] = dy + ((image * g.out_height + h / g.stride_h) * g.out_width + v / g.stride_w) * channels;
            weights[taps++] = weight + (kh * g.kernel_w + kw) * channels;
          }
        }
        depthwise_pixel(channels, taps, sources, weights, static_cast<const T*>(nullptr), dx + (row * g.width + j) * channels);
      }
    }
  });
}

template <class T>
void conv_backward_weight_depthwise(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const Index channels = g.in_channels, taps = g.kernel_h * g.kernel_w, rows = g.batch * g.out_height;
  const Index chunk = std::max<Index>(1, (rows + 31) / 32), chunks = chunk_count(rows, chunk);
  T* const partial = scratch<T>(Scratch::conv_partial, chunks * taps * channels);
  parallel_chunks(rows, chunk, [&](Index number, Index begin, Index end) {
    T* const sum = partial + number * taps * channels;
    std::fill_n(sum, taps * channels, T{0});
    for (Index row = begin; row < end; ++row) {
      const Index image = row / g.out_height, i = row % g.out_height;
      for (Index kh = 0; kh < g.kernel_h; ++kh) {
        const Index h = i * g.stride_h - g.padding_h + kh * g.dilation_h;
        if (h < 0 || h >= g.height) continue;
        for (Index j = 0; j < g.out_width; ++j)
          for (Index kw = 0; kw < g.kernel_w; ++kw) {
            const Index v = j * g.stride_w - g.padding_w + kw * g.dilation_w;
            if (v < 0 || v >= g.width) continue;
            const T* source = x + ((image * g.height + h) * g.width + v) * channels;
            const T* gradient = dy + (row * g.out_width + j) * channels;
            T* target = sum + (kh * g.kernel_w + kw) * channels;
            for (Index c = 0; c < channels; ++c) target[c] += source[c] * gradient[c];
          }
      }
    }
  });
  for (Index c = 0; c < channels; ++c)
    for (Index t = 0; t < taps; ++t) {
      T sum{0};
      for (Index p = 0; p < chunks; ++p) sum += partial[(p * taps + t) * channels + c];
      dw[c * taps + t] = sum;
    }
}

}  // namespace GLIA_NS::detail
