#pragma once
// Normalisation over the last axis (layer norm) and over pixels and channel groups of each image (group norm). Types as
// in kernels/cpu/batch_norm.hpp: 16-bit data are computed in float and rounded once.

#include <glia/kernels/cpu/accumulate.hpp>

namespace GLIA_NS {

// y = (x - mean) * inv_std * gamma + beta for every row of x [rows, n]; gamma, beta [n] may be null. Saves mean and inv_std
// [rows]. The variance is the biased one (Ba, Kiros, Hinton 2016).
template <class T, class P>
void layer_norm_forward(Cpu, const T* x, Index rows, Index n, const P* gamma, const P* beta, double epsilon, T* y, P* mean,
                        P* inv_std) {
  parallel_chunks(rows, std::max<Index>(1, 16384 / std::max<Index>(n, 1)), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T* in = x + r * n;
      T* out = y + r * n;
      const double m = detail::blocked_sum<P>(n, [=](Index i) { return static_cast<P>(in[i]); }) / static_cast<double>(n);
      const P centre = static_cast<P>(m);
      const double square = detail::blocked_sum<P>(n, [=](Index i) {
        const P deviation = static_cast<P>(in[i]) - centre;
        return deviation * deviation;
      });
      const P scale = static_cast<P>(1.0 / std::sqrt(square / static_cast<double>(n) + epsilon));
      mean[r] = centre;
      inv_std[r] = scale;
      if (gamma != nullptr && beta != nullptr) {
        GLIA_OMP(simd)
        for (Index i = 0; i < n; ++i)
          cpu::store_element(out, i, (static_cast<P>(in[i]) - centre) * scale * gamma[i] + beta[i]);
      } else {
        for (Index i = 0; i < n; ++i)
          cpu::store_element(out, i,
                             (static_cast<P>(in[i]) - centre) * scale * (gamma != nullptr ? gamma[i] : P(1)) +
                                 (beta != nullptr ? beta[i] : P(0)));
      }
    }
  });
}

// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)) per row, with g = dy * gamma; gamma may be null.
template <class T, class P>
void layer_norm_backward_input(Cpu, const T* dy, const T* x, const P* mean, const P* inv_std, const P* gamma, Index rows,
                               Index n, T* dx) {
  const std::vector<P> ones(gamma == nullptr ? static_cast<std::size_t>(n) : 0, P(1));
  const P* weight = gamma == nullptr ? ones.data() : gamma;
  parallel_chunks(rows, std::max<Index>(1, 16384 / std::max<Index>(n, 1)), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T *g = dy + r * n, *in = x + r * n;
      T* out = dx + r * n;
      const P centre = mean[r], scale = inv_std[r];
      const double a = detail::blocked_sum<P>(n, [=](Index i) { return static_cast<P>(g[i]) * weight[i]; });
      const double b = detail::blocked_sum<P>(
          n, [=](Index i) { return static_cast<P>(g[i]) * weight[i] * (static_cast<P>(in[i]) - centre); });
      const P mean_g = static_cast<P>(a / static_cast<double>(n));
      const P slope = static_cast<P>(b / static_cast<double>(n)) * scale * scale;
      GLIA_OMP(simd)
      for (Index i = 0; i < n; ++i)
        cpu::store_element(out, i,
                           scale * (static_cast<P>(g[i]) * weight[i] - mean_g - (static_cast<P>(in[i]) - centre) * slope));
    }
  });
}

// dgamma[i] = sum over rows of dy * xhat, dbeta[i] = sum over rows of dy.
template <class T, class P>
void layer_norm_backward_affine(Cpu, const T* dy, const T* x, const P* mean, const P* inv_std, Index rows, Index n, P* dgamma,
                                P* dbeta) {
  std::vector<double> sums(static_cast<std::size_t>(2 * n));
  detail::channel_sums<2, P>(rows, n, sums.data(), [&](Index begin, Index length, Index offset, P* into) {
    for (Index part = 0; part < length; part += n) {
      const Index r = (begin + part) / n;
      const T *g = dy + begin + part, *in = x + begin + part;
      const P centre = mean[r], scale = inv_std[r];
      P *a = into + part, *b = into + offset + part;
      GLIA_OMP(simd)
      for (Index i = 0; i < n; ++i) {
        const P gi = static_cast<P>(g[i]);
        a[i] += gi;
        b[i] += gi * ((static_cast<P>(in[i]) - centre) * scale);
      }
    }
  });
  for (Index i = 0; i < n; ++i) {
    dbeta[i] = static_cast<P>(sums[static_cast<std::size_t>(i)]);
    dgamma[i] = static_cast<P>(sums[static_cast<std::size_t>(n + i)]);
  }
}

namespace detail {

// Per-channel sums of term(pixel, channel) over the pixels of one image, held in T for 64 pixels and then in double.
template <class T, class Term>
void image_channel_sums(Index pixels, Index channels, std::vector<T>& scratch, double* out, Term term) {
  std::fill_n(out, channels, 0.0);
  for (Index b = 0; b < pixels; b += 64) {
    std::fill(scratch.begin(), scratch.end(), T(0));
    T* sums = scratch.data();
    for (Index p = b; p < std::min(pixels, b + 64); ++p) {
      GLIA_OMP(simd)
      for (Index c = 0; c < channels; ++c) sums[c] += term(p * channels + c, c);
    }
    for (Index c = 0; c < channels; ++c) out[c] += static_cast<double>(sums[c]);
  }
}

}  // namespace detail

