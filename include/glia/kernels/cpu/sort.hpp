#pragma once
// Stable sorting and top-k selection along the last axis of a contiguous [rows, n] array. NaN is always last, whatever the
// direction; equal values keep their order.

#include <glia/kernels/cpu/accumulate.hpp>

#include <numeric>

namespace GLIA_NS {

namespace detail {

// Total order of the positions of one row: numbers by value, NaN behind all of them, equals by position.
template <class T>
struct RowOrder {
  const T* row;
  bool descending;

  bool operator()(std::int64_t a, std::int64_t b) const {
    const T x = row[a], y = row[b];
    if (is_nan(x) || is_nan(y)) {
      if (is_nan(x) != is_nan(y)) return is_nan(y);
      return a < b;
    }
    if (x == y) return a < b;
    return descending ? x > y : x < y;
  }
};

}  // namespace detail

// order[r, i] = position of the i-th value of row r; sorted (may be null) receives the values.
template <class T>
void sort_rows(Cpu, const T* x, Index rows, Index n, bool descending, T* sorted, std::int64_t* order) {
  parallel_chunks(rows, std::max<Index>(1, 2048 / std::max<Index>(1, n)), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      std::int64_t* out = order + r * n;
      std::iota(out, out + n, std::int64_t{0});
      std::sort(out, out + n, detail::RowOrder<T>{x + r * n, descending});
      if (sorted == nullptr) continue;
      for (Index i = 0; i < n; ++i) sorted[r * n + i] = x[r * n + out[i]];
    }
  });
}

// The k first values of each row in descending (largest) or ascending order and their positions; k <= n.
template <class T>
void topk_rows(Cpu, const T* x, Index rows, Index n, Index k, bool largest, T* values, std::int64_t* positions) {
  parallel_chunks(rows, std::max<Index>(1, 8192 / std::max<Index>(1, n)), [&](Index, Index first, Index last) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    for (Index r = first; r < last; ++r) {
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::partial_sort(order.begin(), order.begin() + k, order.end(), detail::RowOrder<T>{x + r * n, largest});
      for (Index i = 0; i < k; ++i) {
        positions[r * k + i] = order[static_cast<std::size_t>(i)];
        values[r * k + i] = x[r * n + order[static_cast<std::size_t>(i)]];
      }
    }
  });
}

}  // namespace GLIA_NS
