#pragma once
// Launcher of running sums along the middle axis of a contiguous [outer, n, inner] array on CUDA; defined in scan.cuh.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y[o, k, i] = sum of x[o, 0 .. k, i], or of x[o, k .. n-1, i] if `reverse`; held in double (64-bit integers). y may be
// x.
template <class T>
void cumsum(Cuda, const T* x, Index outer, Index n, Index inner, bool reverse, T* y);

}  // namespace GLIA_NS
