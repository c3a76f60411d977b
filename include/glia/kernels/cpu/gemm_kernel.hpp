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

// Where a tile of C goes: c[r] points to row r at the tile's first column.
template <class T>
struct TileTarget {
  T* c[GemmShape<T>::rows];
  int rows;
  Index cols;
  T alpha, beta;
  const T* bias;  // of the tile's columns, or null
};

template <class T>
[[gnu::always_inline]] inline void store_tile_vector(const TileTarget<T>& target, int row, Index col, const simd::Vec<T>& sum) {
  constexpr int L = simd::lanes<T>;
  const Index count = target.cols - col;
  if (count <= 0) return;
  T* p = target.c[row] + col;
  simd::Vec<T> v = target.alpha * sum;
  if (count >= L) {
    if (target.bias != nullptr) v += simd::load(target.bias + col);
    if (target.beta != T{0}) v += target.beta * simd::load(p);
    simd::store(p, v);
  } else {
    if (target.bias != nullptr) v += simd::load_partial(target.bias + col, count);
    if (target.beta != T{0}) v += target.beta * simd::load_partial(p, count);
    simd::store_partial(p, v, count);
  }
}

// One register tile: sum over depth k of a (row-major with GemmShape::stride, or depth-major with GemmShape::rows
// elements per step) times b (NV vectors per step).
template <class T, int NV, bool DepthMajor>
[[gnu::noinline]] void gemm_micro(Index k, const T* __restrict a, const T* __restrict b, const TileTarget<T>& target) {
  using S = GemmShape<T>;
  using V = simd::Vec<T>;
  constexpr int L = S::lanes;
  constexpr Index step = DepthMajor ? S::rows : 1;
  constexpr Index row = DepthMajor ? 1 : S::stride;
  V sum[S::rows][NV] = {};
  for (Index i = 0; i < k; ++i) {
    V bv[NV];
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { bv[j] = simd::load(b + j * L); });
    simd::unroll<S::rows>([&](auto r) GLIA_INLINE_LAMBDA {
      const T s = a[r * row];
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += s * bv[j]; });
    });
    a += step;
    b += NV * L;
  }
  simd::unroll<S::rows>([&](auto r) GLIA_INLINE_LAMBDA {
    if (r < target.rows)
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { store_tile_vector(target, r, j * L, sum[r][j]); });
  });
}

// Serial product on rows [m0, m1) and columns [n0, n1) of C, which `c_row(row)` locates:
// C = alpha * A B + bias + beta * C. n0 is a multiple of the tile width.
//   pack_a(panel, row, rows, k0, kc): rows beyond `rows` become zeros; layout as in gemm_micro.
//   pack_b(panel, col, cols, width, k0, kc): panel[k * width + j], columns beyond `cols` become zeros.
// Every element of C is the same sequence of operations whatever the ranges are: results do not depend on how the
// work was split.
template <class T, bool DepthMajor, class PackA, class PackB, class Row>
void gemm_range(Index m0, Index m1, Index n0, Index n1, Index k, const PackA& pack_a, const PackB& pack_b,
                const Row& c_row, T alpha, T beta, const T* bias) {
  using S = GemmShape<T>;
  if (m0 >= m1 || n0 >= n1) return;
  const Index depth = std::min(S::depth, std::max<Index>(k, 1));
  T* const a = scratch<T>(Scratch::gemm_a, S::rows * S::stride);
  T* const b = scratch<T>(Scratch::gemm_b, depth * (std::min(S::width, n1 - n0) + S::cols));
  for (Index nb = n0; nb < n1; nb += S::width) {
    const Index ne = std::min(n1, nb + S::width);
    for (Index k0 = 0; k0 == 0 || k0 < k; k0 += S::depth) {
      const Index kc = std::min(S::depth, k - k0);
      for (Index j = nb; j < ne; j += S::cols) {
        const Index cols = std::min<Index>(S::cols, ne - j);
        pack_b(b + (j - nb) * kc, j, cols, cols <= S::lanes ? S::lanes : S::cols, k0, kc);
      }
      TileTarget<T> target;
      target.alpha = alpha;
      target.beta = k0 == 0 ? beta : T{1};
      for (Index i = m0; i < m1; i += S::rows) {
        target.rows = static_cast<int>(std::min<Index>(S::rows, m1 - i));
        pack_a(a, i, static_cast<Index>(target.rows), k0, kc);
        T* rows[S::rows];
        for (int r = 0; r < target.rows; ++r) rows[r] = c_row(i + r);
        for (Index j = nb; j < ne; j += S::cols) {
          for (int r = 0; r < target.rows; ++r) target.c[r] = rows[r] + j;
          target.cols = std::min<Index>(S::cols, ne - j);
          target.bias = bias != nullptr && k0 == 0 ? bias + j : nullptr;
          const T* panel = b + (j - nb) * kc;
          if (target.cols <= S::lanes)
            gemm_micro<T, 1, DepthMajor>(kc, a, panel, target);
          else
            gemm_micro<T, 2, DepthMajor>(kc, a, panel, target);
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

// Parallel form of gemm_range over all of C [m, n].
template <class T, bool DepthMajor, class PackA, class PackB, class Row>
void gemm_parallel(Index m, Index n, Index k, const PackA& pack_a, const PackB& pack_b, const Row& c_row, T alpha, T beta,
                   const T* bias) {
  using S = GemmShape<T>;
  const GemmGrid grid = gemm_grid<T>(m, n, k);
  const Index panels_m = chunk_count(m, S::rows), panels_n = chunk_count(n, S::cols);
  parallel_for(grid.rows * grid.cols, 1, [&](Index first, Index last) {
    for (Index part = first; part < last; ++part) {
      const Index i = part / grid.cols, j = part % grid.cols;
      gemm_range<T, DepthMajor>(std::min(m, panels_m * i / grid.rows * S::rows),
                                std::min(m, panels_m * (i + 1) / grid.rows * S::rows),
                                std::min(n, panels_n * j / grid.cols * S::cols),
                                std::min(n, panels_n * (j + 1) / grid.cols * S::cols), k, pack_a, pack_b, c_row, alpha,
                                beta, bias);
    }
  });
}

}  // namespace GLIA_NS::detail
