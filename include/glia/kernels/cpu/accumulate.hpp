#pragma once
// Building blocks of the CPU reductions: accumulator types, lane-wise row sums, per-channel sums in fixed chunks.

#include <glia/core/parallel.hpp>
#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/element.hpp>
#include <glia/kernels/cpu/line_vector.hpp>
#include <glia/kernels/cpu/stream.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

namespace GLIA_NS::detail {

// Type in which sums and products of T are held: double for floating types (including the 16-bit ones), 64-bit integers else.
template <class T>
using total_t = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;

// True for a floating NaN; false for every integer.
template <class T>
constexpr bool is_nan(T x) {
  if constexpr (std::is_integral_v<T>) {
    return false;
  } else {
    return x != x;
  }
}

// Identity of the maximum of T.
template <class T>
constexpr T lowest_or_minus_infinity() {
  if constexpr (std::numeric_limits<T>::has_infinity) {
    return -std::numeric_limits<T>::infinity();
  } else {
    return std::numeric_limits<T>::lowest();
  }
}

// Running sums side by side in one row: enough to fill two of the widest registers with floats.
inline constexpr Index lane_count = 32;

// Width of the groups that a tail is taken in: rows that are short, or a little longer than a multiple of the lanes, stay in vector
// registers, and a term is compiled three times only.
inline constexpr Index tail_width = 4;

// Joins lanes [Half, 2 Half) into [0, Half), the upper half of those into the lower, and so on down to `Last` lanes. The widths are
// constants, so that every step is a few instructions.
template <Index Half, Index Last, class A, class Join>
[[gnu::always_inline]] inline void join_halves(A* lanes, const Join& join) {
  GLIA_OMP(simd)
  for (Index l = 0; l < Half; ++l) lanes[l] = join(lanes[l], lanes[l + Half]);
  if constexpr (Half > Last) join_halves<Half / 2, Last>(lanes, join);
}

// Folds term(0) ... term(n-1) into `first`, which changes nothing, with lane-wise partial results, in an order that depends on n
// alone. The tail has lanes of its own: a narrow write into the wide ones would hold up the next wide read of them.
template <class A, class Term, class Join>
A lane_fold(Index n, A first, Term term, Join join) {
  A lanes[lane_count], tail[tail_width], rest = first;
  for (Index l = 0; l < lane_count; ++l) lanes[l] = first;
  for (Index l = 0; l < tail_width; ++l) tail[l] = first;
  Index i = 0;
  for (; i + lane_count <= n; i += lane_count) {
    GLIA_OMP(simd)
    for (Index l = 0; l < lane_count; ++l) lanes[l] = join(lanes[l], term(i + l));
  }
  for (; i + tail_width <= n; i += tail_width) {
    GLIA_OMP(simd)
    for (Index l = 0; l < tail_width; ++l) tail[l] = join(tail[l], term(i + l));
  }
  for (; i < n; ++i) rest = join(rest, term(i));
  join_halves<lane_count / 2, tail_width>(lanes, join);
  GLIA_OMP(simd)
  for (Index l = 0; l < tail_width; ++l) lanes[l] = join(lanes[l], tail[l]);
  join_halves<tail_width / 2, 1>(lanes, join);
  return join(lanes[0], rest);
}

// Calls body(i) for i in [0, n), in groups of fixed width down to single elements: for bodies that are expensive one by one
// (exp) on rows that are short. Calls must be independent of each other.
template <class Body>
void lane_for(Index n, Body body) {
  Index i = 0;
  for (; i + lane_count <= n; i += lane_count) {
    GLIA_OMP(simd)
    for (Index l = 0; l < lane_count; ++l) body(i + l);
  }
  for (; i + tail_width <= n; i += tail_width) {
    GLIA_OMP(simd)
    for (Index l = 0; l < tail_width; ++l) body(i + l);
  }
  for (; i < n; ++i) body(i);
}

template <class A>
struct Plus {
  constexpr A operator()(A a, A b) const { return static_cast<A>(a + b); }
};
// The larger (smaller) value; a NaN on either side wins.
template <class T>
struct MaxOrNan {
  constexpr T operator()(T a, T b) const { return ((b > a) | is_nan(b)) ? b : a; }
};
template <class T>
struct MinOrNan {
  constexpr T operator()(T a, T b) const { return ((b < a) | is_nan(b)) ? b : a; }
};

// Sum of term(i), i in [0, n): lanes of A within blocks of 4096 terms, blocks added in double.
template <class A, class Term>
double blocked_sum(Index n, Term term) {
  constexpr Index block = 4096;
  double total = 0;
  for (Index b = 0; b < n; b += block)
    total += static_cast<double>(
        lane_fold(std::min(block, n - b), A(0), [&](Index i) { return static_cast<A>(term(b + i)); }, Plus<A>{}));
  return total;
}

// [rows, channels] read as rows of `width` = channels * fold elements, so that inner loops stay long when there are few
// channels. The last wide row may be shorter; per-channel parameters are repeated `fold` times (see widen).
struct WideRows {
  Index channels, fold, width, elements, rows;

