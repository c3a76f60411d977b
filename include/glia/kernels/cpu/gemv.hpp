#pragma once
// Matrix-vector products: too little work per element for packing, so the matrix is read where it lies.

#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>

namespace GLIA_NS::detail {

// alpha * sum + beta * y, not reading y if beta is 0.
template <class T>
T blend(T alpha, T sum, T beta, const T& y) {
  return beta == T{0} ? alpha * sum : alpha * sum + beta * y;
}

// Sum of x[i] * y[i].
template <class T>
T dot(const T* x, const T* y, Index count) {
  constexpr int L = simd::lanes<T>, U = 4;
  simd::Vec<T> sum[U] = {};
  Index i = 0;
  for (; i + U * L <= count; i += U * L)
    simd::unroll<U>([&](auto u) GLIA_INLINE_LAMBDA { sum[u] += simd::load(x + i + u * L) * simd::load(y + i + u * L); });
  for (; i + L <= count; i += L) sum[0] += simd::load(x + i) * simd::load(y + i);
  T lanes[L];
  simd::store(lanes, simd::Vec<T>((sum[0] + sum[1]) + (sum[2] + sum[3])));
  T total{0};
  for (; i < count; ++i) total += x[i] * y[i];
  for (int l = 0; l < L; ++l) total += lanes[l];
  return total;
}

// y = alpha * op(M) x + beta * y with M stored [rows, cols] and op(M) [m, k]; elements of x and y lie increments apart.
template <class T>
void gemv(bool trans, Index m, Index k, T alpha, const T* matrix, Index ld, const T* x, Index x_increment, T beta, T* y, Index y_increment) {
  if (x_increment != 1) {
    T* const dense = scratch<T>(Scratch::gemm_a, k);
    for (Index i = 0; i < k; ++i) dense[i] = x[i * x_increment];
    x = dense;
  }
  if (!trans) {
    parallel_for(m, 65536 / std::max<Index>(k, 1) + 1, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) y[i * y_increment] = blend(alpha, dot(matrix + i * ld, x, k), beta, y[i * y_increment]);
    });
    return;
  }
  constexpr int L = simd::lanes<T>, U = 8;
  constexpr Index block = U * L;
  parallel_for(chunk_count(m, block), 65536 / (std::max<Index>(k, 1) * block) + 1, [&](Index first, Index last) {
    T sums[block];
    for (Index b = first; b < last; ++b) {
      const T* const columns = matrix + b * block;
      const Index count = std::min(block, m - b * block);
      if (count == block) {
        simd::Vec<T> sum[U] = {};
        for (Index i = 0; i < k; ++i) {
          const T s = x[i];
          simd::unroll<U>([&](auto u) GLIA_INLINE_LAMBDA { sum[u] += s * simd::load(columns + i * ld + u * L); });
        }
        simd::unroll<U>([&](auto u) GLIA_INLINE_LAMBDA { simd::store(sums + u * L, sum[u]); });
      } else {
        std::fill_n(sums, count, T{0});
        for (Index i = 0; i < k; ++i)
          for (Index j = 0; j < count; ++j) sums[j] += x[i] * columns[i * ld + j];
      }
      for (Index j = 0; j < count; ++j) {
        T& target = y[(b * block + j) * y_increment];
        target = blend(alpha, sums[j], beta, target);
      }
    }
  });
}

}  // namespace GLIA_NS::detail
