#pragma once
// Launchers of reading and adding by index along the middle axis of contiguous [outer, n, inner] arrays on CUDA, as
// those of kernels/cpu/gather.hpp; defined in gather.cuh. Additions happen in the order of the index list: results
// repeat bitwise.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// Position of the first index outside [0, limit), or -1; `except` is let pass if has_exception. Waits for the device.
GLIA_LAZY Index find_out_of_range(Cuda, const std::int64_t* index, Index count, Index limit, bool has_exception,
                                  std::int64_t except);

// y[o, j, i] = x[o, index[j], i] for j < count; y is [outer, count, inner].
template <class T>
void index_select(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y);
// y[o, index[j], i] += x[o, j, i] for j = 0, 1, ..., count - 1.
template <class T>
void index_add(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y);
// y[o, j, i] = x[o, index[o, j, i], i] for j < count.
template <class T>
void gather(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y);
// y[o, index[o, j, i], i] += x[o, j, i] for j = 0, 1, ..., count - 1; one thread per (o, i).
template <class T>
void scatter_add(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y);
// y [count, classes] = 1 at the class of each row, else 0.
template <class T>
void one_hot(Cuda, const std::int64_t* index, Index count, Index classes, T* y);

}  // namespace GLIA_NS
