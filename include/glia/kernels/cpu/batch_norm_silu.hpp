#pragma once
// Batch normalisation with SiLU, x * logistic(x), fused into the same passes, and a residual that is added after the
// activation. The backward passes compute the activation's slope again from x: that is cheaper than a pass through
// memory. Types as in kernels/cpu/batch_norm.hpp.

#include <glia/core/math.hpp>
#include <glia/kernels/cpu/batch_norm.hpp>

namespace GLIA_NS {

// y = silu((x - mean) * inv_std * gamma + beta) + residual. gamma, beta [channels] and residual [rows, channels] may be
// null. y may be x or residual.
template <class T, class P>
void batch_norm_silu_forward(Cpu, const T* x, const T* residual, Index rows, Index channels, const P* mean,
                             const P* inv_std, const P* gamma, const P* beta, T* y) {
  const detail::WideRows wide(rows, channels);
  const detail::BatchNormTerms<P> terms(wide, mean, inv_std, gamma, beta);
  const bool stream = simd::worth_streaming<T>(wide.elements);
  detail::for_wide_rows(
      wide,
      [&](Index begin, Index length) {
        simd::write_blocks(stream, y + begin, length, [&](Index first, Index n, T* out) {
          const T* in = x + begin + first;
          const P *m = terms.mean.data() + first, *k = terms.scale.data() + first, *h = terms.shift.data() + first;
          if (residual == nullptr) {
            GLIA_OMP(simd)
            for (Index j = 0; j < n; ++j) {
              const P v = (static_cast<P>(in[j]) - m[j]) * k[j] + h[j];
              cpu::store_element(out, j, v * math::logistic(v));
            }
          } else {
            const T* add = residual + begin + first;
            GLIA_OMP(simd)
            for (Index j = 0; j < n; ++j) {
              const P v = (static_cast<P>(in[j]) - m[j]) * k[j] + h[j];
              cpu::store_element(out, j, v * math::logistic(v) + static_cast<P>(add[j]));
            }
          }
        });
      },
      stream);
}

// First pass of the backward, with g = dy * silu'(value): sum_dy[c] = sum g, sum_dy_xhat[c] = sum g * xhat.
template <class T, class P>
void batch_norm_silu_backward_sums(Cpu, const T* dy, const T* x, Index rows, Index channels, const P* mean,
                                   const P* inv_std, const P* gamma, const P* beta, P* sum_dy, P* sum_dy_xhat) {
  const detail::WideRows wide(rows, channels);
  const detail::BatchNormTerms<P> terms(wide, mean, inv_std, gamma, beta);
  std::vector<double> sums(static_cast<std::size_t>(2 * channels));
  detail::channel_sums<2, P>(rows, channels, sums.data(), [&](Index begin, Index length, Index offset, P* into) {
    const T *g = dy + begin, *in = x + begin;
    const P *m = terms.mean.data(), *k = terms.scale.data(), *h = terms.shift.data();
    P *a = into, *b = into + offset;
    GLIA_OMP(simd)
    for (Index j = 0; j < length; ++j) {
      const P centred = static_cast<P>(in[j]) - m[j];
      const P gj = static_cast<P>(g[j]) * math::silu_slope(centred * k[j] + h[j]);
      a[j] += gj;
      b[j] += gj * centred;
    }
  });
  for (Index c = 0; c < channels; ++c) {
    sum_dy[c] = static_cast<P>(sums[static_cast<std::size_t>(c)]);
    sum_dy_xhat[c] = static_cast<P>(sums[static_cast<std::size_t>(channels + c)] * static_cast<double>(inv_std[c]));
  }
}

// Second pass: dx as in batch_norm_backward_input, with that g. dx may be dy.
template <class T, class P>
void batch_norm_silu_backward_input(Cpu, const T* dy, const T* x, Index rows, Index channels, const P* mean,
                                    const P* inv_std, const P* gamma, const P* beta, const P* sum_dy,
                                    const P* sum_dy_xhat, bool training, T* dx) {
  const detail::WideRows wide(rows, channels);
  const detail::BatchNormTerms<P> terms(wide, mean, inv_std, gamma, beta);
  const detail::BatchNormMeans<P> means(terms, rows, channels, sum_dy, sum_dy_xhat, training);
  const bool stream = simd::worth_streaming<T>(wide.elements);
  detail::for_wide_rows(
      wide,
      [&](Index begin, Index length) {
        simd::write_blocks(stream, dx + begin, length, [&](Index first, Index n, T* out) {
          const T *g = dy + begin + first, *in = x + begin + first;
          const P *m = terms.mean.data() + first, *k = terms.scale.data() + first, *h = terms.shift.data() + first,
                  *mg = means.gradient.data() + first, *sl = means.slope.data() + first;
          GLIA_OMP(simd)
          for (Index j = 0; j < n; ++j) {
            const P centred = static_cast<P>(in[j]) - m[j];
            const P gj = static_cast<P>(g[j]) * math::silu_slope(centred * k[j] + h[j]);
            cpu::store_element(out, j, k[j] * (gj - mg[j] - centred * sl[j]));
          }
        });
      },
      stream);
}

}  // namespace GLIA_NS
