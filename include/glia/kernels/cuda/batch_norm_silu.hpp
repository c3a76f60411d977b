#pragma once
// Launchers of batch normalisation with SiLU on CUDA, as those of kernels/cpu/batch_norm_silu.hpp; defined in
// batch_norm_silu.cuh. Data are [rows, channels]; what belongs to channels is a P, the ParameterScalar of T.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y = silu((x - mean) * inv_std * gamma + beta) + residual. gamma, beta and residual may be null; y may be x or
// residual.
template <class T, class P>
void batch_norm_silu_forward(Cuda, const T* x, const T* residual, Index rows, Index channels, const P* mean,
                             const P* inv_std, const P* gamma, const P* beta, T* y);

// With g = dy * silu'(value): sum_dy[c] = sum g, sum_dy_xhat[c] = sum g * xhat.
template <class T, class P>
void batch_norm_silu_backward_sums(Cuda, const T* dy, const T* x, Index rows, Index channels, const P* mean,
                                   const P* inv_std, const P* gamma, const P* beta, P* sum_dy, P* sum_dy_xhat);

// dx as in batch_norm_backward_input, with that g. dx may be dy.
template <class T, class P>
void batch_norm_silu_backward_input(Cuda, const T* dy, const T* x, Index rows, Index channels, const P* mean,
                                    const P* inv_std, const P* gamma, const P* beta, const P* sum_dy,
                                    const P* sum_dy_xhat, bool training, T* dx);

}  // namespace GLIA_NS