  WideRows(Index row_count, Index channel_count)
      : channels(channel_count),
        fold(channel_count <= 0 ? 1 : std::max<Index>(1, std::min<Index>(256 / channel_count, row_count))),
        width(channel_count * fold),
        elements(row_count * channel_count),
        rows(width > 0 ? (elements + width - 1) / width : 0) {}

  Index length(Index wide_row) const { return std::min(width, elements - wide_row * width); }

  // The per-channel values, repeated; `missing` everywhere if there are none.
  template <class T>
  LineVector<T> widen(const T* values, T missing = T(0)) const {
    LineVector<T> out(static_cast<std::size_t>(width), missing);
    if (values != nullptr)
      for (Index f = 0; f < fold; ++f) std::copy_n(values, channels, out.data() + f * channels);
    return out;
  }
};

// Wide rows whose sums are held in T before they are added to a double: at most 256, about 64 KB of data.
inline Index block_rows(const WideRows& wide) {
  return std::clamp<Index>(16384 / std::max<Index>(wide.width, 1), 8, 256);
}
// Wide rows per parallel chunk: whole blocks, at most 64 chunks whatever the thread count.
inline Index chunk_rows(const WideRows& wide, Index block) {
  const Index share = (wide.rows + 63) / 64;
  return std::max<Index>(1, (share + block - 1) / block) * block;
}

// S per-channel sums over all rows: out[s * channels + c] (double). add(begin, length, offset, sums) adds `length` elements that
// start at flat position `begin` to S rows of `offset`-spaced sums, element j to sums[s * offset + j]. With Together > 1 it is
// add(begin, length, rows, offset, sums): `rows` (a constant, Together or 1) such rows one behind the other, so that the sums are read
// and written once for all of them.
template <int S, class T, int Together = 1, class Add>
void channel_sums(Index row_count, Index channels, double* out, Add add) {
  std::fill_n(out, S * channels, 0.0);
  const WideRows wide(row_count, channels);
  if (wide.rows == 0) return;
  const Index block = block_rows(wide), chunk = chunk_rows(wide, block), chunks = chunk_count(wide.rows, chunk);
  std::vector<double> partial(static_cast<std::size_t>(chunks * S * channels), 0.0);
  parallel_chunks(wide.rows, chunk, [&](Index number, Index first, Index last) {
    LineVector<T> sums(static_cast<std::size_t>(S * wide.width));
    double* mine = partial.data() + number * S * channels;
    for (Index b = first; b < last; b += block) {
      std::fill(sums.begin(), sums.end(), T(0));
      const Index end = std::min(last, b + block);
      Index r = b;
      if constexpr (Together == 1) {
        for (; r < end; ++r) add(r * wide.width, wide.length(r), wide.width, sums.data());
      } else {
        for (; r + Together <= end && wide.length(r + Together - 1) == wide.width; r += Together)
          add(r * wide.width, wide.width, std::integral_constant<int, Together>{}, wide.width, sums.data());
        for (; r < end; ++r) add(r * wide.width, wide.length(r), std::integral_constant<int, 1>{}, wide.width, sums.data());
      }
      for (int s = 0; s < S; ++s)
        for (Index f = 0; f < wide.fold; ++f) {
          const T* from = sums.data() + s * wide.width + f * channels;
          double* to = mine + s * channels;
          for (Index c = 0; c < channels; ++c) to[c] += static_cast<double>(from[c]);
        }
    }
  });
  for (Index n = 0; n < chunks; ++n)
    for (Index i = 0; i < S * channels; ++i) out[i] += partial[static_cast<std::size_t>(n * S * channels + i)];
}

// Calls body(begin, length) for every wide row, in parallel. `stream`: the body writes past the caches (kernels/cpu/stream.hpp).
template <class Body>
void for_wide_rows(const WideRows& wide, Body body, bool stream = false) {
  const Index chunk = std::max<Index>(1, 16384 / std::max<Index>(wide.width, 1));
  parallel_chunks(wide.rows, chunk, [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) body(r * wide.width, wide.length(r));
    simd::stream_end(stream);
  });
}

}  // namespace GLIA_NS::detail
