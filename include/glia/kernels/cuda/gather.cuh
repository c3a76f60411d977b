#pragma once
// Reading and adding by index on CUDA, without atomics. index_add sorts the index list, so that every destination is
// added up by one thread in the order of the list.

#include <glia/device/cuda_copy.hpp>
#include <glia/kernels/cuda/gather.hpp>
#include <glia/kernels/cuda/sort.cuh>

namespace GLIA_NS {

namespace cuda {

// One row of all indices.
struct FindOutOfRange {
  const std::int64_t* index;
  Index count, limit;
  bool has_exception;
  std::int64_t except;
  Index* position;  // `count` if there is none

  template <class Lanes>
  GLIA_HD void operator()(Index, const Lanes& lanes) const {
    Index first = count;
    for (Index i = lanes.lane(); i < count && first == count; i += lanes.count())
      if ((index[i] < 0 || index[i] >= limit) && !(has_exception && index[i] == except)) first = i;
    first = lanes.fold(first, Smaller{});
    if (lanes.lane() == 0) *position = first;
  }
};

template <class T>
struct IndexSelect {
  const T* x;
  const std::int64_t* index;
  Index n, inner, count;
  T* y;
  GLIA_HD void operator()(Index e) const {
    const Division by_inner = divide(e, inner), by_count = divide(by_inner.quotient, count);
    y[e] = x[(by_count.quotient * n + index[by_count.remainder]) * inner + by_inner.remainder];
  }
};

// order: the positions of the index list, sorted by index. The thread of the first position of each destination adds.
template <class T>
struct IndexAdd {
  const T* x;
  const std::int64_t *index, *order;
  Index n, inner, count;
  T* y;
  GLIA_HD void operator()(Index e) const {
    const Division by_inner = divide(e, inner), by_count = divide(by_inner.quotient, count);
    const Index s = by_count.remainder, i = by_inner.remainder, target = index[order[s]];
    if (s > 0 && index[order[s - 1]] == target) return;
    const Index to = (by_count.quotient * n + target) * inner + i;
    T total = y[to];
    for (Index k = s; k < count && index[order[k]] == target; ++k)
      total = static_cast<T>(total + x[(by_count.quotient * count + order[k]) * inner + i]);
    y[to] = total;
  }
};

template <class T>
struct Gather {
  const T* x;
  const std::int64_t* index;
  Index n, inner, count;
  T* y;
  GLIA_HD void operator()(Index e) const {
    const Division by_inner = divide(e, inner), by_count = divide(by_inner.quotient, count);
    y[e] = x[(by_count.quotient * n + index[e]) * inner + by_inner.remainder];
  }
};

template <class T>
struct ScatterAdd {
  const T* x;
  const std::int64_t* index;
  Index n, inner, count;
  T* y;
  GLIA_HD void operator()(Index r) const {
    const Division at = divide(r, inner);
    for (Index j = 0; j < count; ++j) {
      const Index from = (at.quotient * count + j) * inner + at.remainder;
      const Index to = (at.quotient * n + index[from]) * inner + at.remainder;
      y[to] = static_cast<T>(y[to] + x[from]);
    }
  }
};

template <class T>
struct OneHot {
  const std::int64_t* index;
  Index classes;
  T* y;
  GLIA_HD void operator()(Index e) const {
    const Division at = divide(e, classes);
    y[e] = index[at.quotient] == at.remainder ? T(1) : T(0);
  }
};

}  // namespace cuda

template <class Lazy>
Index find_out_of_range(Cuda, const std::int64_t* index, Index count, Index limit, bool has_exception,
                        std::int64_t except) {
  if (count == 0 || !cuda::index_checks()) return -1;
  const cuda::Scratch<Index> position(1);
  cuda::launch_rows_of("index check", Index{1}, count,
                       cuda::FindOutOfRange{index, count, limit, has_exception, except, position.data()});
  Index first = count;
  copy_bytes(Cpu{}, Cuda{}, &first, position.data(), sizeof(Index));
  return first == count ? -1 : first;
}

template <class T>
void index_select(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  cuda::launch_each("index_select", outer * count * inner, cuda::IndexSelect<T>{x, index, n, inner, count, y});
}

template <class T>
void index_add(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  if (outer * count * inner == 0) return;
  const cuda::Scratch<std::int64_t> order(count);
  sort_rows(Cuda{}, index, Index{1}, count, false, static_cast<std::int64_t*>(nullptr), order.data());
  cuda::launch_each("index_add", outer * count * inner, cuda::IndexAdd<T>{x, index, order.data(), n, inner, count, y});
}

template <class T>
void gather(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  cuda::launch_each("gather", outer * count * inner, cuda::Gather<T>{x, index, n, inner, count, y});
}

template <class T>
void scatter_add(Cuda, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  cuda::launch_each("scatter_add", outer * inner, cuda::ScatterAdd<T>{x, index, n, inner, count, y});
}

template <class T>
void one_hot(Cuda, const std::int64_t* index, Index count, Index classes, T* y) {
  cuda::launch_each("one_hot", count * classes, cuda::OneHot<T>{index, classes, y});
}

}  // namespace GLIA_NS
