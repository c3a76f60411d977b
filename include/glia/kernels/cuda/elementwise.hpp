#pragma once
// Launchers of the elementwise kernels on CUDA; defined in elementwise.cuh. All run on the current stream.

#include <glia/core/view.hpp>
#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// out[i] = f(in[i]...) over `count` elements in row-major order. `out` is contiguous and may be one of the inputs if that one
// is contiguous too. `f` is copied to the device; no lambda and no function-local type.
template <class F, class R, class... T>
void map_elements(Cuda, const F& f, Index count, R* out, const View<const T>&... in);

// out = in broadcast to out's shape, where both may have any strides and `out` has no overlapping elements.
template <class T>
void copy_elements(Cuda, const View<const T>& in, const View<T>& out);

// out[i] = value.
template <class T>
void fill_elements(Cuda, T value, Index count, T* out);

}  // namespace GLIA_NS
