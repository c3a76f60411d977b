#pragma once
// Launchers of stable sorting and top-k selection along the last axis of a contiguous [rows, n] array on CUDA; defined
// in sort.cuh. NaN is always last, whatever the direction; equal values keep their order.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// order[r, i] = position of the i-th value of row r; sorted (may be null) receives the values.
template <class T>
void sort_rows(Cuda, const T* x, Index rows, Index n, bool descending, T* sorted, std::int64_t* order);

// The k first values of each row in descending (largest) or ascending order and their positions; k <= n.
template <class T>
void topk_rows(Cuda, const T* x, Index rows, Index n, Index k, bool largest, T* values, std::int64_t* positions);

}  // namespace GLIA_NS
