#pragma once
// Launchers of the positions of extremes along the middle axis of a contiguous [outer, n, inner] array on CUDA; defined
// in arg_extreme.cuh.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// Position of the largest (smallest) value, the first of equals; a NaN counts as the extreme. n >= 1.
template <class T>
void reduce_argmax(Cuda, const T* x, Index outer, Index n, Index inner, std::int64_t* y);
template <class T>
void reduce_argmin(Cuda, const T* x, Index outer, Index n, Index inner, std::int64_t* y);

}  // namespace GLIA_NS
