#pragma once
// Batch normalisation of channels-last data [rows, channels], with an optional residual addition and ReLU fused into the
// same pass. Forward: one pass for the statistics, one to normalise; backward: one for the sums, one for dx. Data are T;
// statistics, parameters and all arithmetic are P, which is T, or float for 16-bit data, whose results are rounded once.

#include <glia/kernels/cpu/accumulate.hpp>

namespace GLIA_NS {

namespace detail {

// Count, mean and sum of squared deviations per channel, merged block by block (Chan, Golub, LeVeque 1979).
struct ChannelMoments {
  double count = 0;
  std::vector<double> mean, square;

  explicit ChannelMoments(Index channels)
      : mean(static_cast<std::size_t>(channels), 0.0), square(static_cast<std::size_t>(channels), 0.0) {}

  void merge(double other_count, const double* other_mean, const double* other_square) {
    if (other_count <= 0) return;
    const double total = count + other_count, share = other_count / total, cross = count * share;
    double* m = mean.data();
    double* q = square.data();
    const Index channels = static_cast<Index>(mean.size());
    for (Index c = 0; c < channels; ++c) {
      const double delta = other_mean[c] - m[c];
      m[c] += delta * share;
      q[c] += other_square[c] + delta * delta * cross;
    }
    count = total;
  }
};

// Sums of x over the wide rows [first, last): whole rows four at a time, so that partial sums are pairwise.
template <class T, class P>
void sum_wide_rows(const T* x, const WideRows& wide, Index first, Index last, P* sums) {
  const Index w = wide.width;
  Index r = first;
  for (; r + 4 <= last && wide.length(r + 3) == w; r += 4) {
    const T* a = x + r * w;
    GLIA_OMP(simd)
    for (Index j = 0; j < w; ++j) {
      const P a0 = static_cast<P>(a[j]), a1 = static_cast<P>(a[j + w]), a2 = static_cast<P>(a[j + 2 * w]),
              a3 = static_cast<P>(a[j + 3 * w]);
      sums[j] += (a0 + a1) + (a2 + a3);
    }
  }
  for (; r < last; ++r) {
    const T* a = x + r * w;
    const Index length = wide.length(r);
    GLIA_OMP(simd)
    for (Index j = 0; j < length; ++j) sums[j] += static_cast<P>(a[j]);
  }
}

// Sums of (x - mean)^2 over the wide rows [first, last).
template <class T, class P>
void square_wide_rows(const T* x, const WideRows& wide, Index first, Index last, const P* mean, P* sums) {
  const Index w = wide.width;
  Index r = first;
  for (; r + 4 <= last && wide.length(r + 3) == w; r += 4) {
    const T* x0 = x + r * w;
    GLIA_OMP(simd)
    for (Index j = 0; j < w; ++j) {
      const P m = mean[j], a = static_cast<P>(x0[j]) - m, b = static_cast<P>(x0[j + w]) - m,
              c = static_cast<P>(x0[j + 2 * w]) - m, d = static_cast<P>(x0[j + 3 * w]) - m;
      sums[j] += (a * a + b * b) + (c * c + d * d);
    }
  }
  for (; r < last; ++r) {
    const T* x0 = x + r * w;
    const Index length = wide.length(r);
    GLIA_OMP(simd)
    for (Index j = 0; j < length; ++j) {
      const P a = static_cast<P>(x0[j]) - mean[j];
      sums[j] += a * a;
    }
  }
}

template <class T>
void fold_sums(const LineVector<T>& sums, const WideRows& wide, double* out) {
  std::fill_n(out, wide.channels, 0.0);
  for (Index f = 0; f < wide.fold; ++f)
    for (Index c = 0; c < wide.channels; ++c) out[c] += static_cast<double>(sums[static_cast<std::size_t>(f * wide.channels + c)]);
}

}  // namespace detail

// Mean and biased variance of every channel of x [rows, channels]; rows >= 1. Each block of rows is read twice from cache
// (mean, then squared deviations) and blocks are merged in double, so a large common offset costs no digits.
template <class T, class P>
void batch_norm_statistics(Cpu, const T* x, Index rows, Index channels, P* mean, P* variance) {
  const detail::WideRows wide(rows, channels);
  if (wide.rows == 0) return;
  const Index block = detail::block_rows(wide), chunk = detail::chunk_rows(wide, block);
  std::vector<detail::ChannelMoments> partial(static_cast<std::size_t>(chunk_count(wide.rows, chunk)), detail::ChannelMoments(channels));
  parallel_chunks(wide.rows, chunk, [&](Index number, Index first, Index last) {
    const std::size_t w = static_cast<std::size_t>(wide.width), n = static_cast<std::size_t>(channels);
    detail::LineVector<P> sums(w), centre(w);
    std::vector<double> block_mean(n), block_square(n);
    for (Index b = first; b < last; b += block) {
      const Index end = std::min(last, b + block);
      const Index elements = std::min(end * wide.width, wide.elements) - b * wide.width;
      const double count = static_cast<double>(elements / channels);
      std::fill(sums.begin(), sums.end(), P(0));
      detail::sum_wide_rows(x, wide, b, end, sums.data());
      detail::fold_sums(sums, wide, block_mean.data());
      for (Index c = 0; c < channels; ++c) centre[static_cast<std::size_t>(c)] = static_cast<P>(block_mean[static_cast<std::size_t>(c)] /= count);
      for (Index f = 1; f < wide.fold; ++f) std::copy_n(centre.data(), channels, centre.data() + f * channels);
      std::fill(sums.begin(), sums.end(), P(0));
      detail::square_wide_rows(x, wide, b, end, centre.data(), sums.data());
      detail::fold_sums(sums, wide, block_square.data());
      // The deviations were taken from the rounded mean.
      for (std::size_t c = 0; c < n; ++c) {
        const double rounding = static_cast<double>(centre[c]) - block_mean[c];
        block_square[c] = std::max(0.0, block_square[c] - count * rounding * rounding);
      }
      partial[static_cast<std::size_t>(number)].merge(count, block_mean.data(), block_square.data());
    }
  });
  detail::ChannelMoments total(channels);
  for (const auto& p : partial) total.merge(p.count, p.mean.data(), p.square.data());
  for (Index c = 0; c < channels; ++c) {
    mean[c] = static_cast<P>(total.mean[static_cast<std::size_t>(c)]);
    variance[c] = static_cast<P>(total.square[static_cast<std::size_t>(c)] / total.count);
  }
}

// y = act((x - mean) * inv_std * gamma + beta + residual); act is ReLU if `relu`, else nothing. gamma, beta [channels] and
// residual [rows, channels] may be null. y may be x or residual.
template <class T, class P>
void batch_norm_forward(Cpu, const T* x, const T* residual, Index rows, Index channels, const P* mean, const P* inv_std,
                        const P* gamma, const P* beta, bool relu, T* y) {
  const detail::WideRows wide(rows, channels);
  const detail::LineVector<P> m = wide.widen(mean), b = wide.widen(beta);
  detail::LineVector<P> scale = wide.widen(inv_std);
  const detail::LineVector<P> g = wide.widen(gamma, P(1));
  for (std::size_t j = 0; j < scale.size(); ++j) scale[j] *= g[j];
  const P floor = relu ? P(0) : -std::numeric_limits<P>::infinity();
  const bool stream = simd::worth_streaming<T>(wide.elements);
  const auto write = [&](Index begin, Index first, Index length, T* out) {
    const T* in = x + begin + first;
    const P *mp = m.data() + first, *sp = scale.data() + first, *bp = b.data() + first;
    if (residual == nullptr) {
      GLIA_OMP(simd)
      for (Index j = 0; j < length; ++j) {
        const P value = (static_cast<P>(in[j]) - mp[j]) * sp[j] + bp[j];
        cpu::store_element(out, j, value < floor ? floor : value);
      }
    } else {
      const T* add = residual + begin + first;
      GLIA_OMP(simd)
      for (Index j = 0; j < length; ++j) {
        const P value = (static_cast<P>(in[j]) - mp[j]) * sp[j] + (bp[j] + static_cast<P>(add[j]));
        cpu::store_element(out, j, value < floor ? floor : value);
      }
    }
  };
  detail::for_wide_rows(wide, [&](Index begin, Index length) {
    simd::write_blocks(stream, y + begin, length, [&](Index first, Index n, T* out) { write(begin, first, n, out); });
  }, stream);
}

namespace detail {

// Per-channel constants of the backward pass, repeated over a wide row. The forward value (before a residual) is
// (x - mean) * scale + shift, computed as there, so that the ReLU mask need not be read from memory.
template <class T>
struct BatchNormTerms {
  LineVector<T> mean, inv_std, scale, shift;

