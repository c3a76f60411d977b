#pragma once
// Softmax, log-softmax and log-sum-exp along the middle axis of a contiguous [outer, n, inner] array.

#include <glia/core/math.hpp>
#include <glia/kernels/cpu/accumulate.hpp>

namespace GLIA_NS {

namespace detail {

// Rows of n elements that a thread takes at once: some 8,192 elements, which stay in the nearest caches.
inline Index softmax_grain(Index n) { return std::max<Index>(1, 8192 / std::max<Index>(1, n)); }

// Calls rows(first, last) for inner == 1, else strip(first element, columns) for strips of at most 256 neighbouring columns.
inline constexpr Index softmax_strip = 256;
template <class Rows, class Strip>
void for_softmax_rows(Index outer, Index n, Index inner, Rows rows, Strip strip) {
  const Index strips = chunk_count(inner, softmax_strip);
  const Index grain = softmax_grain(n * std::min(inner, softmax_strip));
  parallel_chunks(outer * strips, grain, [&](Index, Index first, Index last) {
    if (inner == 1) return rows(first, last);
    for (Index job = first; job < last; ++job) {
      const Index column = (job % strips) * softmax_strip;
      strip((job / strips) * n * inner + column, std::min(softmax_strip, inner - column), (job / strips) * inner + column);
    }
  });
}

// The largest of a row, NaN not counted: what is subtracted before exp, which lets a NaN through by itself.
template <class T>
T row_max(const T* x, Index n) {
  return lane_fold(n, -std::numeric_limits<T>::infinity(), [x](Index i) { return x[i]; }, [](T a, T b) { return b > a ? b : a; });
}
// The value subtracted before exp: the maximum, or 0 where that is infinite, so that the sum stays a number.
template <class T>
T finite_or_zero(T m) {
  return math::abs(m) == std::numeric_limits<T>::infinity() ? T(0) : m;
}

// Calls group(first row, rows, shift, sum) for small groups of the rows [first, last), with room for one sum per row and what is
// to be subtracted from it before exp. The rows of a group take each step together: the steps of one row wait for each
// other, those of different rows do not.
template <class T, class Group>
void for_row_groups(const T* x, Index first, Index last, Index n, Group group) {
  constexpr Index most = 16;
  const Index rows = std::clamp<Index>(4096 / std::max<Index>(1, n), 1, most);
  T shift[most];
  double sum[most];
  for (Index r = first; r < last; r += rows) {
    const Index count = std::min(rows, last - r);
    for (Index k = 0; k < count; ++k) shift[k] = finite_or_zero(row_max(x + (r + k) * n, n));
    group(r, count, shift, sum);
  }
}

// lse[k] = log(sum[k]) + shift[k]
template <class T>
void log_sums(const T* shift, const double* sum, Index count, T* lse) {
  GLIA_OMP(simd)
  for (Index k = 0; k < count; ++k) lse[k] = static_cast<T>(math::log(sum[k])) + shift[k];
}

// lse[r] = log(sum of exp(x[r, i])) for rows [first, last).
template <class T>
void logsumexp_rows(const T* x, Index first, Index last, Index n, T* lse) {
  for_row_groups(x, first, last, n, [=](Index r, Index count, const T* shift, double* sum) {
    for (Index k = 0; k < count; ++k)
      sum[k] = blocked_sum<T>(n, [in = x + (r + k) * n, top = shift[k]](Index i) { return math::exp_flushed(in[i] - top); });
    log_sums(shift, sum, count, lse + r);
  });
}

}  // namespace detail

// y = exp(x - max) / sum exp(x - max). A row of -infinity gives NaN. y may be x.
template <class T>
void softmax_forward(Cpu, const T* x, Index outer, Index n, Index inner, T* y) {
  detail::for_softmax_rows(
      outer, n, inner,
      [=](Index first, Index last) {
        for (Index r = first; r < last; ++r) {
          const T* in = x + r * n;
          T* out = y + r * n;
          const T top = detail::row_max(in, n);
          detail::lane_for(n, [=](Index i) { out[i] = math::exp(in[i] - top); });
          const T scale = static_cast<T>(1.0 / detail::blocked_sum<T>(n, [out](Index i) { return out[i]; }));
          GLIA_OMP(simd)
          for (Index i = 0; i < n; ++i) out[i] *= scale;
        }
      },
      [=](Index first, Index columns, Index) {
        T top[detail::softmax_strip];
        double sum[detail::softmax_strip];
        std::fill_n(top, columns, -std::numeric_limits<T>::infinity());
        std::fill_n(sum, columns, 0.0);
        for (Index k = 0; k < n; ++k) {
          const T* in = x + first + k * inner;
          GLIA_OMP(simd)
          for (Index j = 0; j < columns; ++j) top[j] = detail::MaxOrNan<T>{}(top[j], in[j]);
        }
        for (Index k = 0; k < n; ++k) {
          const T* in = x + first + k * inner;
          T* out = y + first + k * inner;
          GLIA_OMP(simd)
          for (Index j = 0; j < columns; ++j) out[j] = math::exp(in[j] - top[j]);
          for (Index j = 0; j < columns; ++j) sum[j] += static_cast<double>(out[j]);
        }
        for (Index j = 0; j < columns; ++j) top[j] = static_cast<T>(1.0 / sum[j]);
        for (Index k = 0; k < n; ++k) {
          T* out = y + first + k * inner;
          GLIA_OMP(simd)
          for (Index j = 0; j < columns; ++j) out[j] *= top[j];
        }
      });
}

// dx = y * (dy - sum(dy * y)), with y the output of softmax_forward. dx may be dy.
template <class T>
void softmax_backward(Cpu, const T* dy, const T* y, Index outer, Index n, Index inner, T* dx) {
  detail::for_softmax_rows(
      outer, n, inner,
      [=](Index first, Index last) {
        for (Index r = first; r < last; ++r) {
          const T *g = dy + r * n, *p = y + r * n;
          T* out = dx + r * n;
          const T dot = static_cast<T>(detail::blocked_sum<T>(n, [=](Index i) { return g[i] * p[i]; }));
          GLIA_OMP(simd)
          for (Index i = 0; i < n; ++i) out[i] = p[i] * (g[i] - dot);
        }
      },
      [=](Index first, Index columns, Index) {
        double dot[detail::softmax_strip];
        std::fill_n(dot, columns, 0.0);
        for (Index k = 0; k < n; ++k)
          for (Index j = 0, i = first + k * inner; j < columns; ++j, ++i) dot[j] += static_cast<double>(dy[i] * y[i]);
        for (Index k = 0; k < n; ++k)
          for (Index j = 0, i = first + k * inner; j < columns; ++j, ++i) dx[i] = y[i] * (dy[i] - static_cast<T>(dot[j]));
      });
}

// lse[o, i] = log(sum over k of exp(x[o, k, i])); -infinity for n == 0 or a row of -infinity.
template <class T>
void logsumexp_forward(Cpu, const T* x, Index outer, Index n, Index inner, T* lse) {
  detail::for_softmax_rows(
      outer, n, inner,
      [=](Index first, Index last) { detail::logsumexp_rows(x, first, last, n, lse); },
      [=](Index first, Index columns, Index result) {
        T top[detail::softmax_strip];
        double sum[detail::softmax_strip];
        std::fill_n(top, columns, -std::numeric_limits<T>::infinity());
        std::fill_n(sum, columns, 0.0);
        for (Index k = 0; k < n; ++k) {
          const T* in = x + first + k * inner;
          GLIA_OMP(simd)
          for (Index j = 0; j < columns; ++j) top[j] = detail::MaxOrNan<T>{}(top[j], in[j]);
        }
        for (Index j = 0; j < columns; ++j) top[j] = detail::finite_or_zero(top[j]);
        for (Index k = 0; k < n; ++k) {
          const T* in = x + first + k * inner;
          GLIA_OMP(simd)
          for (Index j = 0; j < columns; ++j) sum[j] += static_cast<double>(math::exp(in[j] - top[j]));
        }
        for (Index j = 0; j < columns; ++j) lse[result + j] = static_cast<T>(std::log(sum[j])) + top[j];
      });
}

// y = x - logsumexp(x). y may be x.
template <class T>
void log_softmax_forward(Cpu, const T* x, Index outer, Index n, Index inner, T* y) {
  std::vector<T> lse(static_cast<std::size_t>(outer * inner));
  logsumexp_forward(Cpu{}, x, outer, n, inner, lse.data());
  const T* shift = lse.data();
  detail::for_softmax_rows(
      outer, n, inner,
      [=](Index first, Index last) {
        for (Index r = first; r < last; ++r) {
          GLIA_OMP(simd)
          for (Index i = r * n; i < (r + 1) * n; ++i) y[i] = x[i] - shift[r];
        }
      },
      [=](Index first, Index columns, Index result) {
        for (Index k = 0; k < n; ++k)
          for (Index j = 0, i = first + k * inner; j < columns; ++j, ++i) y[i] = x[i] - shift[result + j];
      });
}

// dx = dy - exp(y) * sum(dy), with y the output of log_softmax_forward. dx may be dy.
template <class T>
void log_softmax_backward(Cpu, const T* dy, const T* y, Index outer, Index n, Index inner, T* dx) {
  detail::for_softmax_rows(
      outer, n, inner,
      [=](Index first, Index last) {
        for (Index r = first; r < last; ++r) {
          const T *g = dy + r * n, *l = y + r * n;
          T* out = dx + r * n;
          const T sum = static_cast<T>(detail::blocked_sum<T>(n, [g](Index i) { return g[i]; }));
          detail::lane_for(n, [=](Index i) { out[i] = g[i] - math::exp(l[i]) * sum; });
        }
      },
      [=](Index first, Index columns, Index) {
        double sum[detail::softmax_strip];
        std::fill_n(sum, columns, 0.0);
        for (Index k = 0; k < n; ++k)
          for (Index j = 0, i = first + k * inner; j < columns; ++j, ++i) sum[j] += static_cast<double>(dy[i]);
        for (Index k = 0; k < n; ++k)
          for (Index j = 0, i = first + k * inner; j < columns; ++j, ++i)
            dx[i] = dy[i] - math::exp(y[i]) * static_cast<T>(sum[j]);
      });
}

}  // namespace GLIA_NS
