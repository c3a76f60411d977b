#pragma once
// The matrix product that gemm and the convolutions share: packing is a parameter, so a convolution packs straight
// from its input and no column matrix is ever written. Blocking after Goto and van de Geijn (2008).

#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>

namespace GLIA_NS::detail {

// Register tile: tile_rows x (1 or 2 vectors). Depth: terms of the inner sum taken in one go.
template <class T>
struct GemmShape {
  static constexpr int lanes = simd::lanes<T>;
  static constexpr int rows = config::vector_bytes == 64 ? 12 : 6;
  static constexpr int cols = 2 * lanes;
  static constexpr Index depth = 256;
  // Leading dimension of a row-major panel of A: off the powers of two, which would all fall into the same cache set.
  static constexpr Index stride = depth + 16;
  // Columns of B that stay packed while the rows of A pass by.
  static constexpr Index width = 512;
};

// A product C = alpha * A B + bias + beta * C, seen through the packing of its operands.
template <class T>
class GemmProblem {
 public:
  Index m = 0, n = 0, k = 0;
  T alpha{1}, beta{0};
  const T* bias = nullptr;  // [n], added to every row
  // Layout of the panels of A: element (row, depth) at depth * GemmShape::rows + row, or at row * GemmShape::stride + depth.
  bool depth_major = false;

  // Writes rows [row, row + rows) of A, terms [k0, k0 + kc); what lies beyond `rows` becomes zero.
  virtual void pack_a(T* panel, Index row, Index rows, Index k0, Index kc) const = 0;
  // Writes columns [col, col + cols) of B as panel[depth * width + column]; what lies beyond `cols` becomes zero.
  virtual void pack_b(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const = 0;
  // Start of a row of C.
  virtual T* c_row(Index row) const = 0;

 protected:
  ~GemmProblem() = default;
};

// One register tile: out[row][NV vectors] = sum over depth of a (see GemmProblem) times b (NV vectors per step).
template <class T, int NV, bool DepthMajor>
[[gnu::noinline]] void gemm_micro(Index k, const T* __restrict a, const T* __restrict b, T* __restrict out) {
  using S = GemmShape<T>;
  constexpr int L = S::lanes;
  constexpr Index step = DepthMajor ? S::rows : 1;
  constexpr Index row = DepthMajor ? 1 : S::stride;
  simd::Vec<T> sum[S::rows][NV] = {};
  for (Index i = 0; i < k; ++i, a += step, b += NV * L) {
    simd::Vec<T> bv[NV];
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { bv[j] = simd::load(b + j * L); });
    simd::unroll<S::rows>([&](auto r) GLIA_INLINE_LAMBDA {
      const T s = a[r * row];
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += s * bv[j]; });
    });
  }
  simd::unroll<S::rows>([&](auto r) GLIA_INLINE_LAMBDA {
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { simd::store(out + (r * NV + j) * L, sum[r][j]); });
  });
}

// c = alpha * sum + bias + beta * c for `count` elements.
template <class T>
[[gnu::always_inline]] inline void store_tile_row(const T* sum, Index count, T alpha, T beta, const T* bias, T* c) {
  constexpr int L = simd::lanes<T>;
  for (Index j = 0; j < count; j += L) {
    const Index rest = count - j;
    simd::Vec<T> v = alpha * simd::load(sum + j);
    if (rest >= L) {
      if (bias != nullptr) v += simd::load(bias + j);
      if (beta != T{0}) v += beta * simd::load(c + j);
      simd::store(c + j, v);
    } else {
      if (bias != nullptr) v += simd::load_partial(bias + j, rest);
      if (beta != T{0}) v += beta * simd::load_partial(c + j, rest);
      simd::store_partial(c + j, v, rest);
    }
  }
}

// Serial product on rows [m0, m1) and columns [n0, n1) of C; n0 is a multiple of the tile width. Every element of C is the
// same sequence of operations whatever the ranges are: results do not depend on how the work was split.
template <class T>
void gemm_range(const GemmProblem<T>& problem, Index m0, Index m1, Index n0, Index n1) {
  using S = GemmShape<T>;
  if (m0 >= m1 || n0 >= n1) return;
  const Index depth = std::min(S::depth, std::max<Index>(problem.k, 1));
  T* const a = scratch<T>(Scratch::gemm_a, S::rows * S::stride);
  T* const b = scratch<T>(Scratch::gemm_b, depth * (std::min(S::width, n1 - n0) + S::cols));
  alignas(64) T tile[S::rows * S::cols];
  for (Index nb = n0; nb < n1; nb += S::width) {
    const Index ne = std::min(n1, nb + S::width);
    for (Index k0 = 0; k0 == 0 || k0 < problem.k; k0 += S::depth) {
      const Index kc = std::min(S::depth, problem.k - k0);
      for (Index j = nb; j < ne; j += S::cols) {
        const Index cols = std::min<Index>(S::cols, ne - j);
        problem.pack_b(b + (j - nb) * kc, j, cols, cols <= S::lanes ? S::lanes : S::cols, k0, kc);
      }
      const T beta = k0 == 0 ? problem.beta : T{1};
      const T* const bias = k0 == 0 ? problem.bias : nullptr;
      for (Index i = m0; i < m1; i += S::rows) {
        const Index rows = std::min<Index>(S::rows, m1 - i);
        problem.pack_a(a, i, rows, k0, kc);
        T* c_rows[S::rows];
        for (Index r = 0; r < rows; ++r) c_rows[r] = problem.c_row(i + r);
        for (Index j = nb; j < ne; j += S::cols) {
          const Index cols = std::min<Index>(S::cols, ne - j), width = cols <= S::lanes ? S::lanes : S::cols;
          const T* const panel = b + (j - nb) * kc;
          if (problem.depth_major) {
            if (width == S::cols)
              gemm_micro<T, 2, true>(kc, a, panel, tile);
            else
              gemm_micro<T, 1, true>(kc, a, panel, tile);
          } else {
            if (width == S::cols)
              gemm_micro<T, 2, false>(kc, a, panel, tile);
            else
              gemm_micro<T, 1, false>(kc, a, panel, tile);
          }
          for (Index r = 0; r < rows; ++r)
            store_tile_row(tile + r * width, cols, problem.alpha, beta, bias != nullptr ? bias + j : nullptr, c_rows[r] + j);
        }
      }
    }
  }
}

