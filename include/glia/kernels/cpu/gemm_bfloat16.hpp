#pragma once
// Products of matrices in bfloat16 with float sums, of bfloat16 or float operands. What they are packed from is left to
// functors, so that convolutions (kernels/cpu/conv_bfloat16.hpp) run through the same loops.

#include <glia/core/allow_bfloat16.hpp>
#include <glia/core/parallel.hpp>
#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/bfloat16_tile.hpp>
#include <glia/kernels/cpu/scratch.hpp>

namespace GLIA_NS::detail::bf16 {

// Two neighbouring elements at once.
typedef std::uint32_t Pair __attribute__((may_alias));

// Rounds `count` neighbouring elements.
inline void round_run(const float* from, Index count, bfloat16* to) {
#if defined(GLIA_AVX512_BFLOAT16)
  for (; count >= terms; count -= terms, from += terms, to += terms)
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + side), _mm512_loadu_ps(from)));
#endif
  for (Index i = 0; i < count; ++i) to[i] = bfloat16(from[i]);
}
inline void round_run(const bfloat16* from, Index count, bfloat16* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(bfloat16));
}

// The pairs (first[i], second[i]), rounded.
template <class S>
[[gnu::always_inline]] inline void round_pairs(const S* first, const S* second, Index count, Pair* to) {
  Index i = 0;
#if defined(GLIA_AVX512_BFLOAT16)
  typedef std::uint16_t Halves __attribute__((vector_size(32)));
  typedef std::uint32_t Words __attribute__((vector_size(64)));
  if constexpr (std::is_same_v<S, float>)
    for (; i + side <= count; i += side) {
      const auto low = (Halves)_mm512_cvtneps_pbh(_mm512_loadu_ps(first + i));
      const auto high = (Halves)_mm512_cvtneps_pbh(_mm512_loadu_ps(second + i));
      const Words both = __builtin_convertvector(low, Words) | __builtin_convertvector(high, Words) << 16;
      std::memcpy(to + i, &both, sizeof(both));
    }
#endif
  for (; i < count; ++i)
    to[i] = bfloat16(static_cast<float>(first[i])).bits |
            static_cast<std::uint32_t>(bfloat16(static_cast<float>(second[i])).bits) << 16;
}

// Where terms [k, k + 32) of row r of a packed panel of rows start.
inline bfloat16* row_terms(bfloat16* packed, Index k, Index r) {
  return packed + (k / terms * 2 + r / side) * block + r % side * terms;
}
// Where columns [c, c + 16), from a half's first on, of the pair of terms (k, k + 1) lie in a packed panel of columns.
inline Pair* column_pairs(bfloat16* packed, Index k, Index c) {
  return reinterpret_cast<Pair*>(packed + (k / terms * 2 + c / side) * block + k % terms / 2 * panel) + c % side;
}

// Packs panels of rows of a matrix [m, k], or of its transpose [k, m].
template <class S>
struct MatrixRows {
  const S* data;
  Index stride;
  bool transposed;
  Index m;

  // Rows [row, row + 32), terms [k0, k0 + kc); zeros where there is nothing.
  void operator()(Index row, Index k0, Index kc, bfloat16* out) const {
    const Index rows = std::min(panel, m - row);
    if (rows < panel || kc % terms != 0) std::fill_n(out, panel_size(kc), bfloat16::from_bits(0));
    if (!transposed) {
      for (Index r = 0; r < rows; ++r)
        for (Index k = 0; k < kc; k += terms)
          round_run(data + (row + r) * stride + k0 + k, std::min(terms, kc - k), row_terms(out, k, r));
      return;
    }
    static constexpr S nothing[panel] = {};
    Pair pairs[terms / 2][panel];
    for (Index k = 0; k < kc; k += terms) {
      for (Index p = 0; p < terms / 2; ++p) {
        const S* const from = data + (k0 + k + 2 * p) * stride + row;
        round_pairs(k + 2 * p < kc ? from : nothing, k + 2 * p + 1 < kc ? from + stride : nothing, rows, pairs[p]);
      }
      for (Index r = 0; r < rows; ++r) {
        std::uint32_t line[terms / 2];
        for (Index p = 0; p < terms / 2; ++p) line[p] = pairs[p][r];
        std::memcpy(row_terms(out, k, r), line, sizeof(line));
      }
    }
  }
};

// Packs panels of columns of a matrix [k, n], or of its transpose [n, k].
template <class S>
struct MatrixColumns {
  const S* data;
  Index stride;
  bool transposed;
  Index n;

  void operator()(Index col, Index k0, Index kc, bfloat16* out) const {
    std::fill_n(out, panel_size(kc), bfloat16::from_bits(0));
    const Index cols = std::min(panel, n - col);
    static constexpr S nothing[panel] = {};
    if (!transposed) {
      for (Index k = 0; k < kc; k += 2)
        for (Index c = 0; c < cols; c += side) {
          const S* const from = data + (k0 + k) * stride + col + c;
          round_pairs(from, k + 1 < kc ? from + stride : nothing, std::min(side, cols - c), column_pairs(out, k, c));
        }
      return;
    }
    for (Index k = 0; k < kc; k += terms)
      for (Index c = 0; c < cols; ++c) {
        bfloat16 line[terms] = {};
        std::uint32_t words[terms / 2];
        round_run(data + (col + c) * stride + k0 + k, std::min(terms, kc - k), line);
        std::memcpy(words, line, sizeof(words));
        Pair* const to = column_pairs(out, k, c);
        for (Index p = 0; p < terms / 2; ++p) to[p * side] = words[p];
      }
  }
};

