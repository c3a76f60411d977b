#pragma once
// Merge sort on CUDA, all rows at once. Each pass merges neighbouring runs: a thread per element finds the element's
// place in the merged run by a binary search in the other run. Stable, so equal values keep their order, and the same
// for every element type; log2(n) passes over the data.

#include <glia/kernels/cuda/rows.cuh>
#include <glia/kernels/cuda/sort.hpp>

namespace GLIA_NS {

namespace cuda {

// Whether a belongs before b; neither of two equals, or of two NaN, does.
template <class T>
struct SortOrder {
  bool descending;
  GLIA_HD bool operator()(T a, T b) const {
    if constexpr (!std::is_integral_v<T>) {
      if (a != a || b != b) return a == a;  // for two NaN: false
    }
    return descending ? b < a : a < b;
  }
};

struct SortStart {
  std::int64_t* order;
  Index n;
  GLIA_HD void operator()(Index e) const { order[e] = divide(e, n).remainder; }
};

// Runs of `width` positions in `from` become runs of 2 * width in `to`.
template <class T>
struct MergePass {
  SortOrder<T> before;
  const T* x;
  const std::int64_t* from;
  std::int64_t* to;
  Index n, width;

  GLIA_HD void operator()(Index e) const {
    const Division at = divide(e, n);
    const Index row = at.quotient * n, i = at.remainder, run = divide(i, width).quotient;
    const bool left = (run & 1) == 0;
    const Index start = (left ? run : run - 1) * width;  // of the merged run
    const Index middle = min_index(start + width, n), end = min_index(start + 2 * width, n);
    const std::int64_t mine = from[e];
    const T value = x[row + mine];
    // How many elements of the other run come before this one: equals do if they are on the left.
    Index low = left ? middle : start, high = left ? end : middle;
    const Index first = low;
    while (low < high) {
      const Index probe = low + (high - low) / 2;
      const T other = x[row + from[row + probe]];
      const bool precedes = left ? before(other, value) : !before(value, other);
      if (precedes)
        low = probe + 1;
      else
        high = probe;
    }
    const Index rank = (i - (left ? start : middle)) + (low - first);
    to[row + start + rank] = mine;
  }

 private:
  GLIA_HD static Index min_index(Index a, Index b) { return a < b ? a : b; }
};

template <class T>
struct TakeSorted {
  const T* x;
  const std::int64_t* order;
  Index n, k;
  T* values;
  std::int64_t* positions;  // may be null
  GLIA_HD void operator()(Index e) const {
    const Division at = divide(e, k);
    const std::int64_t position = order[at.quotient * n + at.remainder];
    values[e] = x[at.quotient * n + position];
    if (positions != nullptr) positions[e] = position;
  }
};

}  // namespace cuda

template <class T>
void sort_rows(Cuda, const T* x, Index rows, Index n, bool descending, T* sorted, std::int64_t* order) {
  const Index count = rows * n;
  if (count == 0) return;
  int passes = 0;
  for (Index width = 1; width < n; width *= 2) ++passes;
  const cuda::Scratch<std::int64_t> other(passes == 0 ? 0 : count);
  // The last pass must write to `order`.
  std::int64_t *from = passes % 2 == 0 ? order : other.data(), *to = passes % 2 == 0 ? other.data() : order;
  cuda::launch_each("sort", count, cuda::SortStart{from, n});
  for (Index width = 1; width < n; width *= 2) {
    cuda::launch_each("sort", count, cuda::MergePass<T>{{descending}, x, from, to, n, width});
    std::swap(from, to);
  }
  if (sorted != nullptr) cuda::launch_each("sort", count, cuda::TakeSorted<T>{x, order, n, n, sorted, nullptr});
}

template <class T>
void topk_rows(Cuda, const T* x, Index rows, Index n, Index k, bool largest, T* values, std::int64_t* positions) {
  if (rows * k == 0) return;
  const cuda::Scratch<std::int64_t> order(rows * n);
  sort_rows(Cuda{}, x, rows, n, largest, static_cast<T*>(nullptr), order.data());
  cuda::launch_each("topk", rows * k, cuda::TakeSorted<T>{x, order.data(), n, k, values, positions});
}

}  // namespace GLIA_NS
