#pragma once
// Register tiles and packing that matrix products and direct convolutions share. Blocking after Goto and van de Geijn
// (2008).

#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>
#include <type_traits>

namespace GLIA_NS::detail {

// Register tile: `rows` rows of one or two vectors. With 16 vector registers 6 x 2 sums leave room for two vectors of B
// and one broadcast element of A; with 32 registers the row pointers are what is scarce.
template <class T>
struct GemmShape {
  static constexpr int lanes = simd::lanes<T>;
  static constexpr int rows = config::vector_bytes == 64 ? 8 : 6;
  static constexpr int cols = 2 * lanes;
  static constexpr Index depth = 256;  // terms of the inner sum taken in one go: a panel of B fits into the first cache
  static constexpr Index block = 16 * rows;  // rows of A that pass by one panel of B
};

// Vectors in a panel of `cols` columns, and its width in elements.
template <class T>
constexpr int panel_vectors(Index cols) {
  return cols <= GemmShape<T>::lanes ? 1 : 2;
}
template <class T>
constexpr Index panel_width(Index cols) {
  return panel_vectors<T>(cols) * GemmShape<T>::lanes;
}

// What a tile of sums becomes: c = alpha * sum + bias + beta * c; bias has one value per column or is null.
template <class T>
struct TileEnd {
  T alpha{1}, beta{0};
  const T* bias = nullptr;
};

template <class T, int NV>
[[gnu::always_inline]] inline void finish_tile(simd::Vec<T> (&sum)[GemmShape<T>::rows][NV], T* const* c,
                                               const TileEnd<T>& end) {
  constexpr int R = GemmShape<T>::rows, L = GemmShape<T>::lanes;
  const T alpha = end.alpha, beta = end.beta;
  if (alpha != T{1})
    simd::unroll<R>(
        [&](auto r) GLIA_INLINE_LAMBDA { simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] *= alpha; }); });
  if (end.bias != nullptr)
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA {
      const simd::Vec<T> shift = simd::load(end.bias + j * L);
      simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA { sum[r][j] += shift; });
    });
  if (beta != T{0})
    simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += beta * simd::load(c[r] + j * L); });
    });
  simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { simd::store(c[r] + j * L, sum[r][j]); });
  });
}

// A tile whose rows of A are read where they lie: row r, segment s, term q at a[r] + offsets[s] + q. B is a packed
// panel, segment after segment.
template <class T, int NV>
[[gnu::noinline]] void tile_by_rows(const T* const* a, const Index* offsets, Index segments, Index length,
                                    const T* __restrict b, T* const* c, const TileEnd<T>& end) {
  constexpr int R = GemmShape<T>::rows, L = GemmShape<T>::lanes;
  simd::Vec<T> sum[R][NV] = {};
  for (Index s = 0; s < segments; ++s) {
    const T* row[R];
    simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA { row[r] = a[r] + offsets[s]; });
    for (Index q = 0; q < length; ++q, b += NV * L) {
      simd::Vec<T> bv[NV];
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { bv[j] = simd::load(b + j * L); });
      simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
        const T x = row[r][q];
        simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += x * bv[j]; });
      });
    }
  }
  finish_tile<T, NV>(sum, c, end);
}

// Three nested runs over the terms of a sum, and how far both operands move at each.
struct DepthWalk {
  Index length = 0, segments = 1, images = 1;
  Index a_step = 0, a_segment = 0, a_image = 0;
  Index b_step = 0, b_segment = 0, b_image = 0;
  // Memory asked for in passing, for later: one address per term, in bytes; the segments follow one another.
  const char* ahead = nullptr;
  Index ahead_step = 0, ahead_segment = 0;

  // Runs that follow one another become one.
  void merge() {
    if (a_segment == length * a_step && b_segment == length * b_step) length *= segments, segments = 1;
    if (segments == 1 && a_image == length * a_step && b_image == length * b_step) length *= images, images = 1;
  }
};

// A tile whose rows are neighbours in memory: row r of a term lies at a + r, the columns at b.
template <class T, int NV, bool Ahead = false>
[[gnu::noinline]] void tile_by_terms(const DepthWalk& walk, const T* a, const T* b, T* const* c,
                                     const TileEnd<T>& end) {
  constexpr int R = GemmShape<T>::rows, L = GemmShape<T>::lanes;
  simd::Vec<T> sum[R][NV] = {};
  const Index length = walk.length, a_step = walk.a_step, b_step = walk.b_step;
  for (Index i = 0; i < walk.images; ++i)
    for (Index s = 0; s < walk.segments; ++s) {
      const T* x = a + i * walk.a_image + s * walk.a_segment;
      const T* y = b + i * walk.b_image + s * walk.b_segment;
      const char* next = walk.ahead + s * walk.ahead_segment;
      for (Index q = 0; q < length; ++q, x += a_step, y += b_step) {
        if constexpr (Ahead) __builtin_prefetch(next, 0, 2), next += walk.ahead_step;
        simd::Vec<T> bv[NV];
        simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { bv[j] = simd::load(y + j * L); });
        simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
          const T t = x[r];
          simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += t * bv[j]; });
        });
      }
    }
  finish_tile<T, NV>(sum, c, end);
}

