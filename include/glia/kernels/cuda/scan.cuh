#pragma once
// Running sums on CUDA: lanes walk a row together and carry its total along, or each thread walks a column.

#include <glia/kernels/cuda/rows.cuh>
#include <glia/kernels/cuda/scan.hpp>

namespace GLIA_NS {

namespace cuda {

template <class T>
struct RunningSum {
  using Total = std::conditional_t<std::is_integral_v<T>, Index, double>;
  const T* x;
  Index n, inner;
  bool reverse;
  T* y;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Column at = column_of(r, n, inner);
    Total carry = 0;
    for (Index base = 0; base < n; base += lanes.count()) {  // as many rounds for every lane
      const Index step = base + lanes.lane(), k = reverse ? n - 1 - step : step, i = at.first + k * at.step;
      const Total value = step < n ? static_cast<Total>(x[i]) : Total(0);
      const Prefix<Total> sums = lanes.scan(value);
      if (step < n) y[i] = static_cast<T>(carry + sums.inclusive);
      carry += sums.total;
    }
  }
};

}  // namespace cuda

template <class T>
void cumsum(Cuda, const T* x, Index outer, Index n, Index inner, bool reverse, T* y) {
  cuda::launch_columns_of("cumsum", outer, n, inner, cuda::RunningSum<T>{x, n, inner, reverse, y});
}

}  // namespace GLIA_NS
