#pragma once
// Pooling of channels-last images [N, H, W, C]. Every backward pass is a gather per input row, so that threads never write
// to the same place.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cpu/accumulate.hpp>

namespace GLIA_NS {

namespace detail {

// windows_over for every column of an image.
inline std::vector<WindowRange> column_windows(const ConvGeometry& g) {
  std::vector<WindowRange> out(static_cast<std::size_t>(g.width));
  for (Index iw = 0; iw < g.width; ++iw)
    out[static_cast<std::size_t>(iw)] = windows_over(iw, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w, g.out_width);
  return out;
}

constexpr Index pool_rows_per_chunk(Index width, Index channels) {
  const Index row = width * channels;
  return row >= 8192 ? 1 : 8192 / (row > 0 ? row : 1);
}

}  // namespace detail

namespace detail {

// The common pool: 2x2 windows side by side, no padding.
inline bool is_plain_2x2(const ConvGeometry& g) {
  return g.kernel_h == 2 && g.kernel_w == 2 && g.stride_h == 2 && g.stride_w == 2 && g.padding_h == 0 && g.padding_w == 0 &&
         g.dilation_h == 1 && g.dilation_w == 1;
}

// Whether an earlier value a stays in front of a later one b: unless b is larger, or b alone is NaN. Written with && and ||: combining the
// comparisons bit by bit keeps g++ from vectorising the loop.
template <class T>
constexpr bool stays_first(T a, T b) {
  return a != a || (b == b && !(b > a));
}

// One window for `count` channels: a, b are the upper pixels (a at `position`), d, e those below.
template <class T>
void max_pool_window_2x2(const T* a, const T* b, const T* d, const T* e, Index count, std::int32_t position, std::int32_t width,
                         T* out, std::int32_t* where) {
  GLIA_OMP(simd)
  for (Index j = 0; j < count; ++j) {
    const T va = a[j], vb = b[j], vd = d[j], ve = e[j];
    const T top = stays_first(va, vb) ? va : vb, bottom = stays_first(vd, ve) ? vd : ve;
    const std::int32_t at_top = stays_first(va, vb) ? position : position + 1;
    const std::int32_t at_bottom = stays_first(vd, ve) ? position + width : position + width + 1;
    out[j] = stays_first(top, bottom) ? top : bottom;
    where[j] = stays_first(top, bottom) ? at_top : at_bottom;
  }
}

template <class T>
void max_pool_forward_2x2(const T* x, const ConvGeometry& g, T* y, std::int32_t* argmax) {
  const Index c = g.in_channels, step = g.width * c;
  parallel_chunks(g.batch * g.out_height, pool_rows_per_chunk(4 * g.out_width, c), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.out_height, oh = row % g.out_height;
      for (Index ow = 0; ow < g.out_width; ++ow) {
        const T* in = x + ((n * g.height + 2 * oh) * g.width + 2 * ow) * c;
        const Index at = (row * g.out_width + ow) * c;
        max_pool_window_2x2(in, in + c, in + step, in + step + c, c, static_cast<std::int32_t>(2 * oh * g.width + 2 * ow),
                            static_cast<std::int32_t>(g.width), y + at, argmax + at);
      }
    }
  });
}

// Every input pixel has one window, so each is written once.
template <class T>
void max_pool_backward_2x2(const T* dy, const std::int32_t* argmax, const ConvGeometry& g, T* dx) {
  const Index c = g.in_channels;
  const bool stream = simd::worth_streaming<T>(g.batch * g.height * g.width * c);
  parallel_chunks(g.batch * g.height, pool_rows_per_chunk(g.width, c), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.height, ih = row % g.height, oh = ih / 2;
      for (Index iw = 0; iw < g.width; ++iw) {
        T* target = dx + (row * g.width + iw) * c;
        if (oh >= g.out_height || iw / 2 >= g.out_width) {  // the odd row or column that no window covers
          std::fill_n(target, c, T(0));
          continue;
        }
        const Index at = ((n * g.out_height + oh) * g.out_width + iw / 2) * c;
        const std::int32_t position = static_cast<std::int32_t>(ih * g.width + iw);
        simd::write_blocks(stream, target, c, [&](Index from, Index count, T* out) {
          const T* g_in = dy + at + from;
          const std::int32_t* where = argmax + at + from;
          GLIA_OMP(simd)
          for (Index j = 0; j < count; ++j) out[j] = where[j] == position ? g_in[j] : T(0);
        });
      }
    }
    simd::stream_end(stream);
  });
}

}  // namespace detail

