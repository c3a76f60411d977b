#pragma once
// Launchers of the reductions over the middle axis of a contiguous [outer, n, inner] array on CUDA; defined in reduce.cuh. The
// order of all additions depends on the extents alone: results repeat bitwise. Floating sums are held in double, whole
// numbers in 64 bits.

#include <glia/core/scalar.hpp>
#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y[o, i] = sum over k of x[o, k, i]; likewise below.
template <class T, class Out>
void reduce_sum(Cuda, const T* x, Index outer, Index n, Index inner, Out* y);
// Arithmetic mean; n == 0 gives NaN. Floating types only.
template <class T, class Out>
void reduce_mean(Cuda, const T* x, Index outer, Index n, Index inner, Out* y);
template <class T, class Out>
void reduce_prod(Cuda, const T* x, Index outer, Index n, Index inner, Out* y);
// Euclidean norm.
template <class T, class Out>
void reduce_norm2(Cuda, const T* x, Index outer, Index n, Index inner, Out* y);
// Largest (smallest) value; any NaN gives NaN. n >= 1.
template <class T>
void reduce_max(Cuda, const T* x, Index outer, Index n, Index inner, T* y);
template <class T>
void reduce_min(Cuda, const T* x, Index outer, Index n, Index inner, T* y);
// Whether any (every) value is not zero.
template <class T>
void reduce_any(Cuda, const T* x, Index outer, Index n, Index inner, bool* y);
template <class T>
void reduce_all(Cuda, const T* x, Index outer, Index n, Index inner, bool* y);

}  // namespace GLIA_NS
