#pragma once
// Depthwise convolutions (one input and one output channel per group): vectors run along the channels.

#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/stream.hpp>
#include <glia/kernels/cpu/tap_axis.hpp>

#include <algorithm>
#include <utility>

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
void depthwise_pixel(Index channels, Index taps, const T* const* sources, const T* const* weights, const T* bias,
                     T* out) {
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

// The same for `pixels` neighbouring outputs (at least depthwise_pixels) whose taps are all inside the image, a vector
// of channels at a time: tap t of pixel p lies at x + offsets[t] + p * step.
inline constexpr int depthwise_pixels = 8;
template <class T>
[[gnu::noinline]] void depthwise_run(Index channels, Index taps, const T* x, const Index* offsets, Index step,
                                     const T* const* weights, const T* bias, Index pixels, T* out) {
  constexpr int L = simd::lanes<T>, P = depthwise_pixels;
  for (Index c = 0; c < channels; c += L) {
    simd::Vec<T> start = {};
    if (bias != nullptr) start = simd::load(bias + c);
    for (Index p = 0; p < pixels; p += P) {
      const Index first = std::min<Index>(p, pixels - P);  // the last block overlaps the one before
      const T* const from = x + c + first * step;
      simd::Vec<T> sum[P];
      simd::unroll<P>([&](auto i) GLIA_INLINE_LAMBDA { sum[i] = start; });
      for (Index t = 0; t < taps; ++t) {
        const simd::Vec<T> weight = simd::load(weights[t] + c);
        const T* tap = from + offsets[t];
        simd::unroll<P>([&](auto i) GLIA_INLINE_LAMBDA { sum[i] += simd::load(tap + i * step) * weight; });
      }
      simd::unroll<P>([&](auto i) GLIA_INLINE_LAMBDA { simd::store(out + (first + i) * channels + c, sum[i]); });
    }
  }
}

// Asks for the rows of `image` that the output row behind output row `i` is the first to see. The runs over a row go
// through it vector by vector of the channels, in steps that the hardware does not foresee.
template <class T>
void prefetch_next_rows(const TapAxis& h, Index i, const T* image, Index row) {
  const Index next = i * h.step + h.base + std::max<Index>(0, (h.taps - 1) * h.increment) + 1;
  if (h.divisor == 1 && next >= 0 && next + h.step <= h.inputs) simd::prefetch(image + next * row, h.step * row);
}

// out[i, j] = bias + sum over taps of in[tap] * weight[tap], for all images; weights are [taps, channels].
template <class T>
void depthwise_pass(Index images, Index channels, const TapAxis& h, const TapAxis& w, const T* in, const T* weight,
                    const T* bias, T* out) {
  constexpr int L = simd::lanes<T>;
  const std::pair<Index, Index> inner = w.interior();
  const bool runs = inner.second - inner.first >= depthwise_pixels && channels % L == 0;
  const Index left = runs ? inner.first : 0, right = runs ? inner.second : 0;
  const Index in_row = w.inputs * channels, out_row = w.outputs * channels;
  const bool stream = sizeof(T) >= 4 && simd::worth_streaming<T>(images * h.outputs * out_row);
  parallel_for(images * h.outputs, 4, [&](Index begin, Index end) {
    T* const buffer = stream ? scratch<T>(Scratch::conv_partial, out_row) : nullptr;
    const Index most = h.taps * w.taps;
    const T** const sources = scratch<const T*>(Scratch::conv_input, 2 * most);
    const T** const weights = sources + most;
    Index* const offsets = scratch<Index>(Scratch::conv_output, most);
    for (Index row = begin; row < end; ++row) {
      const T* const image = in + row / h.outputs * h.inputs * w.inputs * channels;
      T* const target = stream ? buffer : out + row * out_row;
      prefetch_next_rows(h, row % h.outputs, image, in_row);
      const auto gather = [&](Index j) {
        Index taps = 0;
        for (Index kh = 0; kh < h.taps; ++kh) {
          const Index y = h.at(row % h.outputs, kh);
          for (Index kw = 0; y >= 0 && kw < w.taps; ++kw) {
            const Index x = w.at(j, kw);
            if (x < 0) continue;
            sources[taps] = image + (y * w.inputs + x) * channels;
            weights[taps++] = weight + (kh * w.taps + kw) * channels;
          }
        }
        return taps;
      };
      for (Index j = 0; j < w.outputs; ++j) {
        const Index taps = gather(j);
        if (j != left || left == right) {
          depthwise_pixel(channels, taps, sources, weights, bias, target + j * channels);
          continue;
        }
        for (Index t = 0; t < taps; ++t) offsets[t] = sources[t] - image;
        depthwise_run(channels, taps, image, offsets, w.step * channels, weights, bias, right - left,
                      target + j * channels);
        j = right - 1;
      }
      if (stream)
        simd::detail::stream_copy(reinterpret_cast<char*>(out + row * out_row), reinterpret_cast<const char*>(buffer),
                                  out_row * static_cast<Index>(sizeof(T)));
    }
    simd::stream_end(stream);
  });
}

template <class T>
void conv_forward_depthwise(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  depthwise_pass(g.batch, g.in_channels, forward_rows(g), forward_columns(g), x, transpose_depthwise(g, w), bias, y);
}

template <class T>
void conv_backward_input_depthwise(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  depthwise_pass(g.batch, g.in_channels, backward_rows(g), backward_columns(g), dy, transpose_depthwise(g, w),
                 static_cast<const T*>(nullptr), dx);
}

// sums[tap][c] += sum over j of x[tap + j * step][c] * dy[j][c], for three neighbouring taps that are inside for all j.
template <class T>
[[gnu::noinline]] void depthwise_weight_run(Index channels, Index pixels, const T* x, Index step, Index tap_step,
                                            const T* dy, T* sums) {
  constexpr int L = simd::lanes<T>;
  for (Index c = 0; c < channels; c += L) {
    simd::Vec<T> even[3] = {}, odd[3] = {};  // two chains per tap
    const T *from = x + c, *gradient = dy + c;
    Index j = 0;
    for (; j + 2 <= pixels; j += 2, from += 2 * step, gradient += 2 * channels) {
      const simd::Vec<T> a = simd::load(gradient), b = simd::load(gradient + channels);
      simd::unroll<3>([&](auto t) GLIA_INLINE_LAMBDA {
        even[t] += simd::load(from + t * tap_step) * a;
        odd[t] += simd::load(from + step + t * tap_step) * b;
      });
    }
    if (j < pixels) {
      const simd::Vec<T> a = simd::load(gradient);
      simd::unroll<3>([&](auto t) GLIA_INLINE_LAMBDA { even[t] += simd::load(from + t * tap_step) * a; });
    }
    simd::unroll<3>([&](auto t) GLIA_INLINE_LAMBDA {
      T* const target = sums + t * channels + c;
      simd::store(target, simd::Vec<T>(simd::load(target) + (even[t] + odd[t])));
    });
  }
}

template <class T>
void conv_backward_weight_depthwise(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const Index channels = g.in_channels, taps = g.kernel_h * g.kernel_w, rows = g.batch * g.out_height;
  const Index chunk = std::max<Index>(1, (rows + 31) / 32), chunks = chunk_count(rows, chunk);
  const TapAxis h = forward_rows(g), v = forward_columns(g);
  const std::pair<Index, Index> inner = v.interior();
  const bool runs = g.kernel_w == 3 && channels % simd::lanes<T> == 0;
  const Index left = runs ? inner.first : 0, right = runs ? inner.second : 0;
  T* const partial = scratch<T>(Scratch::conv_partial, chunks * taps * channels);
  parallel_chunks(rows, chunk, [&](Index number, Index begin, Index end) {
    T* const sum = partial + number * taps * channels;
    std::fill_n(sum, taps * channels, T{0});
    for (Index row = begin; row < end; ++row) {
      const T* const image = x + row / g.out_height * g.height * g.width * channels;
      const T* const gradient = dy + row * g.out_width * channels;
      prefetch_next_rows(h, row % g.out_height, image, g.width * channels);
      if (row + 1 < end) simd::prefetch(gradient + g.out_width * channels, g.out_width * channels);
      for (Index kh = 0; kh < g.kernel_h; ++kh) {
        const Index y = h.at(row % g.out_height, kh);
        if (y < 0) continue;
        const T* const source = image + y * g.width * channels;
        T* const sums = sum + kh * g.kernel_w * channels;
        if (left < right)
          depthwise_weight_run(channels, right - left, source + (left * v.step + v.base) * channels, v.step * channels,
                               v.increment * channels, gradient + left * channels, sums);
        for (Index j = 0; j < g.out_width; ++j) {
          if (j == left && left < right) j = right;
          for (Index kw = 0; j < g.out_width && kw < g.kernel_w; ++kw) {
            const Index at = v.at(j, kw);
            if (at < 0) continue;
            T* const target = sums + kw * channels;
            for (Index c = 0; c < channels; ++c) target[c] += source[at * channels + c] * gradient[j * channels + c];
          }
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