  BatchNormTerms(const WideRows& wide, const T* m, const T* s, const T* gamma, const T* beta)
      : mean(wide.widen(m)), inv_std(wide.widen(s)), scale(wide.widen(gamma, T(1))), shift(wide.widen(beta)) {
    for (std::size_t j = 0; j < scale.size(); ++j) scale[j] = inv_std[j] * scale[j];
  }
};

// x where v > 0, else 0.
template <class T>
[[gnu::always_inline]] inline T where_positive(T v, T x) {
  return v > T(0) ? x : T(0);
}

// What the second pass subtracts: the mean of g, and the mean of g * xhat times inv_std; zeros unless `training`.
template <class T>
struct BatchNormMeans {
  LineVector<T> gradient, slope;

  BatchNormMeans(const BatchNormTerms<T>& terms, Index rows, Index channels, const T* sum_dy, const T* sum_dy_xhat, bool training)
      : gradient(terms.mean.size(), T(0)), slope(terms.mean.size(), T(0)) {
    for (std::size_t j = 0; training && j < slope.size(); ++j) {
      const std::size_t c = j % static_cast<std::size_t>(channels);
      gradient[j] = static_cast<T>(static_cast<double>(sum_dy[c]) / static_cast<double>(rows));
      slope[j] = static_cast<T>(static_cast<double>(sum_dy_xhat[c]) / static_cast<double>(rows)) * terms.inv_std[j];
    }
  }
};

}  // namespace detail

// First pass of the backward: sum_dy[c] = sum g, sum_dy_xhat[c] = sum g * xhat, the gradients of beta and gamma. g is dy, or with
// `relu` dy where the output was positive: the output is y, or is recomputed from x if y is null (no residual). If
// `masked` is not null it receives g, the gradient of the residual; it may be dy.
template <class T, class P>
void batch_norm_backward_sums(Cpu, const T* dy, const T* x, const T* y, Index rows, Index channels, const P* mean,
                              const P* inv_std, const P* gamma, const P* beta, bool relu, T* masked, P* sum_dy,
                              P* sum_dy_xhat) {
  const detail::WideRows wide(rows, channels);
  const detail::BatchNormTerms<P> terms(wide, mean, inv_std, gamma, beta);
  std::vector<double> sums(static_cast<std::size_t>(2 * channels));
  // `masked_gradient` (i, centred, j): g at flat position i, channel j of a wide row.
  const auto add_up = [&](auto masked_gradient) {
    detail::channel_sums<2, P, 4>(
        rows, channels, sums.data(), [&, masked_gradient](Index begin, Index length, auto together, Index offset, P* into) {
          const T* in = x + begin;
          const P *m = terms.mean.data(), *s = terms.inv_std.data();
          P *a = into, *b = into + offset;
          const auto g = [=](Index row, Index j, P centred)
                             GLIA_INLINE_LAMBDA { return masked_gradient(begin + row * length + j, centred, j); };
          GLIA_OMP(simd)
          for (Index j = 0; j < length; ++j) {
            const P c0 = static_cast<P>(in[j]) - m[j], g0 = g(0, j, c0);
            if constexpr (together == 1) {
              a[j] += g0;
              b[j] += g0 * (c0 * s[j]);
            } else {
              const P c1 = static_cast<P>(in[j + length]) - m[j], g1 = g(1, j, c1),
                      c2 = static_cast<P>(in[j + 2 * length]) - m[j], g2 = g(2, j, c2),
                      c3 = static_cast<P>(in[j + 3 * length]) - m[j], g3 = g(3, j, c3);
              a[j] += (g0 + g1) + (g2 + g3);
              b[j] += ((g0 * c0 + g1 * c1) + (g2 * c2 + g3 * c3)) * s[j];
            }
          }
        });
  };
  const P *k = terms.scale.data(), *h = terms.shift.data();
  const auto plain = [=](Index i, P, Index) GLIA_INLINE_LAMBDA { return static_cast<P>(dy[i]); };
  // dy is read in any case: a read that depends on a condition is not vectorised.
  const auto from_output = [=](Index i, P, Index) GLIA_INLINE_LAMBDA {
    return detail::where_positive(static_cast<P>(y[i]), static_cast<P>(dy[i]));
  };
  const auto recomputed = [=](Index i, P centred, Index j) GLIA_INLINE_LAMBDA {
    return detail::where_positive(centred * k[j] + h[j], static_cast<P>(dy[i]));
  };
  const auto kept = [masked](const auto& g) {  // dy or 0: nothing is rounded
    return [=](Index i, P centred, Index j) GLIA_INLINE_LAMBDA {
      const P value = g(i, centred, j);
      cpu::store_element(masked, i, value);
      return value;
    };
  };
  if (masked == nullptr)
    !relu ? add_up(plain) : y != nullptr ? add_up(from_output) : add_up(recomputed);
  else
    !relu ? add_up(kept(plain)) : y != nullptr ? add_up(kept(from_output)) : add_up(kept(recomputed));
  for (Index c = 0; c < channels; ++c) {
    sum_dy[c] = static_cast<P>(sums[static_cast<std::size_t>(c)]);
    sum_dy_xhat[c] = static_cast<P>(sums[static_cast<std::size_t>(channels + c)]);
  }
}

// Second pass: dx = gamma * inv_std * (g - (sum_dy + xhat * sum_dy_xhat) / rows) if `training` (the statistics depend on
// x), else gamma * inv_std * g. g as above (pass relu = false with an already masked dy). dx may be dy.
template <class T, class P>
void batch_norm_backward_input(Cpu, const T* dy, const T* x, const T* y, Index rows, Index channels, const P* mean,
                               const P* inv_std, const P* gamma, const P* beta, bool relu, const P* sum_dy,
                               const P* sum_dy_xhat, bool training, T* dx) {
  const detail::WideRows wide(rows, channels);
  const detail::BatchNormTerms<P> terms(wide, mean, inv_std, gamma, beta);
  const detail::BatchNormMeans<P> means(terms, rows, channels, sum_dy, sum_dy_xhat, training);
  const bool stream = simd::worth_streaming<T>(wide.elements);
  const auto write = [&](Index begin, Index first, Index length, T* out) {
    const T *g = dy + begin + first, *in = x + begin + first;
    const P *m = terms.mean.data() + first, *k = terms.scale.data() + first, *h = terms.shift.data() + first, *mg = means.gradient.data() + first, *sl = means.slope.data() + first;
    if (!relu) {
      GLIA_OMP(simd)
      for (Index j = 0; j < length; ++j)
        cpu::store_element(out, j, k[j] * (static_cast<P>(g[j]) - mg[j] - (static_cast<P>(in[j]) - m[j]) * sl[j]));
    } else if (y != nullptr) {
      const T* active = y + begin + first;
      GLIA_OMP(simd)
      for (Index j = 0; j < length; ++j) {
        const P gj = detail::where_positive(static_cast<P>(active[j]), static_cast<P>(g[j]));
        cpu::store_element(out, j, k[j] * (gj - mg[j] - (static_cast<P>(in[j]) - m[j]) * sl[j]));
      }
    } else {
      GLIA_OMP(simd)
      for (Index j = 0; j < length; ++j) {
        const P centred = static_cast<P>(in[j]) - m[j];
        const P gj = detail::where_positive(centred * k[j] + h[j], static_cast<P>(g[j]));
        cpu::store_element(out, j, k[j] * (gj - mg[j] - centred * sl[j]));
      }
    }
  };
  detail::for_wide_rows(wide, [&](Index begin, Index length) {
    simd::write_blocks(stream, dx + begin, length, [&](Index first, Index n, T* out) { write(begin, first, n, out); });
  }, stream);
}

}  // namespace GLIA_NS