// y[n, oh, ow, c] = largest value of the window; argmax receives its position ih * W + iw inside the image (the first of equals,
// the first NaN). Padding never wins; a window that holds padding alone gives -infinity and position -1.
template <class T>
void max_pool_forward(Cpu, const T* x, const ConvGeometry& geometry, T* y, std::int32_t* argmax) {
  if (detail::is_plain_2x2(geometry)) return detail::max_pool_forward_2x2(x, geometry, y, argmax);
  const ConvGeometry g = geometry;
  const Index c = g.in_channels;
  const Index grain = detail::pool_rows_per_chunk(g.out_width * g.kernel_h * g.kernel_w, c);
  parallel_chunks(g.batch * g.out_height, grain, [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.out_height, oh = row % g.out_height;
      for (Index ow = 0; ow < g.out_width; ++ow) {
        T* best = y + (row * g.out_width + ow) * c;
        std::int32_t* where = argmax + (row * g.out_width + ow) * c;
        std::fill_n(best, c, detail::lowest_or_minus_infinity<T>());
        std::fill_n(where, c, -1);
        for (Index kh = 0; kh < g.kernel_h; ++kh) {
          const Index ih = oh * g.stride_h - g.padding_h + kh * g.dilation_h;
          if (ih < 0 || ih >= g.height) continue;
          for (Index kw = 0; kw < g.kernel_w; ++kw) {
            const Index iw = ow * g.stride_w - g.padding_w + kw * g.dilation_w;
            if (iw < 0 || iw >= g.width) continue;
            const T* in = x + ((n * g.height + ih) * g.width + iw) * c;
            const std::int32_t position = static_cast<std::int32_t>(ih * g.width + iw);
            GLIA_OMP(simd)
            for (Index j = 0; j < c; ++j) {
              const T old = best[j], value = in[j];
              const bool better = (value > old) | ((value != value) & (old == old)) | (where[j] < 0);
              best[j] = better ? value : old;
              where[j] = better ? position : where[j];
            }
          }
        }
      }
    }
  });
}

// dx: every output's gradient goes to the position that argmax names.
template <class T>
void max_pool_backward(Cpu, const T* dy, const std::int32_t* argmax, const ConvGeometry& geometry, T* dx) {
  if (detail::is_plain_2x2(geometry)) return detail::max_pool_backward_2x2(dy, argmax, geometry, dx);
  const ConvGeometry g = geometry;
  const Index c = g.in_channels;
  const auto windows = detail::column_windows(g);
  parallel_chunks(g.batch * g.height, detail::pool_rows_per_chunk(g.width, c), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.height, ih = row % g.height;
      const auto rows = detail::windows_over(ih, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h, g.out_height);
      for (Index iw = 0; iw < g.width; ++iw) {
        T* out = dx + (row * g.width + iw) * c;
        const std::int32_t position = static_cast<std::int32_t>(ih * g.width + iw);
        std::fill_n(out, c, T(0));
        const auto columns = windows[static_cast<std::size_t>(iw)];
        for (Index oh = rows.first; oh < rows.last; ++oh) {
          for (Index ow = columns.first; ow < columns.last; ++ow) {
            const Index at = ((n * g.out_height + oh) * g.out_width + ow) * c;
            const T* from = dy + at;
            const std::int32_t* where = argmax + at;
            GLIA_OMP(simd)
            for (Index j = 0; j < c; ++j) out[j] += where[j] == position ? from[j] : T(0);
          }
        }
      }
    }
  });
}

