#pragma once
// Launchers of the pooling kernels on CUDA, as those of kernels/cpu/pool.hpp; defined in pool.cuh. Backward passes
// gather, so that they repeat bitwise.

#include <glia/core/conv_geometry.hpp>
#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y[n, oh, ow, c] = largest value of the window, argmax = its position ih * W + iw: the first of equals, the first NaN.
// A window of padding alone gives -infinity and -1.
template <class T>
void max_pool_forward(Cuda, const T* x, const ConvGeometry& geometry, T* y, std::int32_t* argmax);
// dx: every output's gradient goes to the position that argmax names.
template <class T>
void max_pool_backward(Cuda, const T* dy, const std::int32_t* argmax, const ConvGeometry& geometry, T* dx);
// out = x at the saved positions, 0 where there is none.
template <class T>
void max_pool_gather(Cuda, const T* x, const std::int32_t* argmax, const ConvGeometry& geometry, T* out);

// Mean of every window; padding counts as zeros if count_include_pad.
template <class T>
void avg_pool_forward(Cuda, const T* x, const ConvGeometry& geometry, bool count_include_pad, T* y);
template <class T>
void avg_pool_backward(Cuda, const T* dy, const ConvGeometry& geometry, bool count_include_pad, T* dx);

// Mean over the window [floor(o H / OH), ceil((o + 1) H / OH)) of every output position.
template <class T>
void adaptive_avg_pool_forward(Cuda, const T* x, const ConvGeometry& geometry, T* y);
template <class T>
void adaptive_avg_pool_backward(Cuda, const T* dy, const ConvGeometry& geometry, T* dx);

}  // namespace GLIA_NS
