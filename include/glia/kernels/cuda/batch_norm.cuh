#pragma once
// Batch normalisation on CUDA: one pass for each set of per-channel sums, one pass in packs for each output. Data are
// T; statistics, parameters and arithmetic are P: T, or float for 16-bit data, whose results are rounded once.

#include <glia/core/math.hpp>
#include <glia/kernels/cuda/batch_norm.hpp>
#include <glia/kernels/cuda/rows.cuh>

namespace GLIA_NS {

namespace cuda {

// Sums of x and x^2 relative to the channel's first value, which keeps the digits of data with a large offset.
template <class T>
struct MomentTerm {
  const T* x;
  Index channels;
  GLIA_HD void operator()(Index r, Index c, Sums<2>& sums) const {
    const double d = static_cast<double>(x[r * channels + c]) - static_cast<double>(x[c]);
    sums.at[0] += d;
    sums.at[1] += d * d;
  }
};
template <class T>
struct MomentFinish {
  using P = ParameterScalar<T>;
  const T* x;
  Index rows;
  P *mean, *variance;
  GLIA_HD void operator()(Index c, const Sums<2>& sums) const {
    const double n = static_cast<double>(rows), shift = sums.at[0] / n;
    const double square = sums.at[1] / n - shift * shift;
    mean[c] = static_cast<P>(static_cast<double>(x[c]) + shift);
    // Not the larger of both: a NaN must stay one.
    variance[c] = static_cast<P>(square < 0 ? 0.0 : square);
  }
};

// What both directions know of the channels; gamma and beta may be null.
template <class P>
struct BatchNormChannels {
  const P *mean, *inv_std, *gamma, *beta;
};
template <int W, class P>
struct BatchNormPack {
  Pack<P, W> mean, inv_std, gamma, beta;
  GLIA_HD BatchNormPack(const BatchNormChannels<P>& of, Index c)
      : mean(load_pack<W>(of.mean, c)),
        inv_std(load_pack<W>(of.inv_std, c)),
        gamma(load_pack<W>(of.gamma, c, P(1))),
        beta(load_pack<W>(of.beta, c)) {}
  GLIA_HD P scale(int k) const { return inv_std.values[k] * gamma.values[k]; }
  template <class T>
  GLIA_HD P centred(int k, T x) const {
    return static_cast<P>(x) - mean.values[k];
  }
};

// Item i: elements i * W to i * W + W - 1, neighbouring channels of one row.
template <int W, class T>
struct BatchNormForward {
  using P = ParameterScalar<T>;
  BatchNormChannels<P> channels_of;
  const T *x, *residual;
  Index channels;
  bool relu;
  T* y;

  GLIA_HD void operator()(Index i) const {
    const BatchNormPack<W, P> of(channels_of, divide(i * W, channels).remainder);
    const Pack<T, W> in = load_pack<W>(x, i * W), add = load_pack<W>(residual, i * W);
    Pack<T, W> out;
    for (int k = 0; k < W; ++k) {
      const P value = of.centred(k, in.values[k]) * of.scale(k) + (of.beta.values[k] + static_cast<P>(add.values[k]));
      out.values[k] = static_cast<T>(relu && value < P(0) ? P(0) : value);
    }
    *reinterpret_cast<Pack<T, W>*>(y + i * W) = out;
  }
};

// g: the gradient of the value before the activation.
template <class T>
struct BatchNormGradient {
  using P = ParameterScalar<T>;
  BatchNormChannels<P> channels_of;
  const T *dy, *x, *y;
  Index channels;
  bool relu;

  template <int W>
  GLIA_HD Pack<T, W> at(Index i, const BatchNormPack<W, P>& of, const Pack<T, W>& in) const {
    Pack<T, W> out = load_pack<W>(dy, i);
    if (!relu) return out;
    const Pack<T, W> active = load_pack<W>(y, i);
    for (int k = 0; k < W; ++k) {
      const P value = y != nullptr ? static_cast<P>(active.values[k])
                                   : of.centred(k, in.values[k]) * of.scale(k) + of.beta.values[k];
      if (!(value > P(0))) out.values[k] = T(0);
    }
    return out;
  }
};

template <class T, class Gradient = BatchNormGradient<T>>
struct BatchNormSumsTerm {
  Gradient gradient;
  T* masked;
  GLIA_HD void operator()(Index r, Index c, Sums<2>& sums) const {
    const Index i = r * gradient.channels + c;
    const BatchNormPack<1, ParameterScalar<T>> of(gradient.channels_of, c);
    const Pack<T, 1> x = load_pack<1>(gradient.x, i);
    const auto g = gradient.at(i, of, x).values[0];
    if (masked != nullptr) masked[i] = static_cast<T>(g);
    sums.at[0] += static_cast<double>(g);
    sums.at[1] += static_cast<double>(g) * static_cast<double>(of.centred(0, x.values[0]) * of.inv_std.values[0]);
  }
};
template <class T>
struct BatchNormSumsFinish {
  using P = ParameterScalar<T>;
  P *sum_dy, *sum_dy_xhat;
  GLIA_HD void operator()(Index c, const Sums<2>& sums) const {
    sum_dy[c] = static_cast<P>(sums.at[0]);
    sum_dy_xhat[c] = static_cast<P>(sums.at[1]);
  }
};

template <int W, class T, class Gradient = BatchNormGradient<T>>
struct BatchNormBackwardInput {
  using P = ParameterScalar<T>;
  Gradient gradient;
  const P *sum_dy, *sum_dy_xhat;
  double share;  // 1 / rows in training, else 0
  T* dx;

