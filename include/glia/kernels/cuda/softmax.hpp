#pragma once
// Launchers of softmax, log-softmax and log-sum-exp along the middle axis of a contiguous [outer, n, inner] array on
// CUDA; defined in softmax.cuh. Sums are held in double.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// y = exp(x - max) / sum exp(x - max). A row of -infinity gives NaN. y may be x.
template <class T>
void softmax_forward(Cuda, const T* x, Index outer, Index n, Index inner, T* y);
// dx = y * (dy - sum(dy * y)). dx may be dy.
template <class T>
void softmax_backward(Cuda, const T* dy, const T* y, Index outer, Index n, Index inner, T* dx);
// lse[o, i] = log(sum over k of exp(x[o, k, i])); -infinity for n == 0 or a row of -infinity.
template <class T>
void logsumexp_forward(Cuda, const T* x, Index outer, Index n, Index inner, T* lse);
// y = x - logsumexp(x). y may be x.
template <class T>
void log_softmax_forward(Cuda, const T* x, Index outer, Index n, Index inner, T* y);
// dx = dy - exp(y) * sum(dy). dx may be dy.
template <class T>
void log_softmax_backward(Cuda, const T* dy, const T* y, Index outer, Index n, Index inner, T* dx);

}  // namespace GLIA_NS
