#pragma once
// Positions of extremes on CUDA: first the extreme value, then its first position.

#include <glia/kernels/cuda/arg_extreme.hpp>
#include <glia/kernels/cuda/rows.cuh>

namespace GLIA_NS {

namespace cuda {

// What lanes exchange of a T: 16-bit floats as float, short integers and bool as int.
template <class T>
using exchanged_t =
    std::conditional_t<std::is_integral_v<T>, std::conditional_t<(sizeof(T) < 8), int, Index>, compute_t<T>>;

template <bool Max, class T>
struct ArgExtreme {
  using V = exchanged_t<T>;
  const T* x;
  Index n, inner;
  std::int64_t* y;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Column at = column_of(r, n, inner);
    // A lane without elements repeats the first.
    V best = static_cast<V>(x[at.first]);
    for (Index k = lanes.lane(); k < n; k += lanes.count())
      best = join(best, static_cast<V>(x[at.first + k * at.step]));
    best = Max ? lanes.fold(best, Larger{}) : lanes.fold(best, Smaller{});
    Index position = n;
    for (Index k = lanes.lane(); k < n && position == n; k += lanes.count()) {
      const V value = static_cast<V>(x[at.first + k * at.step]);
      if (value == best || value != value) position = k;
    }
    position = lanes.fold(position, Smaller{});
    if (lanes.lane() == 0) y[r] = position;
  }

 private:
  GLIA_HD static V join(V a, V b) { return Max ? Larger{}(a, b) : Smaller{}(a, b); }
};

}  // namespace cuda

template <class T>
void reduce_argmax(Cuda, const T* x, Index outer, Index n, Index inner, std::int64_t* y) {
  cuda::launch_columns_of("argmax", outer, n, inner, cuda::ArgExtreme<true, T>{x, n, inner, y});
}
template <class T>
void reduce_argmin(Cuda, const T* x, Index outer, Index n, Index inner, std::int64_t* y) {
  cuda::launch_columns_of("argmin", outer, n, inner, cuda::ArgExtreme<false, T>{x, n, inner, y});
}

}  // namespace GLIA_NS
