#pragma once
// Matrix products on the CPU.

#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/gemm_bfloat16.hpp>
#include <glia/kernels/cpu/gemm_kernel.hpp>
#include <glia/kernels/cpu/gemv.hpp>

namespace GLIA_NS {

namespace detail {

template <class T>
struct GemmProblem {
  bool trans_a = false, trans_b = false;
  Index m = 0, n = 0, k = 0;
  T alpha{1}, beta{0};
  const T *a = nullptr, *b = nullptr;
  T* c = nullptr;
  Index lda = 0, ldb = 0, ldc = 0;
};

// A block of rows of A, terms [k0, k0 + kc), as tiles read it: packed by terms, or row by row where it lies or copied.
template <class T>
struct BlockOfA {
  const T* terms = nullptr;
  const T* rows = nullptr;
  Index row = 0;
};

// The rows of B [rows, cols] that are to be packed next: each tile asks for a few of them, so that memory is read while the
// products are computed.
template <class T>
struct NextRowsOfB {
  static constexpr Index per_tile = 4;
  const T* first = nullptr;
  Index ld = 0, cols = 0, rows = 0;

  // Makes a tile of `walk`, GemmShape::depth terms in one run, ask for the next few; false if none are left.
  bool take(DepthWalk& walk) {
    if (rows < per_tile || walk.length != GemmShape<T>::depth) return false;
    walk.segments = per_tile, walk.length /= per_tile;
    walk.a_segment = walk.length * walk.a_step, walk.b_segment = walk.length * walk.b_step;
    walk.ahead = reinterpret_cast<const char*>(first);
    walk.ahead_segment = ld * static_cast<Index>(sizeof(T));
    walk.ahead_step = std::min<Index>(64, chunk_count(cols * static_cast<Index>(sizeof(T)), walk.length));
    first += per_tile * ld, rows -= per_tile;
    return true;
  }
};

// Rows [i0, i1), columns [j, j + cols), terms [k0, k0 + kc) of a product: tile after tile past one packed panel of B.
template <class T>
void gemm_panel(const GemmProblem<T>& p, Index i0, Index i1, Index j, Index cols, Index k0, Index kc,
                const BlockOfA<T>& block, const T* panel, NextRowsOfB<T>& next) {
  using S = GemmShape<T>;
  const TileEnd<T> end{p.alpha, k0 == 0 ? p.beta : T{1}, nullptr};
  const Index zero = 0;
  DepthWalk walk;
  walk.length = kc, walk.a_step = S::rows, walk.b_step = panel_width<T>(cols);
  for (Index i = i0; i < i1; i += S::rows) {
    const Index rows = std::min<Index>(S::rows, i1 - i);
    const T* a[S::rows];
    T* c[S::rows];
    for (Index r = 0; r < S::rows; ++r) {
      const Index row = std::min(i + r, i1 - 1);
      a[r] = block.rows + (row - i0) * block.row;
      c[r] = p.c + row * p.ldc + j;
    }
    bounded_tile(c, rows, cols, end, [&](T* const* to, const TileEnd<T>& e) GLIA_INLINE_LAMBDA {
      const T* const by_terms = block.terms + (i - i0) * kc;
      DepthWalk asking = walk;
      if (p.trans_a && panel_vectors<T>(cols) == 2 && next.take(asking))
        tile_by_terms<T, 2, true>(asking, by_terms, panel, to, e);
      else if (panel_vectors<T>(cols) == 2)
        p.trans_a ? tile_by_terms<T, 2>(walk, by_terms, panel, to, e)
                  : tile_by_rows<T, 2>(a, &zero, 1, kc, panel, to, e);
      else
        p.trans_a ? tile_by_terms<T, 1>(walk, by_terms, panel, to, e)
                  : tile_by_rows<T, 1>(a, &zero, 1, kc, panel, to, e);
    });
  }
}

// Serial product on rows [m0, m1) and columns [n0, n1) of C, both starting at a tile. Every element of C is the same
// sequence of operations whatever the ranges are: results do not depend on how the work was split.
template <class T>
[[gnu::noinline]] void gemm_range(const GemmProblem<T>& p, Index m0, Index m1, Index n0, Index n1) {
  using S = GemmShape<T>;
  if (m0 >= m1 || n0 >= n1) return;
  // Columns and elements of B that stay packed: in the second cache if few rows pass by, else in the third.
  const bool few = m1 - m0 <= 2 * S::block;
  const Index aim = few ? 256 : 512, most = Index{1} << (few ? 16 : 19);
  // Chunks of columns of one width, near the aim: every further chunk reads and packs all of A again.
  const Index chunks = std::max<Index>(1, (n1 - n0 + aim / 2) / aim);
  const Index wide = chunk_count(chunk_count(n1 - n0, chunks), S::cols) * S::cols;
  // Rows that lie a power of two apart share a set of the first cache: then a block is copied first.
  const bool copy_rows = !p.trans_a && p.lda % 256 == 0 && n1 - n0 >= 4 * S::cols;
  // A long B is read once, straight from memory, by the weights' gradients of layers.
  const bool streams_b = few && p.trans_a && !p.trans_b && p.k * (n1 - n0) * static_cast<Index>(sizeof(T)) > (Index{1} << 22);
  constexpr Index row = S::depth + 16;
  const Index terms = std::min(std::max(most / wide / S::depth, Index{1}) * S::depth, std::max<Index>(p.k, 1));
  T* const b = scratch<T>(Scratch::gemm_b, terms * wide);
  T* const a = p.trans_a || copy_rows ? scratch<T>(Scratch::gemm_a, S::block * row) : nullptr;
  for (Index nb = n0; nb < n1; nb += wide) {
    const Index ne = std::min(n1, nb + wide);
    for (Index ks = 0; ks == 0 || ks < p.k; ks += terms) {
      const Index ke = std::min(p.k, ks + terms);
      for (Index k0 = ks; k0 < ke; k0 += S::depth) {
        const Index kc = std::min(S::depth, ke - k0);
        T* const packed = b + (k0 - ks) * wide;
        if (!p.trans_b) pack_panels(p.b + k0 * p.ldb + nb, p.ldb, ne - nb, kc, packed);
        for (Index j = nb; p.trans_b && j < ne; j += S::cols)
          pack_columns_transposed(p.b, p.ldb, packed + (j - nb) * kc, j, std::min<Index>(S::cols, ne - j), k0, kc);
      }
      for (Index i0 = m0; i0 < m1; i0 += S::block) {
        const Index i1 = std::min(m1, i0 + S::block);
        for (Index k0 = ks; k0 == ks || k0 < ke; k0 += S::depth) {
          const Index kc = std::min(S::depth, ke - k0);
          BlockOfA<T> block{a, copy_rows ? a : p.a + i0 * p.lda + k0, copy_rows ? row : p.lda};
          if (p.trans_a) {
            for (Index i = i0; i < i1; i += S::rows)
              pack_rows_transposed(p.a, p.lda, p.m, a + (i - i0) * kc, i, std::min<Index>(S::rows, i1 - i), k0, kc);
            block.rows = a, block.row = 0;
          } else if (copy_rows) {
            for (Index i = i0; i < i1; ++i) copy_run(p.a + i * p.lda + k0, kc, a + (i - i0) * row);
          }
          NextRowsOfB<T> next;
          if (streams_b) next = {p.b + (k0 + kc) * p.ldb + nb, p.ldb, ne - nb, std::min(S::depth, p.k - (k0 + kc))};
          for (Index j = nb; j < ne; j += S::cols)
            gemm_panel(p, i0, i1, j, std::min<Index>(S::cols, ne - j), k0, kc, block,
                       b + (k0 - ks) * wide + (j - nb) * kc, next);
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
    const auto pm = static_cast<double>(chunk_count(panels_m, rows)),
               pn = static_cast<double>(chunk_count(panels_n, cols));
    // Cycles per term of the inner sum: multiply-adds, then the packing that every part repeats.
    const double cost = pm * pn * S::rows + pm * S::rows * 0.25 + pn * S::cols * 0.5;
    if (best_cost < 0 || cost < best_cost) {
      best_cost = cost;
      best = {std::min(rows, panels_m), std::min(cols, panels_n)};
    }
  }
  return best;
}

template <class T>
void gemm_parallel(const GemmProblem<T>& p) {
  using S = GemmShape<T>;
  const GemmGrid grid = gemm_grid<T>(p.m, p.n, p.k);
  const Index panels_m = chunk_count(p.m, S::rows), panels_n = chunk_count(p.n, S::cols);
  parallel_for(grid.rows * grid.cols, 1, [&](Index first, Index last) {
    for (Index part = first; part < last; ++part) {
      const Index i = part / grid.cols, j = part % grid.cols;
      gemm_range(
          p, std::min(p.m, panels_m * i / grid.rows * S::rows), std::min(p.m, panels_m * (i + 1) / grid.rows * S::rows),
          std::min(p.n, panels_n * j / grid.cols * S::cols), std::min(p.n, panels_n * (j + 1) / grid.cols * S::cols));
    }
  });
}

}  // namespace detail

// C = alpha * op(A) op(B) + beta * C with row-major op(A) [m, k], op(B) [k, n], C [m, n] and leading dimensions (row
// lengths in memory) lda, ldb, ldc. C is not read if beta is 0. Bitwise the same at any thread count. bfloat16 is summed in
// float; so is float rounded to bfloat16 where AllowBfloat16 (core/allow_bfloat16.hpp) says that it may be.
template <class T>
void gemm(Cpu, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b,
          Index ldb, T beta, T* c, Index ldc) {
  if constexpr (std::is_same_v<T, bfloat16>) {
    gemm_bfloat16(Cpu{}, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  } else {
    if constexpr (std::is_same_v<T, float>)
      if (detail::bf16::worthwhile(m, n, k))
        return gemm_bfloat16(Cpu{}, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    if (m == 1) return detail::gemv<T>(!trans_b, n, k, alpha, b, ldb, a, trans_a ? lda : 1, beta, c, 1);
    if (n == 1) return detail::gemv<T>(trans_a, m, k, alpha, a, lda, b, trans_b ? 1 : ldb, beta, c, ldc);
    detail::gemm_parallel<T>({trans_a, trans_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc});
  }
}

// `batch` products as in gemm, of matrices that lie stride_a, stride_b, stride_c elements apart; a stride of 0 for A or
// B means one operand shared by all products.
template <class T>
void gemm_batched(Cpu cpu, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda,
                  const T* b, Index ldb, T beta, T* c, Index ldc, Index batch, Index stride_a, Index stride_b,
                  Index stride_c) {
  const bool rounded = bfloat16_allowed();  // the threads below do not know
  const auto one = [=](Index i) {
    const detail::Bfloat16Scope scope(rounded);
    gemm(cpu, trans_a, trans_b, m, n, k, alpha, a + i * stride_a, lda, b + i * stride_b, ldb, beta, c + i * stride_c,
         ldc);
  };
  if (batch < 2 * num_threads() && static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) > 1e6) {
    for (Index i = 0; i < batch; ++i) one(i);
    return;
  }
  const double work = std::max(1.0, static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
  parallel_for(batch, static_cast<Index>(65536.0 / work) + 1, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) one(i);
  });
}

}  // namespace GLIA_NS
