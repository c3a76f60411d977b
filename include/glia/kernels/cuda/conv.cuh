#pragma once
// Convolutions on CUDA: by cuDNN where it has an algorithm, everything else, and double, by conv_direct.cuh.

#include <glia/kernels/cuda/conv.hpp>
#include <glia/kernels/cuda/conv_direct.cuh>
#include <glia/kernels/cuda/conv_dnn.cuh>
#include <glia/kernels/cuda/elementwise.cuh>

namespace GLIA_NS {

namespace cuda {

// Item i: W neighbouring channels of one pixel.
template <int W, class T>
struct AddToChannels {
  const T* bias;
  Index channels;
  T* y;
  GLIA_HD void operator()(Index i) const {
    const Pack<T, W> add = load_pack<W>(bias, divide(i * W, channels).remainder);
    Pack<T, W> value = load_pack<W>(static_cast<const T*>(y), i * W);
    for (int k = 0; k < W; ++k) value.values[k] = static_cast<T>(value.values[k] + add.values[k]);
    *reinterpret_cast<Pack<T, W>*>(y + i * W) = value;
  }
};

template <class T>
void add_to_channels(const char* op, const T* bias, Index pixels, Index channels, T* y) {
  constexpr int width = pack_width<T>;
  if (packs_fit<width>(channels, bias, static_cast<const T*>(y)))
    launch_each(op, pixels * channels / width, AddToChannels<width, T>{bias, channels, y});
  else
    launch_each(op, pixels * channels, AddToChannels<1, T>{bias, channels, y});
}

template <class Map, class T>
bool by_dnn(const ConvGeometry& g, const T* a, const T* b, T* out) {
  if constexpr (std::is_same_v<T, double>)
    return false;
  else
    return g.in_channels != 0 && convolve_dnn<Map>(g, dnn_type<T>(), a, b, out);
}

}  // namespace cuda

template <class T>
void conv2d_forward(Cuda, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  if (g.out_pixels() == 0 || g.out_channels == 0) return;
  if (!cuda::by_dnn<cuda::DnnForward>(g, x, w, y)) cuda::convolve_forward(g, x, w, y);
  if (bias != nullptr) cuda::add_to_channels("conv2d", bias, g.out_pixels(), g.out_channels, y);
}

template <class T>
void conv2d_backward_input(Cuda, const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const Index count = g.in_pixels() * g.in_channels;
  if (count == 0) return;
  if (g.out_pixels() == 0 || g.out_channels == 0) return fill_elements(Cuda{}, T(0), count, dx);
  if (!cuda::by_dnn<cuda::DnnBackwardInput>(g, w, dy, dx)) cuda::convolve_backward_input(g, dy, w, dx);
}

template <class T>
void conv2d_backward_weight(Cuda, const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const Index count = g.out_channels * g.kernel_h * g.kernel_w * (g.in_channels / g.groups);
  if (count == 0) return;
  if (g.out_pixels() == 0) return fill_elements(Cuda{}, T(0), count, dw);
  if (!cuda::by_dnn<cuda::DnnBackwardWeight>(g, x, dy, dw)) cuda::convolve_backward_weight(g, x, dy, dw);
}

}  // namespace GLIA_NS