  GLIA_HD void operator()(Index i) const {
    const Index c = divide(i * W, gradient.channels).remainder;
    const BatchNormPack<W, P> of(gradient.channels_of, c);
    const Pack<T, W> in = load_pack<W>(gradient.x, i * W);
    const auto g = gradient.at(i * W, of, in);
    const Pack<P, W> sum = load_pack<W>(sum_dy, c), sum_xhat = load_pack<W>(sum_dy_xhat, c);
    Pack<T, W> out;
    for (int k = 0; k < W; ++k) {
      const P mean_g = static_cast<P>(static_cast<double>(sum.values[k]) * share);
      const P slope = static_cast<P>(static_cast<double>(sum_xhat.values[k]) * share) * of.inv_std.values[k];
      out.values[k] =
          static_cast<T>(of.scale(k) * (static_cast<P>(g.values[k]) - mean_g - of.centred(k, in.values[k]) * slope));
    }
    *reinterpret_cast<Pack<T, W>*>(dx + i * W) = out;
  }
};

}  // namespace cuda

template <class T, class P>
void batch_norm_statistics(Cuda, const T* x, Index rows, Index channels, P* mean, P* variance) {
  if (rows == 0) return;
  cuda::launch_column_sums<2>("batch_norm", rows, channels, cuda::MomentTerm<T>{x, channels},
                              cuda::MomentFinish<T>{x, rows, mean, variance});
}

template <class T, class P>
void batch_norm_forward(Cuda, const T* x, const T* residual, Index rows, Index channels, const P* mean,
                        const P* inv_std, const P* gamma, const P* beta, bool relu, T* y) {
  constexpr int width = cuda::pack_width<T, P>;
  const cuda::BatchNormChannels<P> of{mean, inv_std, gamma, beta};
  if (cuda::packs_fit<width>(channels, x, residual, mean, inv_std, gamma, beta, static_cast<const T*>(y)))
    cuda::launch_each("batch_norm", rows * channels / width,
                      cuda::BatchNormForward<width, T>{of, x, residual, channels, relu, y});
  else
    cuda::launch_each("batch_norm", rows * channels, cuda::BatchNormForward<1, T>{of, x, residual, channels, relu, y});
}

template <class T, class P>
void batch_norm_backward_sums(Cuda, const T* dy, const T* x, const T* y, Index rows, Index channels, const P* mean,
                              const P* inv_std, const P* gamma, const P* beta, bool relu, T* masked, P* sum_dy,
                              P* sum_dy_xhat) {
  cuda::launch_column_sums<2>(
      "batch_norm", rows, channels,
      cuda::BatchNormSumsTerm<T>{{{mean, inv_std, gamma, beta}, dy, x, y, channels, relu}, masked},
      cuda::BatchNormSumsFinish<T>{sum_dy, sum_dy_xhat});
}

template <class T, class P>
void batch_norm_backward_input(Cuda, const T* dy, const T* x, const T* y, Index rows, Index channels, const P* mean,
                               const P* inv_std, const P* gamma, const P* beta, bool relu, const P* sum_dy,
                               const P* sum_dy_xhat, bool training, T* dx) {
  constexpr int width = cuda::pack_width<T, P>;
  const cuda::BatchNormGradient<T> gradient{{mean, inv_std, gamma, beta}, dy, x, y, channels, relu};
  const double share = training ? 1.0 / static_cast<double>(std::max<Index>(rows, 1)) : 0.0;
  if (cuda::packs_fit<width>(channels, dy, x, y, mean, inv_std, gamma, beta, sum_dy, sum_dy_xhat,
                             static_cast<const T*>(dx)))
    cuda::launch_each("batch_norm", rows * channels / width,
                      cuda::BatchNormBackwardInput<width, T>{gradient, sum_dy, sum_dy_xhat, share, dx});
  else
    cuda::launch_each("batch_norm", rows * channels,
                      cuda::BatchNormBackwardInput<1, T>{gradient, sum_dy, sum_dy_xhat, share, dx});
}

}  // namespace GLIA_NS
