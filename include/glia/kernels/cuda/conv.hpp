#pragma once
// Launchers of the three maps of a convolution on CUDA, channels-last, as those of kernels/cpu/conv.hpp; defined in
// conv.cuh. float, double, and the 16-bit floats with sums in float.

#include <glia/core/conv_geometry.hpp>
#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y [N, OH, OW, O] from x [N, H, W, C], w [O, KH, KW, C / groups] and bias [O] (may be null).
template <class T>
void conv2d_forward(Cuda, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y);
// dx [N, H, W, C] from dy [N, OH, OW, O].
template <class T>
void conv2d_backward_input(Cuda, const ConvGeometry& g, const T* dy, const T* w, T* dx);
// dw [O, KH, KW, C / groups].
template <class T>
void conv2d_backward_weight(Cuda, const ConvGeometry& g, const T* x, const T* dy, T* dw);

}  // namespace GLIA_NS
