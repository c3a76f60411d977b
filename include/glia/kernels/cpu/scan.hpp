#pragma once
// Running sums along the middle axis of a contiguous [outer, n, inner] array.

#include <glia/kernels/cpu/accumulate.hpp>

namespace GLIA_NS {

// y[o, k, i] = sum of x[o, 0 .. k, i], or of x[o, k .. n-1, i] if `reverse`; held in double (64-bit integers). y may be x.
template <class T>
void cumsum(Cpu, const T* x, Index outer, Index n, Index inner, bool reverse, T* y) {
  using A = detail::total_t<T>;
  constexpr Index strip = 256;
  const Index strips = chunk_count(inner, strip);
  const Index grain = std::max<Index>(1, 16384 / std::max<Index>(1, n * std::min(inner, strip)));
  parallel_chunks(outer * strips, grain, [&](Index, Index first, Index last) {
    for (Index job = first; job < last; ++job) {
      const Index column = (job % strips) * strip, columns = std::min(inner, column + strip) - column;
      const Index base = (job / strips) * n * inner + column;
      A totals[strip];
      std::fill_n(totals, columns, A(0));
      for (Index step = 0; step < n; ++step) {
        const Index at = base + (reverse ? n - 1 - step : step) * inner;
        for (Index j = 0; j < columns; ++j) {
          totals[j] += static_cast<A>(x[at + j]);
          y[at + j] = static_cast<T>(totals[j]);
        }
      }
    }
  });
}

}  // namespace GLIA_NS