// How many parts the rows and the columns of a product are cut into for the threads.
struct GemmGrid {
  Index rows = 1, cols = 1;
};

template <class T>
GemmGrid gemm_grid(Index m, Index n, Index k) {
  using S = GemmShape<T>;
  const Index threads = in_parallel() ? 1 : num_threads();
  if (threads <= 1 || static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) < 65536.0) return {};
  const Index panels_m = chunk_count(m, S::rows), panels_n = chunk_count(n, S::cols);
  GemmGrid best;
  double best_cost = -1.0;
  for (Index cols = 1; cols <= threads; ++cols) {
    const Index rows = threads / cols;
    const auto pm = static_cast<double>(chunk_count(panels_m, rows)), pn = static_cast<double>(chunk_count(panels_n, cols));
    // Cycles per term of the inner sum: multiply-adds, then the packing that every part repeats.
    const double cost = pm * pn * S::rows * 2 + pm * S::rows * 0.25 + pn * S::cols;
    if (best_cost < 0 || cost < best_cost) {
      best_cost = cost;
      best = {std::min(rows, panels_m), std::min(cols, panels_n)};
    }
  }
  return best;
}

// The whole product, in parallel.
template <class T>
void gemm_parallel(const GemmProblem<T>& problem) {
  using S = GemmShape<T>;
  const Index m = problem.m, n = problem.n;
  const GemmGrid grid = gemm_grid<T>(m, n, problem.k);
  const Index panels_m = chunk_count(m, S::rows), panels_n = chunk_count(n, S::cols);
  parallel_for(grid.rows * grid.cols, 1, [&](Index first, Index last) {
    for (Index part = first; part < last; ++part) {
      const Index i = part / grid.cols, j = part % grid.cols;
      gemm_range(problem, std::min(m, panels_m * i / grid.rows * S::rows), std::min(m, panels_m * (i + 1) / grid.rows * S::rows),
                 std::min(n, panels_n * j / grid.cols * S::cols), std::min(n, panels_n * (j + 1) / grid.cols * S::cols));
    }
  });
}

// Copies a few elements without a call.
template <class T>
[[gnu::always_inline]] inline void copy_elements(const T* from, Index count, T* to) {
  constexpr Index L = simd::lanes<T>, Q = sizeof(T) < 16 ? 16 / sizeof(T) : 1;
  for (; count >= L; count -= L, from += L, to += L) simd::store(to, simd::load(from));
  for (; count >= Q; count -= Q, from += Q, to += Q) __builtin_memcpy(to, from, Q * sizeof(T));
  for (; count > 0; --count) *to++ = *from++;
}

template <class T>
[[gnu::always_inline]] inline void clear_elements(T* to, Index count) {
  constexpr Index L = simd::lanes<T>;
  for (; count >= L; count -= L, to += L) simd::store(to, simd::Vec<T>{});
  for (; count > 0; --count) *to++ = T{0};
}

// Copies a row of a panel and fills it up with zeros.
template <class T>
void copy_padded(const T* from, Index count, Index width, T* to) {
  copy_elements(from, count, to);
  clear_elements(to + count, width - count);
}

// Rows [row, row + rows) of the transpose of a matrix [k, m] as a depth-major panel of A.
template <class T>
void pack_transposed(const T* matrix, Index ld, Index m, T* panel, Index row, Index rows, Index k0, Index kc) {
  constexpr int R = GemmShape<T>::rows, L = simd::lanes<T>;
  const T* source = matrix + k0 * ld + row;
  if (L >= R && row + L <= m)  // whole vectors: the surplus is overwritten by the next term
    for (Index k = 0; k < kc; ++k, source += ld, panel += R) simd::store(panel, simd::load(source));
  else if (rows == R)
    for (Index k = 0; k < kc; ++k, source += ld, panel += R) copy_elements(source, R, panel);
  else
    for (Index k = 0; k < kc; ++k, source += ld, panel += R) copy_padded(source, rows, R, panel);
}

// Columns [col, col + cols) of the transpose of a matrix [n, k] as a panel of B.
template <class T>
void pack_transposed_b(const T* matrix, Index ld, T* panel, Index col, Index cols, Index width, Index k0, Index kc) {
  // A few terms at a time: whole cache lines are read, and written lines stay in the first cache.
  constexpr Index terms = 16;
  for (Index k = 0; k < kc; k += terms) {
    const Index end = std::min(kc, k + terms);
    for (Index j = 0; j < cols; ++j) {
      const T* source = matrix + (col + j) * ld + k0;
      for (Index q = k; q < end; ++q) panel[q * width + j] = source[q];
    }
    for (Index q = k; q < end; ++q) clear_elements(panel + q * width + cols, width - cols);
  }
}

}  // namespace GLIA_NS::detail