// out[n, oh, ow, c] = x[n, argmax[n, oh, ow, c], c]: reads with a saved argmax (0 where it is -1); adjoint of max_pool_backward.
template <class T>
void max_pool_gather(Cpu, const T* x, const std::int32_t* argmax, const ConvGeometry& geometry, T* out) {
  const ConvGeometry g = geometry;
  const Index c = g.in_channels, pixels = g.out_height * g.out_width;
  parallel_chunks(g.batch * g.out_height, detail::pool_rows_per_chunk(g.out_width, c), [&](Index, Index first, Index last) {
    for (Index pixel = first * g.out_width; pixel < last * g.out_width; ++pixel) {
      const T* image = x + pixel / pixels * g.height * g.width * c;
      for (Index j = 0; j < c; ++j) {
        const std::int32_t position = argmax[pixel * c + j];
        out[pixel * c + j] = position < 0 ? T(0) : image[position * c + j];
      }
    }
  });
}

// Mean of every window. Padding counts as zeros if count_include_pad, else it is left out of sum and count.
template <class T>
void avg_pool_forward(Cpu, const T* x, const ConvGeometry& geometry, bool count_include_pad, T* y) {
  const ConvGeometry g = geometry;
  const Index c = g.in_channels;
  const Index grain = detail::pool_rows_per_chunk(g.out_width * g.kernel_h * g.kernel_w, c);
  parallel_chunks(g.batch * g.out_height, grain, [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.out_height, oh = row % g.out_height;
      for (Index ow = 0; ow < g.out_width; ++ow) {
        T* sum = y + (row * g.out_width + ow) * c;
        std::fill_n(sum, c, T(0));
        Index count = 0;
        for (Index kh = 0; kh < g.kernel_h; ++kh) {
          const Index ih = oh * g.stride_h - g.padding_h + kh * g.dilation_h;
          if (ih < 0 || ih >= g.height) continue;
          for (Index kw = 0; kw < g.kernel_w; ++kw) {
            const Index iw = ow * g.stride_w - g.padding_w + kw * g.dilation_w;
            if (iw < 0 || iw >= g.width) continue;
            const T* in = x + ((n * g.height + ih) * g.width + iw) * c;
            GLIA_OMP(simd)
            for (Index j = 0; j < c; ++j) sum[j] += in[j];
            ++count;
          }
        }
        const T scale = T(1) / static_cast<T>(count_include_pad ? g.kernel_h * g.kernel_w : std::max<Index>(count, 1));
        GLIA_OMP(simd)
        for (Index j = 0; j < c; ++j) sum[j] *= scale;
      }
    }
  });
}

