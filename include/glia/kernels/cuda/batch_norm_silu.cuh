#pragma once
// Batch normalisation with SiLU on CUDA, in the passes of batch_norm.cuh: the activation's slope is computed again from
// x. Data are T; statistics, parameters and arithmetic are P, and 16-bit results are rounded once.

#include <glia/kernels/cuda/batch_norm.cuh>
#include <glia/kernels/cuda/batch_norm_silu.hpp>

namespace GLIA_NS {

namespace cuda {

// Item i: elements i * W to i * W + W - 1, neighbouring channels of one row.
template <int W, class T>
struct BatchNormSiluForward {
  using P = ParameterScalar<T>;
  BatchNormChannels<P> channels_of;
  const T *x, *residual;
  Index channels;
  T* y;

  GLIA_HD void operator()(Index i) const {
    const BatchNormPack<W, P> of(channels_of, divide(i * W, channels).remainder);
    const Pack<T, W> in = load_pack<W>(x, i * W), add = load_pack<W>(residual, i * W);
    Pack<T, W> out;
    for (int k = 0; k < W; ++k) {
      const P value = of.centred(k, in.values[k]) * of.scale(k) + of.beta.values[k];
      out.values[k] = static_cast<T>(value * math::logistic(value) + static_cast<P>(add.values[k]));
    }
    *reinterpret_cast<Pack<T, W>*>(y + i * W) = out;
  }
};

// g: the gradient of the value before the activation, not rounded to T.
template <class T>
struct BatchNormSiluGradient {
  using P = ParameterScalar<T>;
  BatchNormChannels<P> channels_of;
  const T *dy, *x;
  Index channels;

  template <int W>
  GLIA_HD Pack<P, W> at(Index i, const BatchNormPack<W, P>& of, const Pack<T, W>& in) const {
    const Pack<T, W> upstream = load_pack<W>(dy, i);
    Pack<P, W> out;
    for (int k = 0; k < W; ++k)
      out.values[k] = static_cast<P>(upstream.values[k]) *
                      math::silu_slope(of.centred(k, in.values[k]) * of.scale(k) + of.beta.values[k]);
    return out;
  }
};

}  // namespace cuda

template <class T, class P>
void batch_norm_silu_forward(Cuda, const T* x, const T* residual, Index rows, Index channels, const P* mean,
                             const P* inv_std, const P* gamma, const P* beta, T* y) {
  constexpr int width = cuda::pack_width<T, P>;
  const cuda::BatchNormChannels<P> of{mean, inv_std, gamma, beta};
  if (cuda::packs_fit<width>(channels, x, residual, mean, inv_std, gamma, beta, static_cast<const T*>(y)))
    cuda::launch_each("batch_norm_silu", rows * channels / width,
                      cuda::BatchNormSiluForward<width, T>{of, x, residual, channels, y});
  else
    cuda::launch_each("batch_norm_silu", rows * channels,
                      cuda::BatchNormSiluForward<1, T>{of, x, residual, channels, y});
}

template <class T, class P>
void batch_norm_silu_backward_sums(Cuda, const T* dy, const T* x, Index rows, Index channels, const P* mean,
                                   const P* inv_std, const P* gamma, const P* beta, P* sum_dy, P* sum_dy_xhat) {
  using Gradient = cuda::BatchNormSiluGradient<T>;
  cuda::launch_column_sums<2>(
      "batch_norm_silu", rows, channels,
      cuda::BatchNormSumsTerm<T, Gradient>{{{mean, inv_std, gamma, beta}, dy, x, channels}, nullptr},
      cuda::BatchNormSumsFinish<T>{sum_dy, sum_dy_xhat});
}

template <class T, class P>
void batch_norm_silu_backward_input(Cuda, const T* dy, const T* x, Index rows, Index channels, const P* mean,
                                    const P* inv_std, const P* gamma, const P* beta, const P* sum_dy,
                                    const P* sum_dy_xhat, bool training, T* dx) {
  using Gradient = cuda::BatchNormSiluGradient<T>;
  constexpr int width = cuda::pack_width<T, P>;
  const Gradient gradient{{mean, inv_std, gamma, beta}, dy, x, channels};
  const double share = training ? 1.0 / static_cast<double>(std::max<Index>(rows, 1)) : 0.0;
  if (cuda::packs_fit<width>(channels, dy, x, mean, inv_std, gamma, beta, sum_dy, sum_dy_xhat,
                             static_cast<const T*>(dx)))
    cuda::launch_each("batch_norm_silu", rows * channels / width,
                      cuda::BatchNormBackwardInput<width, T, Gradient>{gradient, sum_dy, sum_dy_xhat, share, dx});
  else
    cuda::launch_each("batch_norm_silu", rows * channels,
                      cuda::BatchNormBackwardInput<1, T, Gradient>{gradient, sum_dy, sum_dy_xhat, share, dx});
}

}  // namespace GLIA_NS
