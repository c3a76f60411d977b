#pragma once
// Launchers of batch normalisation on CUDA, as those of kernels/cpu/batch_norm.hpp; defined in batch_norm.cuh. Data are
// [rows, channels]; what belongs to channels is a P, the ParameterScalar of T.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// Mean and biased variance of every channel; rows >= 1. Sums are held in double, relative to the channel's first value.
template <class T, class P>
void batch_norm_statistics(Cuda, const T* x, Index rows, Index channels, P* mean, P* variance);

// y = act((x - mean) * inv_std * gamma + beta + residual); act is ReLU if `relu`. gamma, beta and residual may be null;
// y may be x or residual.
template <class T, class P>
void batch_norm_forward(Cuda, const T* x, const T* residual, Index rows, Index channels, const P* mean,
                        const P* inv_std, const P* gamma, const P* beta, bool relu, T* y);

// sum_dy[c] = sum g, sum_dy_xhat[c] = sum g * xhat; g is dy, or with `relu` dy where the output (y, or recomputed from
// x if y is null) was positive. `masked` receives g unless it is null; it may be dy.
template <class T, class P>
void batch_norm_backward_sums(Cuda, const T* dy, const T* x, const T* y, Index rows, Index channels, const P* mean,
                              const P* inv_std, const P* gamma, const P* beta, bool relu, T* masked, P* sum_dy,
                              P* sum_dy_xhat);

// dx = gamma * inv_std * (g - (sum_dy + xhat * sum_dy_xhat) / rows) if `training`, else gamma * inv_std * g. dx may be
// dy.
template <class T, class P>
void batch_norm_backward_input(Cuda, const T* dy, const T* x, const T* y, Index rows, Index channels, const P* mean,
                               const P* inv_std, const P* gamma, const P* beta, bool relu, const P* sum_dy,
                               const P* sum_dy_xhat, bool training, T* dx);

}  // namespace GLIA_NS
