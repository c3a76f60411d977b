#pragma once
// Launchers of layer and group normalisation on CUDA, as those of kernels/cpu/layer_norm.hpp; defined in
// layer_norm.cuh. Statistics and what belongs to channels are P, the ParameterScalar of T.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y = (x - mean) * inv_std * gamma + beta for every row of x [rows, n]; gamma, beta [n] may be null. Saves mean,
// inv_std [rows].
template <class T, class P>
void layer_norm_forward(Cuda, const T* x, Index rows, Index n, const P* gamma, const P* beta, double epsilon, T* y,
                        P* mean, P* inv_std);
// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)) per row, with g = dy * gamma; gamma may be null.
template <class T, class P>
void layer_norm_backward_input(Cuda, const T* dy, const T* x, const P* mean, const P* inv_std, const P* gamma,
                               Index rows, Index n, T* dx);
// dgamma[i] = sum over rows of dy * xhat, dbeta[i] = sum over rows of dy.
template <class T, class P>
void layer_norm_backward_affine(Cuda, const T* dy, const T* x, const P* mean, const P* inv_std, Index rows, Index n,
                                P* dgamma, P* dbeta);

// Group norm of x [images, pixels, groups * depth] over the pixels and the `depth` channels of a group. gamma, beta may
// be null. Saves mean and inv_std [images, groups].
template <class T, class P>
void group_norm_forward(Cuda, const T* x, Index images, Index pixels, Index groups, Index depth, const P* gamma,
                        const P* beta, double epsilon, T* y, P* mean, P* inv_std);
// dx, and dgamma, dbeta (each may be null). gamma may be null.
template <class T, class P>
void group_norm_backward(Cuda, const T* dy, const T* x, const P* mean, const P* inv_std, const P* gamma, Index images,
                         Index pixels, Index groups, Index depth, T* dx, P* dgamma, P* dbeta);

}  // namespace GLIA_NS