// Group norm of x [images, pixels, groups * depth] over the pixels and the `depth` channels of a group (Wu, He 2018); gamma, beta
// [groups * depth] may be null. Saves mean and inv_std [images, groups].
template <class T, class P>
void group_norm_forward(Cpu, const T* x, Index images, Index pixels, Index groups, Index depth, const P* gamma, const P* beta,
                        double epsilon, T* y, P* mean, P* inv_std) {
  const Index channels = groups * depth;
  const double count = static_cast<double>(pixels * depth);
  parallel_chunks(images, 1, [&](Index image, Index, Index) {
    const T* in = x + image * pixels * channels;
    T* out = y + image * pixels * channels;
    std::vector<P> scratch(static_cast<std::size_t>(channels)), centre(scratch.size()), scale(scratch.size()), shift(scratch.size(), P(0));
    std::vector<double> sums(scratch.size());
    const auto over_group = [&](Index g) {
      double total = 0;
      for (Index d = 0; d < depth; ++d) total += sums[static_cast<std::size_t>(g * depth + d)];
      return total / count;
    };
    detail::image_channel_sums(pixels, channels, scratch, sums.data(), [in](Index i, Index) { return static_cast<P>(in[i]); });
    for (Index g = 0; g < groups; ++g) {
      mean[image * groups + g] = static_cast<P>(over_group(g));
      std::fill_n(centre.data() + g * depth, depth, mean[image * groups + g]);
    }
    const P* m = centre.data();
    detail::image_channel_sums(pixels, channels, scratch, sums.data(), [in, m](Index i, Index c) {
      const P deviation = static_cast<P>(in[i]) - m[c];
      return deviation * deviation;
    });
    for (Index g = 0; g < groups; ++g) {
      inv_std[image * groups + g] = static_cast<P>(1.0 / std::sqrt(over_group(g) + epsilon));
      std::fill_n(scale.data() + g * depth, depth, inv_std[image * groups + g]);
    }
    if (gamma != nullptr)
      for (Index c = 0; c < channels; ++c) scale[static_cast<std::size_t>(c)] *= gamma[c];
    if (beta != nullptr) std::copy_n(beta, channels, shift.data());
    const P *s = scale.data(), *b = shift.data();
    for (Index p = 0; p < pixels; ++p) {
      GLIA_OMP(simd)
      for (Index c = 0; c < channels; ++c)
        cpu::store_element(out, p * channels + c, (static_cast<P>(in[p * channels + c]) - m[c]) * s[c] + b[c]);
    }
  });
}

// Gradients of group norm: dx, and dgamma, dbeta [groups * depth] (both may be null). gamma may be null.
template <class T, class P>
void group_norm_backward(Cpu, const T* dy, const T* x, const P* mean, const P* inv_std, const P* gamma, Index images,
                         Index pixels, Index groups, Index depth, T* dx, P* dgamma, P* dbeta) {
  const Index channels = groups * depth;
  const double count = static_cast<double>(pixels * depth);
  const std::size_t n = static_cast<std::size_t>(channels);
  std::vector<double> sum_dy(static_cast<std::size_t>(images) * n), sum_dy_xhat(sum_dy.size());
  parallel_chunks(images, 1, [&](Index image, Index, Index) {
    const T *g = dy + image * pixels * channels, *in = x + image * pixels * channels;
    T* out = dx + image * pixels * channels;
    std::vector<P> scratch(n), centre(n), scale(n), weight(n, P(1)), mean_g(n), slope(n);
    for (Index c = 0; c < channels; ++c) {
      centre[static_cast<std::size_t>(c)] = mean[image * groups + c / depth];
      scale[static_cast<std::size_t>(c)] = inv_std[image * groups + c / depth];
    }
    if (gamma != nullptr) std::copy_n(gamma, channels, weight.data());
    const P *m = centre.data(), *s = scale.data(), *w = weight.data();
    double *a = sum_dy.data() + image * channels, *b = sum_dy_xhat.data() + image * channels;
    detail::image_channel_sums(pixels, channels, scratch, a, [g](Index i, Index) { return static_cast<P>(g[i]); });
    detail::image_channel_sums(pixels, channels, scratch, b, [=](Index i, Index c) {
      return static_cast<P>(g[i]) * ((static_cast<P>(in[i]) - m[c]) * s[c]);
    });
    for (Index k = 0; k < groups; ++k) {
      double first = 0, second = 0;
      for (Index c = k * depth; c < (k + 1) * depth; ++c) {
        first += a[c] * static_cast<double>(w[c]);
        second += b[c] * static_cast<double>(w[c]);
      }
      std::fill_n(mean_g.data() + k * depth, depth, static_cast<P>(first / count));
      std::fill_n(slope.data() + k * depth, depth, static_cast<P>(second / count) * inv_std[image * groups + k]);
    }
    const P *mg = mean_g.data(), *sl = slope.data();
    for (Index p = 0; p < pixels; ++p) {
      GLIA_OMP(simd)
      for (Index c = 0; c < channels; ++c) {
        const Index i = p * channels + c;
        cpu::store_element(out, i, s[c] * (static_cast<P>(g[i]) * w[c] - mg[c] - (static_cast<P>(in[i]) - m[c]) * sl[c]));
      }
    }
  });
  for (Index c = 0; c < channels; ++c) {
    double a = 0, b = 0;
    for (Index image = 0; image < images; ++image) {
      a += sum_dy[static_cast<std::size_t>(image * channels + c)];
      b += sum_dy_xhat[static_cast<std::size_t>(image * channels + c)];
    }
    if (dbeta != nullptr) dbeta[c] = static_cast<P>(a);
    if (dgamma != nullptr) dgamma[c] = static_cast<P>(b);
  }
}

}  // namespace GLIA_NS