// Terms that are packed at a time, and columns that all rows pass by before the next ones: panels stay in the second
// cache.
inline constexpr Index depth = 1024, columns = 640;

// out[i * ld + j] = bias[j] (or 0) + sum over k terms of rows(i) * columns(j). Bitwise the same at any thread count;
// another unit rounds differently.
template <class Rows, class Columns>
void product(Index m, Index n, Index k, const Rows& pack_rows, const Columns& pack_columns, Unit unit, const float* bias,
             float* out, Index ld) {
  const Index row_panels = chunk_count(m, panel);
  for (Index k0 = 0; k0 == 0 || k0 < k; k0 += depth) {
    const Index kc = std::min(depth, k - k0), size = panel_size(kc), steps = chunk_count(kc, terms);
    for (Index col0 = 0; col0 < n; col0 += columns) {
      const Index col_panels = chunk_count(std::min(columns, n - col0), panel);
      bfloat16* const b = scratch<bfloat16>(Scratch::gemm_shared, col_panels * size + 1);
      parallel_for(col_panels, 1 + 65536 / (size + 1), [&](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) pack_columns(col0 + j * panel, k0, kc, b + j * size);
      });
      const Index threads = in_parallel() ? 1 : num_threads();
      const Index parts = row_panels >= 4 * threads ? 1 : std::min(threads, col_panels);
      parallel_for(row_panels * parts, 1 + 16 / (col_panels * (steps + 1)), [&](Index begin, Index end) {
        const MatrixUnit configured(unit);
        bfloat16* const a = scratch<bfloat16>(Scratch::gemm_a, size + 1);
        alignas(64) float sums[panel * panel];
        Index packed = -1;
        for (Index task = begin; task < end; ++task) {
          const Index i = task / parts, part = task % parts, row = i * panel, rows = std::min(panel, m - row);
          if (packed != i) pack_rows(row, k0, kc, a);
          packed = i;
          for (Index j = col_panels * part / parts; j < col_panels * (part + 1) / parts; ++j) {
            const Index col = col0 + j * panel, cols = std::min(panel, n - col);
            if (rows == panel && cols == panel && k0 == 0 && bias == nullptr) {
              tile(unit, steps, a, b + j * size, out + row * ld + col, ld);
              continue;
            }
            tile(unit, steps, a, b + j * size, sums, panel);
            for (Index r = 0; r < rows; ++r) {
              float* const to = out + (row + r) * ld + col;
              const float* const from = sums + r * panel;
              if (k0 > 0)
                for (Index c = 0; c < cols; ++c) to[c] += from[c];
              else if (bias != nullptr)
                for (Index c = 0; c < cols; ++c) to[c] = from[c] + bias[col + c];
              else
                std::copy_n(from, cols, to);
            }
          }
        }
      });
    }
  }
}

// Whether a product of float matrices is faster this way, where a scope allows it: packing is to be paid back.
inline bool worthwhile(Index m, Index n, Index k) {
  return bfloat16_allowed() && best_unit() == Unit::matrix && m >= 2 * panel && n >= panel && k >= 2 * terms;
}

}  // namespace GLIA_NS::detail::bf16

namespace GLIA_NS {

// C = alpha * op(A) op(B) + beta * C as gemm (kernels/cpu/gemm.hpp), with operands rounded to bfloat16 and sums in float;
// a bfloat16 result is rounded once.
template <class S>
void gemm_bfloat16(Cpu, bool trans_a, bool trans_b, Index m, Index n, Index k, S alpha, const S* a, Index lda, const S* b,
                   Index ldb, S beta, S* c, Index ldc) {
  namespace bf16 = detail::bf16;
  if (m == 0 || n == 0) return;
  const float factor = static_cast<float>(alpha), keep = static_cast<float>(beta);
  const bf16::MatrixRows<S> rows{a, lda, trans_a, m};
  const bf16::MatrixColumns<S> columns{b, ldb, trans_b, n};
  if constexpr (std::is_same_v<S, float>)
    if (factor == 1.0f && keep == 0.0f)
      return bf16::product(m, n, k, rows, columns, bf16::best_unit(), nullptr, c, ldc);
  float* const sums = scratch<float>(Scratch::gemm_result, m * n);
  bf16::product(m, n, k, rows, columns, bf16::best_unit(), nullptr, sums, n);
  parallel_for(m, 1 + 16384 / n, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      for (Index j = 0; j < n; ++j) {
        const float value = factor * sums[i * n + j];
        c[i * ldc + j] = S(keep == 0.0f ? value : value + keep * static_cast<float>(c[i * ldc + j]));
      }
  });
}

}  // namespace GLIA_NS
