#pragma once
// Running sums along the middle axis of a contiguous [outer, n, inner] array.

#include <glia/kernels/cpu/accumulate.hpp>
#include <glia/kernels/cpu/vec.hpp>

namespace GLIA_NS {

namespace detail {

// Which lane of (v, zeros) lane i takes when v moves up (Up) or down by S of its L lanes.
template <bool Up, int S, int L>
constexpr int moved_from(int i) {
  return Up ? (i < S ? L + i : i - S) : (i + S < L ? i + S : L + i);
}
template <bool Up, int S, class V>
[[gnu::always_inline]] inline V moved_lanes(const V& v) {
  constexpr int L = simd::lanes<double>;
  constexpr auto from = moved_from<Up, S, L>;
  const V zero = {};
  if constexpr (L == 8)
    return __builtin_shufflevector(v, zero, from(0), from(1), from(2), from(3), from(4), from(5), from(6), from(7));
  else if constexpr (L == 4)
    return __builtin_shufflevector(v, zero, from(0), from(1), from(2), from(3));
  else
    return __builtin_shufflevector(v, zero, from(0), from(1));
}

// Every lane plus all before it (Up) or behind it.
template <bool Up, int S = 1, class V>
[[gnu::always_inline]] inline V lane_sums(const V& v) {
  constexpr int L = simd::lanes<double>;
  if constexpr (S >= L)
    return v;
  else
    return lane_sums<Up, 2 * S>(V(v + moved_lanes<Up, S>(v)));
}

// Running sums of n neighbouring elements, a vector at a time: an addition waits for the one before only once per vector.
template <bool Reverse, class T>
void cumsum_row(const T* x, Index n, T* y) {
  total_t<T> total{};
  Index done = 0;
  if constexpr (!std::is_integral_v<T>) {
    constexpr int L = simd::lanes<double>;
    for (; done + L <= n; done += L) {
      const Index at = Reverse ? n - L - done : done;
      double values[L];
      for (int l = 0; l < L; ++l) values[l] = static_cast<double>(x[at + l]);
      const simd::Vec<double> sums = lane_sums<!Reverse>(simd::load(values)) + total;
      simd::store(values, sums);
      for (int l = 0; l < L; ++l) y[at + l] = static_cast<T>(values[l]);
      total = sums[Reverse ? 0 : L - 1];
    }
  }
  for (; done < n; ++done) {
    const Index at = Reverse ? n - 1 - done : done;
    total += static_cast<total_t<T>>(x[at]);
    y[at] = static_cast<T>(total);
  }
}

}  // namespace detail

// y[o, k, i] = sum of x[o, 0 .. k, i], or of x[o, k .. n-1, i] if `reverse`; held in double (64-bit integers). y may be x.
template <class T>
void cumsum(Cpu, const T* x, Index outer, Index n, Index inner, bool reverse, T* y) {
  if (inner == 1) {
    parallel_chunks(outer, 1 + 16384 / std::max<Index>(1, n), [&](Index, Index first, Index last) {
      for (Index r = first; r < last; ++r)
        reverse ? detail::cumsum_row<true>(x + r * n, n, y + r * n) : detail::cumsum_row<false>(x + r * n, n, y + r * n);
    });
    return;
  }
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
