#pragma once
// Pooling of channels-last images on CUDA: a thread per element of the result, neighbours on neighbouring channels.

#include <glia/kernels/cuda/pool.hpp>
#include <glia/kernels/cuda/rows.cuh>

#include <limits>

namespace GLIA_NS {

namespace cuda {

// Element i of a [N, height, width, channels] array.
struct PixelAt {
  Index n, h, w, c;
};
GLIA_HD inline PixelAt pixel_at(Index i, Index height, Index width, Index channels) {
  const Division by_channel = divide(i, channels), by_column = divide(by_channel.quotient, width),
                 by_row = divide(by_column.quotient, height);
  return {by_row.quotient, by_row.remainder, by_column.remainder, by_channel.remainder};
}

// Both ends of a pool: i counts the elements of the output (forward) or of the input (backward).
struct PoolGeometry {
  ConvGeometry g;

  GLIA_HD PixelAt output(Index i) const { return pixel_at(i, g.out_height, g.out_width, g.in_channels); }
  GLIA_HD PixelAt input(Index i) const { return pixel_at(i, g.height, g.width, g.in_channels); }
  GLIA_HD Index input_index(Index n, Index h, Index w, Index c) const {
    return ((n * g.height + h) * g.width + w) * g.in_channels + c;
  }
  GLIA_HD Index output_index(Index n, Index h, Index w, Index c) const {
    return ((n * g.out_height + h) * g.out_width + w) * g.in_channels + c;
  }
  GLIA_HD glia::detail::WindowRange windows_over_row(Index h) const {
    return glia::detail::windows_over(h, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h, g.out_height);
  }
  GLIA_HD glia::detail::WindowRange windows_over_column(Index w) const {
    return glia::detail::windows_over(w, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w, g.out_width);
  }
};

template <class T>
struct MaxPoolForward : PoolGeometry {
  const T* x;
  T* y;
  std::int32_t* argmax;
  T lowest;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = output(i);
    T best = lowest;
    std::int32_t where = -1;
    for (Index kh = 0; kh < g.kernel_h; ++kh) {
      const Index ih = at.h * g.stride_h - g.padding_h + kh * g.dilation_h;
      if (ih < 0 || ih >= g.height) continue;
      for (Index kw = 0; kw < g.kernel_w; ++kw) {
        const Index iw = at.w * g.stride_w - g.padding_w + kw * g.dilation_w;
        if (iw < 0 || iw >= g.width) continue;
        const T value = x[input_index(at.n, ih, iw, at.c)];
        if (value > best || (value != value && best == best) || where < 0) {
          best = value;
          where = static_cast<std::int32_t>(ih * g.width + iw);
        }
      }
    }
    y[i] = best;
    argmax[i] = where;
  }
};

template <class T>
struct MaxPoolBackward : PoolGeometry {
  const T* dy;
  const std::int32_t* argmax;
  T* dx;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = input(i);
    const auto rows = windows_over_row(at.h), columns = windows_over_column(at.w);
    const auto position = static_cast<std::int32_t>(at.h * g.width + at.w);
    T total = T(0);
    for (Index oh = rows.first; oh < rows.last; ++oh)
      for (Index ow = columns.first; ow < columns.last; ++ow) {
        const Index from = output_index(at.n, oh, ow, at.c);
        if (argmax[from] == position) total += dy[from];
      }
    dx[i] = total;
  }
};

template <class T>
struct MaxPoolGather : PoolGeometry {
  const T* x;
  const std::int32_t* argmax;
  T* out;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = output(i);
    const std::int32_t position = argmax[i];
    out[i] = position < 0 ? T(0) : x[(at.n * g.height * g.width + position) * g.in_channels + at.c];
  }
};

template <class T>
struct AvgPoolForward : PoolGeometry {
  const T* x;
  T* y;
  bool count_include_pad;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = output(i);
    T sum = T(0);
    Index count = 0;
    for (Index kh = 0; kh < g.kernel_h; ++kh) {
      const Index ih = at.h * g.stride_h - g.padding_h + kh * g.dilation_h;
      if (ih < 0 || ih >= g.height) continue;
      for (Index kw = 0; kw < g.kernel_w; ++kw) {
        const Index iw = at.w * g.stride_w - g.padding_w + kw * g.dilation_w;
        if (iw < 0 || iw >= g.width) continue;
        sum += x[input_index(at.n, ih, iw, at.c)];
        ++count;
      }
    }
    const Index divisor = count_include_pad ? g.kernel_h * g.kernel_w : (count > 0 ? count : 1);
    y[i] = sum * (T(1) / static_cast<T>(divisor));
  }
};