// Calls run(c, end) for a tile of which only `rows` rows and `cols` columns exist: what sticks out goes to a side
// buffer. All elements take the same arithmetic either way.
template <class T, class Run>
[[gnu::always_inline]] inline void bounded_tile(T* const* c, Index rows, Index cols, const TileEnd<T>& end,
                                                const Run& run) {
  using S = GemmShape<T>;
  const Index width = panel_width<T>(cols);
  if (rows == S::rows && cols == width) {
    run(c, end);
    return;
  }
  alignas(64) T side[S::rows * S::cols] = {};
  T bias[S::cols] = {};
  T* to[S::rows];
  for (Index r = 0; r < S::rows; ++r) to[r] = side + r * width;
  TileEnd<T> inner = end;
  if (end.bias != nullptr) {
    std::copy_n(end.bias, cols, bias);
    inner.bias = bias;
  }
  if (end.beta != T{0})
    for (Index r = 0; r < rows; ++r) std::copy_n(c[r], cols, to[r]);
  run(to, inner);
  for (Index r = 0; r < rows; ++r) std::copy_n(to[r], cols, c[r]);
}

// Copies a few elements without a call.
template <class T>
[[gnu::always_inline]] inline void copy_run(const T* from, Index count, T* to) {
  constexpr Index L = simd::lanes<T>;
  for (; count >= L; count -= L, from += L, to += L) simd::store(to, simd::load(from));
  for (; count > 0; --count) *to++ = *from++;
}

template <class T>
[[gnu::always_inline]] inline void clear_run(T* to, Index count) {
  constexpr Index L = simd::lanes<T>;
  for (; count >= L; count -= L, to += L) simd::store(to, simd::Vec<T>{});
  for (; count > 0; --count) *to++ = T{0};
}

// Columns [col, col + cols) of a matrix [k, n] as a panel of B: panel[term * width + column], filled up with zeros.
template <class T>
[[gnu::noinline]] void pack_columns(const T* matrix, Index ld, T* panel, Index col, Index cols, Index k0, Index kc) {
  const Index width = panel_width<T>(cols);
  const T* from = matrix + k0 * ld + col;
  for (Index k = 0; k < kc; ++k, from += ld, panel += width) {
    copy_run(from, cols, panel);
    clear_run(panel + cols, width - cols);
  }
}

// A matrix [k, cols] as panels of B, one after another; the matrix is read row by row.
template <class T>
[[gnu::noinline]] void pack_panels(const T* matrix, Index ld, Index cols, Index k, T* panels) {
  constexpr Index C = GemmShape<T>::cols, L = GemmShape<T>::lanes;
  const Index whole = cols / C * C, width = panel_width<T>(cols - whole);
  for (Index q = 0; q < k; ++q, matrix += ld) {
    T* to = panels + q * C;
    for (Index j = 0; j < whole; j += C, to += k * C) {
      simd::store(to, simd::load(matrix + j));
      simd::store(to + L, simd::load(matrix + j + L));
    }
    if (whole == cols) continue;
    T* const last = panels + whole * k + q * width;
    copy_run(matrix + whole, cols - whole, last);
    clear_run(last + cols - whole, width - (cols - whole));
  }
}

// Columns [col, col + cols) of the transpose of a matrix [n, k] as a panel of B.
template <class T>
[[gnu::noinline]] void pack_columns_transposed(const T* matrix, Index ld, T* panel, Index col, Index cols, Index k0,
                                               Index kc) {
  // Whole cache lines of a few rows at a time: rows that lie a power of two apart share one set of the cache.
  constexpr Index terms = 16, few = 4;
  const Index width = panel_width<T>(cols);
  const T* const base = matrix + col * ld + k0;
  for (Index k = 0; k < kc; k += terms) {
    const Index end = std::min(kc, k + terms);
    Index j = 0;
    for (; j + few <= cols; j += few) {
      const T *r0 = base + j * ld, *r1 = r0 + ld, *r2 = r1 + ld, *r3 = r2 + ld;
      T* to = panel + k * width + j;
      for (Index q = k; q < end; ++q, to += width) to[0] = r0[q], to[1] = r1[q], to[2] = r2[q], to[3] = r3[q];
    }
    for (; j < cols; ++j)
      for (Index q = k; q < end; ++q) panel[q * width + j] = base[j * ld + q];
    for (Index q = k; q < end && cols < width; ++q) clear_run(panel + q * width + cols, width - cols);
  }
}

// Rows [row, row + rows) of the transpose of a matrix [k, m]: panel[term * GemmShape::rows + row], filled up with
// zeros.
template <class T>
[[gnu::noinline]] void pack_rows_transposed(const T* matrix, Index ld, Index m, T* panel, Index row, Index rows,
                                            Index k0, Index kc) {
  constexpr int R = GemmShape<T>::rows, L = simd::lanes<T>;
  const T* from = matrix + k0 * ld + row;
  if (L >= R && row + L <= m) {  // whole vectors: the surplus is overwritten by the next term
    for (Index k = 0; k < kc; ++k, from += ld, panel += R) simd::store(panel, simd::load(from));
  } else {
    for (Index k = 0; k < kc; ++k, from += ld, panel += R) {
      copy_run(from, rows, panel);
      for (Index r = rows; r < R; ++r) panel[r] = T{0};
    }
  }
}

}  // namespace GLIA_NS::detail
