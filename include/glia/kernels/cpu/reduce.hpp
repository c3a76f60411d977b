#pragma once
// Reductions over the middle axis of a contiguous [outer, n, inner] array. Results do not depend on the thread count: the axis
// is cut into fixed chunks, and floating sums and products are held in double.

#include <glia/kernels/cpu/accumulate.hpp>

namespace GLIA_NS {

namespace detail {

// A reduction is a fold of map(x) over `Total` with `join`, from `identity`, and a last step finish(total, n).
template <class T>
struct SumReduction {
  using Total = total_t<T>;
  static constexpr Total identity() { return 0; }
  static constexpr Total map(T x) { return static_cast<Total>(x); }
  static constexpr Total join(Total a, Total b) { return a + b; }
  static Total finish(Total total, Index) { return total; }
};
template <class T>
struct MeanReduction : SumReduction<T> {
  using typename SumReduction<T>::Total;
  static Total finish(Total total, Index n) { return total / static_cast<Total>(n); }
};
template <class T>
struct ProductReduction {
  using Total = total_t<T>;
  static constexpr Total identity() { return 1; }
  static constexpr Total map(T x) { return static_cast<Total>(x); }
  static constexpr Total join(Total a, Total b) { return a * b; }
  static Total finish(Total total, Index) { return total; }
};
template <class T>
struct Norm2Reduction {
  using Total = double;
  static constexpr Total identity() { return 0; }
  static constexpr Total map(T x) { return static_cast<Total>(x) * static_cast<Total>(x); }
  static constexpr Total join(Total a, Total b) { return a + b; }
  static Total finish(Total total, Index) { return std::sqrt(total); }
};
template <class T, bool Max>
struct ExtremeReduction {
  using Total = T;
  static constexpr Total identity() {
    if constexpr (std::numeric_limits<T>::has_infinity) {
      return Max ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    } else {
      return Max ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
    }
  }
  static constexpr Total map(T x) { return x; }
  static constexpr Total join(Total a, Total b) {
    if constexpr (Max) return MaxOrNan<T>{}(a, b);
    else return MinOrNan<T>{}(a, b);
  }
  static Total finish(Total total, Index) { return total; }
};
template <class T, bool Any>
struct TruthReduction {
  using Total = int;
  static constexpr Total identity() { return Any ? 0 : 1; }
  static constexpr Total map(T x) { return x != T(0) ? 1 : 0; }
  static constexpr Total join(Total a, Total b) { return Any ? (a | b) : (a & b); }
  static Total finish(Total total, Index) { return total; }
};

// Folds `rows` rows of `width` neighbouring results into totals[width], four rows at a time, so that the totals are read
// and written a quarter as often.
template <class R, class T>
void fold_rows(const T* x, Index rows, Index stride, Index width, typename R::Total* totals) {
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const T *a = x + r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
    GLIA_OMP(simd)
    for (Index j = 0; j < width; ++j)  // in this order: a product that overflows depends on it
      totals[j] = R::join(R::join(R::join(R::join(totals[j], R::map(a[j])), R::map(b[j])), R::map(c[j])), R::map(d[j]));
  }
  for (; r < rows; ++r) {
    const T* in = x + r * stride;
    GLIA_OMP(simd)
    for (Index j = 0; j < width; ++j) totals[j] = R::join(totals[j], R::map(in[j]));
  }
}

template <class R, class T>
typename R::Total fold_row(const T* x, Index n) {
  using A = typename R::Total;
  return lane_fold(n, R::identity(), [x](Index i) { return R::map(x[i]); }, [](A a, A b) { return R::join(a, b); });
}

// One job of the generic driver: a slice of the reduced axis and of the inner axis of one outer row.
template <class R, class T, class Out>
void reduce_middle(const T* x, Index outer, Index n, Index inner, Out* y) {
  using A = typename R::Total;
  const Index results = outer * inner;
  if (results == 0) return;
  constexpr Index strip = 512;  // neighbouring results folded together
  const Index strips = chunk_count(inner, strip);
  const Index width = std::min(inner, strip);
  // Cut the reduced axis only where there are too few results to share out; the cut depends on the extents alone.
  const Index chunk = outer * strips >= 64 ? std::max<Index>(n, 1) : std::max<Index>(1, 65536 / width);
  const Index chunks = std::max<Index>(1, chunk_count(n, chunk));
  const auto job = [&](Index o, Index s, Index k, A* totals) {
    const Index begin = k * chunk, count = std::min(n, begin + chunk) - begin;
    const Index column = s * strip, columns = std::min(inner, column + strip) - column;
    const T* in = x + (o * n + begin) * inner + column;
    if (inner == 1) {
      totals[0] = fold_row<R>(in, count);
    } else {
      std::fill_n(totals, columns, R::identity());
      fold_rows<R>(in, count, inner, columns, totals);
    }
  };
  const Index grain = std::max<Index>(1, 16384 / std::max<Index>(1, std::min(n, chunk) * width));
  if (chunks == 1) {
    parallel_chunks(outer * strips, grain, [&](Index, Index first, Index last) {
      A totals[strip];
      for (Index i = first; i < last; ++i) {
        job(i / strips, i % strips, 0, totals);
        const Index column = (i % strips) * strip, columns = std::min(inner, column + strip) - column;
        for (Index j = 0; j < columns; ++j) y[(i / strips) * inner + column + j] = static_cast<Out>(R::finish(totals[j], n));
      }
    });
    return;
  }
  std::vector<A> partial(static_cast<std::size_t>(results * chunks));
  parallel_chunks(outer * strips * chunks, 1, [&](Index i, Index, Index) {
    const Index k = i % chunks, s = (i / chunks) % strips, o = i / chunks / strips;
    job(o, s, k, partial.data() + (k * outer + o) * inner + s * strip);
  });
  for (Index i = 0; i < results; ++i) {
    A total = partial[static_cast<std::size_t>(i)];
    for (Index k = 1; k < chunks; ++k) total = R::join(total, partial[static_cast<std::size_t>(k * results + i)]);
    y[i] = static_cast<Out>(R::finish(total, n));
  }
}

}  // namespace detail