template <class T>
struct AvgPoolBackward : PoolGeometry {
  const T* dy;
  T* dx;
  bool count_include_pad;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = input(i);
    const auto rows = windows_over_row(at.h), columns = windows_over_column(at.w);
    T total = T(0);
    for (Index oh = rows.first; oh < rows.last; ++oh) {
      if (glia::detail::tap_at(at.h, oh, g.stride_h, g.padding_h, g.dilation_h) < 0) continue;
      const Index high = count_include_pad ? g.kernel_h
                                           : glia::detail::taps_inside(oh, g.kernel_h, g.stride_h, g.padding_h,
                                                                       g.dilation_h, g.height);
      for (Index ow = columns.first; ow < columns.last; ++ow) {
        if (glia::detail::tap_at(at.w, ow, g.stride_w, g.padding_w, g.dilation_w) < 0) continue;
        const Index wide = count_include_pad ? g.kernel_w
                                             : glia::detail::taps_inside(ow, g.kernel_w, g.stride_w, g.padding_w,
                                                                         g.dilation_w, g.width);
        total += dy[output_index(at.n, oh, ow, at.c)] * (T(1) / static_cast<T>(high * wide));
      }
    }
    dx[i] = total;
  }
};

template <class T>
struct AdaptivePoolForward : PoolGeometry {
  const T* x;
  T* y;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = output(i);
    const auto high = glia::detail::adaptive_window(at.h, g.height, g.out_height);
    const auto wide = glia::detail::adaptive_window(at.w, g.width, g.out_width);
    T sum = T(0);
    for (Index ih = high.first; ih < high.last; ++ih)
      for (Index iw = wide.first; iw < wide.last; ++iw) sum += x[input_index(at.n, ih, iw, at.c)];
    y[i] = sum * (T(1) / static_cast<T>((high.last - high.first) * (wide.last - wide.first)));
  }
};

template <class T>
struct AdaptivePoolBackward : PoolGeometry {
  const T* dy;
  T* dx;

  GLIA_HD void operator()(Index i) const {
    const PixelAt at = input(i);
    T total = T(0);
    // The windows over position h are those from floor(h OH / H) to floor(((h + 1) OH - 1) / H).
    const Index first_row = at.h * g.out_height / g.height, last_row = ((at.h + 1) * g.out_height - 1) / g.height;
    const Index first_column = at.w * g.out_width / g.width, last_column = ((at.w + 1) * g.out_width - 1) / g.width;
    for (Index oh = first_row; oh <= last_row; ++oh) {
      const auto high = glia::detail::adaptive_window(oh, g.height, g.out_height);
      for (Index ow = first_column; ow <= last_column; ++ow) {
        const auto wide = glia::detail::adaptive_window(ow, g.width, g.out_width);
        total += dy[output_index(at.n, oh, ow, at.c)] *
                 (T(1) / static_cast<T>((high.last - high.first) * (wide.last - wide.first)));
      }
    }
    dx[i] = total;
  }
};

}  // namespace cuda

template <class T>
void max_pool_forward(Cuda, const T* x, const ConvGeometry& g, T* y, std::int32_t* argmax) {
  cuda::launch_each("max_pool2d", g.out_pixels() * g.in_channels,
                    cuda::MaxPoolForward<T>{{g}, x, y, argmax, -std::numeric_limits<T>::infinity()});
}
template <class T>
void max_pool_backward(Cuda, const T* dy, const std::int32_t* argmax, const ConvGeometry& g, T* dx) {
  cuda::launch_each("max_pool2d", g.in_pixels() * g.in_channels, cuda::MaxPoolBackward<T>{{g}, dy, argmax, dx});
}
template <class T>
void max_pool_gather(Cuda, const T* x, const std::int32_t* argmax, const ConvGeometry& g, T* out) {
  cuda::launch_each("max_pool2d", g.out_pixels() * g.in_channels, cuda::MaxPoolGather<T>{{g}, x, argmax, out});
}

template <class T>
void avg_pool_forward(Cuda, const T* x, const ConvGeometry& g, bool count_include_pad, T* y) {
  cuda::launch_each("avg_pool2d", g.out_pixels() * g.in_channels,
                    cuda::AvgPoolForward<T>{{g}, x, y, count_include_pad});
}
template <class T>
void avg_pool_backward(Cuda, const T* dy, const ConvGeometry& g, bool count_include_pad, T* dx) {
  cuda::launch_each("avg_pool2d", g.in_pixels() * g.in_channels,
                    cuda::AvgPoolBackward<T>{{g}, dy, dx, count_include_pad});
}

template <class T>
void adaptive_avg_pool_forward(Cuda, const T* x, const ConvGeometry& g, T* y) {
  cuda::launch_each("adaptive_avg_pool2d", g.out_pixels() * g.in_channels, cuda::AdaptivePoolForward<T>{{g}, x, y});
}
template <class T>
void adaptive_avg_pool_backward(Cuda, const T* dy, const ConvGeometry& g, T* dx) {
  cuda::launch_each("adaptive_avg_pool2d", g.in_pixels() * g.in_channels, cuda::AdaptivePoolBackward<T>{{g}, dy, dx});
}

}  // namespace GLIA_NS
