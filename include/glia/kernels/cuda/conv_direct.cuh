#pragma once
// Convolutions without cuDNN: for double, which cuDNN does not convolve channels-last, and for what it has no algorithm
// for. One group: windows are copied into the rows of a matrix (im2col) a few images at a time, and cuBLAS multiplies.
// Several groups: sums over the window, a thread per element. All of it repeats bitwise.

#include <glia/core/conv_geometry.hpp>
#include <glia/kernels/cuda/gemm.cuh>
#include <glia/kernels/cuda/rows.cuh>

namespace GLIA_NS::cuda {

// Row and column of the matrix of windows, [images * OH * OW, KH * KW * C].
struct WindowAt {
  Index n, oh, ow, kh, kw, c;
};

struct WindowGeometry {
  ConvGeometry g;

  GLIA_HD Index columns() const { return g.kernel_h * g.kernel_w * g.in_channels; }
  GLIA_HD WindowAt at(Index e) const {
    const Division row = divide(e, columns()), tap = divide(row.remainder, g.in_channels),
                   place = divide(tap.quotient, g.kernel_w), pixel = divide(row.quotient, g.out_width),
                   image = divide(pixel.quotient, g.out_height);
    return {image.quotient, image.remainder, pixel.remainder, place.quotient, place.remainder, tap.remainder};
  }
  GLIA_HD Index input_row(Index oh, Index kh) const { return oh * g.stride_h - g.padding_h + kh * g.dilation_h; }
  GLIA_HD Index input_column(Index ow, Index kw) const { return ow * g.stride_w - g.padding_w + kw * g.dilation_w; }
  // The output row whose tap kh reads input row ih, or -1.
  GLIA_HD Index output_row(Index ih, Index kh) const {
    return reached(ih + g.padding_h - kh * g.dilation_h, g.stride_h, g.out_height);
  }
  GLIA_HD Index output_column(Index iw, Index kw) const {
    return reached(iw + g.padding_w - kw * g.dilation_w, g.stride_w, g.out_width);
  }