// y[o, i] = sum over k of x[o, k, i]; likewise below. Integers are summed in 64 bits.
template <class T, class Out>
void reduce_sum(Cpu, const T* x, Index outer, Index n, Index inner, Out* y) {
  detail::reduce_middle<detail::SumReduction<T>>(x, outer, n, inner, y);
}
// Arithmetic mean; n == 0 gives NaN. Floating types only.
template <class T, class Out>
void reduce_mean(Cpu, const T* x, Index outer, Index n, Index inner, Out* y) {
  detail::reduce_middle<detail::MeanReduction<T>>(x, outer, n, inner, y);
}
template <class T, class Out>
void reduce_prod(Cpu, const T* x, Index outer, Index n, Index inner, Out* y) {
  detail::reduce_middle<detail::ProductReduction<T>>(x, outer, n, inner, y);
}
// Euclidean norm, squares in double.
template <class T, class Out>
void reduce_norm2(Cpu, const T* x, Index outer, Index n, Index inner, Out* y) {
  detail::reduce_middle<detail::Norm2Reduction<T>>(x, outer, n, inner, y);
}
// Largest (smallest) value; any NaN gives NaN. n >= 1.
template <class T>
void reduce_max(Cpu, const T* x, Index outer, Index n, Index inner, T* y) {
  detail::reduce_middle<detail::ExtremeReduction<T, true>>(x, outer, n, inner, y);
}
template <class T>
void reduce_min(Cpu, const T* x, Index outer, Index n, Index inner, T* y) {
  detail::reduce_middle<detail::ExtremeReduction<T, false>>(x, outer, n, inner, y);
}
// Whether any (every) value is not zero.
template <class T>
void reduce_any(Cpu, const T* x, Index outer, Index n, Index inner, bool* y) {
  detail::reduce_middle<detail::TruthReduction<T, true>>(x, outer, n, inner, y);
}
template <class T>
void reduce_all(Cpu, const T* x, Index outer, Index n, Index inner, bool* y) {
  detail::reduce_middle<detail::TruthReduction<T, false>>(x, outer, n, inner, y);
}

namespace detail {

// Position of the first extreme value along the middle axis; the first NaN wins over every number.
template <bool Max, class T>
void arg_extreme(const T* x, Index outer, Index n, Index inner, std::int64_t* y) {
  using R = ExtremeReduction<T, Max>;
  constexpr Index strip = 256;
  const Index strips = chunk_count(inner, strip);
  const Index grain = std::max<Index>(1, 16384 / std::max<Index>(1, n * std::min(inner, strip)));
  parallel_chunks(outer * strips, grain, [&](Index, Index first, Index last) {
    T best[strip];
    for (Index job = first; job < last; ++job) {
      const Index o = job / strips, column = (job % strips) * strip, columns = std::min(inner, column + strip) - column;
      const T* in = x + o * n * inner + column;
      std::int64_t* where = y + o * inner + column;
      if (inner == 1) {
        const T top = fold_row<R>(in, n);
        Index k = 0;
        while (k + 1 < n && !(in[k] == top || is_nan(in[k]))) ++k;
        where[0] = k;
        continue;
      }
      for (Index j = 0; j < columns; ++j) {
        best[j] = in[j];
        where[j] = 0;
      }
      for (Index k = 1; k < n; ++k) {
        const T* row = in + k * inner;
        GLIA_OMP(simd)
        for (Index j = 0; j < columns; ++j) {
          const bool better = (Max ? row[j] > best[j] : row[j] < best[j]) || (is_nan(row[j]) && !is_nan(best[j]));
          where[j] = better ? k : where[j];
          best[j] = better ? row[j] : best[j];
        }
      }
    }
  });
}

}  // namespace detail

// Position of the largest (smallest) value along the middle axis, the first of equals; a NaN counts as the extreme. n >= 1.
template <class T>
void reduce_argmax(Cpu, const T* x, Index outer, Index n, Index inner, std::int64_t* y) {
  detail::arg_extreme<true>(x, outer, n, inner, y);
}
template <class T>
void reduce_argmin(Cpu, const T* x, Index outer, Index n, Index inner, std::int64_t* y) {
  detail::arg_extreme<false>(x, outer, n, inner, y);
}

}  // namespace GLIA_NS