template <class T>
void avg_pool_backward(Cpu, const T* dy, const ConvGeometry& geometry, bool count_include_pad, T* dx) {
  const ConvGeometry g = geometry;
  const Index c = g.in_channels;
  const auto windows = detail::column_windows(g);
  // What the mean of an output row (column) was divided by.
  std::vector<Index> heights(static_cast<std::size_t>(g.out_height), g.kernel_h), widths(static_cast<std::size_t>(g.out_width), g.kernel_w);
  for (Index o = 0; o < g.out_height && !count_include_pad; ++o)
    heights[static_cast<std::size_t>(o)] = detail::taps_inside(o, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h, g.height);
  for (Index o = 0; o < g.out_width && !count_include_pad; ++o)
    widths[static_cast<std::size_t>(o)] = detail::taps_inside(o, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w, g.width);
  parallel_chunks(g.batch * g.height, detail::pool_rows_per_chunk(g.width, c), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.height, ih = row % g.height;
      const auto rows = detail::windows_over(ih, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h, g.out_height);
      for (Index iw = 0; iw < g.width; ++iw) {
        T* out = dx + (row * g.width + iw) * c;
        std::fill_n(out, c, T(0));
        const auto columns = windows[static_cast<std::size_t>(iw)];
        for (Index oh = rows.first; oh < rows.last; ++oh) {
          if (g.dilation_h > 1 && detail::tap_at(ih, oh, g.stride_h, g.padding_h, g.dilation_h) < 0) continue;
          const Index high = heights[static_cast<std::size_t>(oh)];
          for (Index ow = columns.first; ow < columns.last; ++ow) {
            if (g.dilation_w > 1 && detail::tap_at(iw, ow, g.stride_w, g.padding_w, g.dilation_w) < 0) continue;
            const T scale = T(1) / static_cast<T>(high * widths[static_cast<std::size_t>(ow)]);
            const T* from = dy + ((n * g.out_height + oh) * g.out_width + ow) * c;
            GLIA_OMP(simd)
            for (Index j = 0; j < c; ++j) out[j] += from[j] * scale;
          }
        }
      }
    }
  });
}

// Mean over the window [floor(o H / OH), ceil((o + 1) H / OH)) of every output position: any input size to any output size.
// Only the extents of `geometry` are read.
template <class T>
void adaptive_avg_pool_forward(Cpu, const T* x, const ConvGeometry& geometry, T* y) {
  const ConvGeometry g = geometry;
  const Index c = g.in_channels;
  const Index grain = detail::pool_rows_per_chunk(g.width * chunk_count(g.height, std::max<Index>(1, g.out_height)), c);
  parallel_chunks(g.batch * g.out_height, grain, [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.out_height;
      const auto high = detail::adaptive_window(row % g.out_height, g.height, g.out_height);
      for (Index ow = 0; ow < g.out_width; ++ow) {
        const auto wide = detail::adaptive_window(ow, g.width, g.out_width);
        T* sum = y + (row * g.out_width + ow) * c;
        std::fill_n(sum, c, T(0));
        for (Index ih = high.first; ih < high.last; ++ih) {
          for (Index iw = wide.first; iw < wide.last; ++iw) {
            const T* in = x + ((n * g.height + ih) * g.width + iw) * c;
            GLIA_OMP(simd)
            for (Index j = 0; j < c; ++j) sum[j] += in[j];
          }
        }
        const T scale = T(1) / static_cast<T>((high.last - high.first) * (wide.last - wide.first));
        GLIA_OMP(simd)
        for (Index j = 0; j < c; ++j) sum[j] *= scale;
      }
    }
  });
}

template <class T>
void adaptive_avg_pool_backward(Cpu, const T* dy, const ConvGeometry& geometry, T* dx) {
  const ConvGeometry g = geometry;
  const Index c = g.in_channels;
  parallel_chunks(g.batch * g.height, detail::pool_rows_per_chunk(g.width, c), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index n = row / g.height, ih = row % g.height;
      std::fill_n(dx + row * g.width * c, g.width * c, T(0));
      for (Index oh = 0; oh < g.out_height; ++oh) {
        const auto high = detail::adaptive_window(oh, g.height, g.out_height);
        if (ih < high.first || ih >= high.last) continue;
        for (Index ow = 0; ow < g.out_width; ++ow) {
          const auto wide = detail::adaptive_window(ow, g.width, g.out_width);
          const T scale = T(1) / static_cast<T>((high.last - high.first) * (wide.last - wide.first));
          const T* from = dy + ((n * g.out_height + oh) * g.out_width + ow) * c;
          for (Index iw = wide.first; iw < wide.last; ++iw) {
            T* out = dx + (row * g.width + iw) * c;
            GLIA_OMP(simd)
            for (Index j = 0; j < c; ++j) out[j] += from[j] * scale;
          }
        }
      }
    }
  });
}

}  // namespace GLIA_NS