 private:
  GLIA_HD static Index reached(Index distance, Index stride, Index extent) {
    if (distance < 0) return -1;
    const Division at = divide(distance, stride);
    return at.remainder == 0 && at.quotient < extent ? at.quotient : -1;
  }
};

template <class T>
struct ImageToColumns : WindowGeometry {
  const T* x;
  T* matrix;
  GLIA_HD void operator()(Index e) const {
    const WindowAt w = at(e);
    const Index ih = input_row(w.oh, w.kh), iw = input_column(w.ow, w.kw);
    const bool inside = ih >= 0 && ih < g.height && iw >= 0 && iw < g.width;
    matrix[e] = inside ? x[((w.n * g.height + ih) * g.width + iw) * g.in_channels + w.c] : T(0);
  }
};

// The adjoint: item e is an element of the images.
template <class T>
struct ColumnsToImage : WindowGeometry {
  const T* matrix;
  T* dx;
  GLIA_HD void operator()(Index e) const {
    const Division channel = divide(e, g.in_channels), column = divide(channel.quotient, g.width),
                   row = divide(column.quotient, g.height);
    compute_t<T> total = 0;
    for (Index kh = 0; kh < g.kernel_h; ++kh) {
      const Index oh = output_row(row.remainder, kh);
      if (oh < 0) continue;
      for (Index kw = 0; kw < g.kernel_w; ++kw) {
        const Index ow = output_column(column.remainder, kw);
        if (ow < 0) continue;
        total += static_cast<compute_t<T>>(matrix[((row.quotient * g.out_height + oh) * g.out_width + ow) * columns() +
                                                  (kh * g.kernel_w + kw) * g.in_channels + channel.remainder]);
      }
    }
    dx[e] = static_cast<T>(total);
  }
};

// ---- Several groups.

struct GroupedGeometry : WindowGeometry {
  GLIA_HD Index group_in() const { return g.in_channels / g.groups; }
  GLIA_HD Index group_out() const { return g.out_channels / g.groups; }
  GLIA_HD Index weight_index(Index o, Index kh, Index kw, Index c) const {
    return ((o * g.kernel_h + kh) * g.kernel_w + kw) * group_in() + c;
  }
};

template <class T>
struct GroupedForward : GroupedGeometry {
  const T *x, *w;
  T* y;
  GLIA_HD void operator()(Index e) const {
    const Division out = divide(e, g.out_channels), column = divide(out.quotient, g.out_width),
                   row = divide(column.quotient, g.out_height);
    const Index o = out.remainder, first = divide(o, group_out()).quotient * group_in();
    compute_t<T> total = 0;
    for (Index kh = 0; kh < g.kernel_h; ++kh) {
      const Index ih = input_row(row.remainder, kh);
      if (ih < 0 || ih >= g.height) continue;
      for (Index kw = 0; kw < g.kernel_w; ++kw) {
        const Index iw = input_column(column.remainder, kw);
        if (iw < 0 || iw >= g.width) continue;
        const T* in = x + ((row.quotient * g.height + ih) * g.width + iw) * g.in_channels + first;
        const T* weight = w + weight_index(o, kh, kw, 0);
        for (Index c = 0; c < group_in(); ++c)
          total += static_cast<compute_t<T>>(in[c]) * static_cast<compute_t<T>>(weight[c]);
      }
    }
    y[e] = static_cast<T>(total);
  }
};

template <class T>
struct GroupedBackwardInput : GroupedGeometry {
  const T *dy, *w;
  T* dx;
  GLIA_HD void operator()(Index e) const {
    const Division in = divide(e, g.in_channels), column = divide(in.quotient, g.width),
                   row = divide(column.quotient, g.height);
    const Division channel = divide(in.remainder, group_in());
    const Index first = channel.quotient * group_out(), c = channel.remainder;
    compute_t<T> total = 0;
    for (Index kh = 0; kh < g.kernel_h; ++kh) {
      const Index oh = output_row(row.remainder, kh);
      if (oh < 0) continue;
      for (Index kw = 0; kw < g.kernel_w; ++kw) {
        const Index ow = output_column(column.remainder, kw);
        if (ow < 0) continue;
        const T* from = dy + ((row.quotient * g.out_height + oh) * g.out_width + ow) * g.out_channels;
        for (Index o = first; o < first + group_out(); ++o)
          total += static_cast<compute_t<T>>(from[o]) * static_cast<compute_t<T>>(w[weight_index(o, kh, kw, c)]);
      }
    }
    dx[e] = static_cast<T>(total);
  }
};

// Rows are output pixels, columns the elements of the weight.
template <class T>
struct GroupedWeightTerm : GroupedGeometry {
  const T *x, *dy;
  GLIA_HD void operator()(Index r, Index element, Sums<1>& sums) const {
    const Division channel = divide(element, group_in()), tap = divide(channel.quotient, g.kernel_w),
                   out = divide(tap.quotient, g.kernel_h);
    const Division column = divide(r, g.out_width), row = divide(column.quotient, g.out_height);
    const Index o = out.quotient, ih = input_row(row.remainder, out.remainder),
                iw = input_column(column.remainder, tap.remainder);
    if (ih < 0 || ih >= g.height || iw < 0 || iw >= g.width) return;
    const Index c = divide(o, group_out()).quotient * group_in() + channel.remainder;
    sums.at[0] += static_cast<double>(dy[r * g.out_channels + o]) *
                  static_cast<double>(x[((row.quotient * g.height + ih) * g.width + iw) * g.in_channels + c]);
  }
};
template <class T>
struct GroupedWeightFinish {
  T* dw;
  GLIA_HD void operator()(Index element, const Sums<1>& sums) const { dw[element] = static_cast<T>(sums.at[0]); }
};

// ---- The three maps.

// Whether the matrix of windows is the image itself.
inline bool is_pointwise(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 && g.padding_h == 0 &&
         g.padding_w == 0;
}

// Images whose matrix of windows fits into 256 MB; at least one.
inline Index images_at_once(const ConvGeometry& g, std::size_t element_bytes) {
  const Index row = g.kernel_h * g.kernel_w * g.in_channels * static_cast<Index>(element_bytes);
  const Index image = std::max<Index>(1, g.out_height * g.out_width * row);
  return std::clamp<Index>((Index{256} << 20) / image, 1, std::max<Index>(1, g.batch));
}

// Calls part(geometry of some images, their first image) for all images.
template <class Part>
void for_image_parts(const ConvGeometry& g, std::size_t element_bytes, Part part) {
  const Index most = images_at_once(g, element_bytes);
  for (Index first = 0; first < g.batch; first += most) {
    ConvGeometry some = g;
    some.batch = std::min(most, g.batch - first);
    part(some, first);
  }
}

template <class T>
void convolve_forward(const ConvGeometry& g, const T* x, const T* w, T* y) {
  if (g.groups > 1) return launch_each("conv2d", g.out_pixels() * g.out_channels, GroupedForward<T>{{{g}}, x, w, y});
  const Index k = WindowGeometry{g}.columns();
  for_image_parts(g, sizeof(T), [&](const ConvGeometry& some, Index first) {
    const T* images = x + first * g.height * g.width * g.in_channels;
    const Index rows = some.out_pixels();
    const Scratch<T> matrix(is_pointwise(g) ? 0 : rows * k);
    if (!is_pointwise(g)) launch_each("conv2d", rows * k, ImageToColumns<T>{{some}, images, matrix.data()});
    gemm(Cuda{}, false, true, rows, g.out_channels, k, T(1), is_pointwise(g) ? images : matrix.data(), k, w, k, T(0),
         y + first * g.out_height * g.out_width * g.out_channels, g.out_channels);
  });
}

template <class T>
void convolve_backward_input(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  if (g.groups > 1)
    return launch_each("conv2d", g.in_pixels() * g.in_channels, GroupedBackwardInput<T>{{{g}}, dy, w, dx});
  const Index k = WindowGeometry{g}.columns();
  for_image_parts(g, sizeof(T), [&](const ConvGeometry& some, Index first) {
    T* images = dx + first * g.height * g.width * g.in_channels;
    const Index rows = some.out_pixels();
    const Scratch<T> matrix(is_pointwise(g) ? 0 : rows * k);
    gemm(Cuda{}, false, false, rows, k, g.out_channels, T(1), dy + first * g.out_height * g.out_width * g.out_channels,
         g.out_channels, w, k, T(0), is_pointwise(g) ? images : matrix.data(), k);
    if (!is_pointwise(g))
      launch_each("conv2d", some.in_pixels() * g.in_channels,
                  ColumnsToImage<T>{{some}, static_cast<const T*>(matrix.data()), images});
  });
}

template <class T>
void convolve_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const Index k = WindowGeometry{g}.columns();
  if (g.groups > 1)
    return launch_column_sums<1>("conv2d", g.out_pixels(), g.out_channels * (k / g.groups),
                                 GroupedWeightTerm<T>{{{g}}, x, dy}, GroupedWeightFinish<T>{dw});
  for_image_parts(g, sizeof(T), [&](const ConvGeometry& some, Index first) {
    const T* images = x + first * g.height * g.width * g.in_channels;
    const Index rows = some.out_pixels();
    const Scratch<T> matrix(is_pointwise(g) ? 0 : rows * k);
    if (!is_pointwise(g)) launch_each("conv2d", rows * k, ImageToColumns<T>{{some}, images, matrix.data()});
    // (16-bit sums are rounded between parts.)
    gemm(Cuda{}, true, false, g.out_channels, k, rows, T(1), dy + first * g.out_height * g.out_width * g.out_channels,
         g.out_channels, is_pointwise(g) ? images : matrix.data(), k, first == 0 ? T(0) : T(1), dw, k);
  });
}

}  // namespace GLIA_NS::cuda
