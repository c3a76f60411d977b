#pragma once
// Launchers of the fused log-softmax + cross entropy over rows of logits [rows, classes] on CUDA, with the formulas of
// kernels/cpu/cross_entropy.hpp; defined in cross_entropy.cuh.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// loss and lse are [rows]; weight [classes] may be null. Rows whose label is `ignore` give 0.
template <class T>
void cross_entropy_forward(Cuda, const T* logits, const std::int64_t* labels, const T* weight, Index rows,
                           Index classes, T smoothing, std::int64_t ignore, T* loss, T* lse);
// total (one number) = the sum of w[label] over rows that are not ignored.
template <class T>
void cross_entropy_total_weight(Cuda, const std::int64_t* labels, const T* weight, Index rows, std::int64_t ignore,
                                T* total);
template <class T>
void cross_entropy_backward(Cuda, const T* dloss, const T* logits, const T* lse, const std::int64_t* labels,
                            const T* weight, Index rows, Index classes, T smoothing, std::int64_t ignore, T* dlogits);
// Both: loss, lse and, with the gradient dloss [rows] of the losses known beforehand, dlogits.
template <class T>
void cross_entropy_forward_backward(Cuda, const T* dloss, const T* logits, const std::int64_t* labels, const T* weight,
                                    Index rows, Index classes, T smoothing, std::int64_t ignore, T* loss, T* lse,
                                    T* dlogits);
// The same with soft targets [rows, classes].
template <class T>
void soft_cross_entropy_forward(Cuda, const T* logits, const T* target, const T* weight, Index rows, Index classes,
                                T smoothing, T* loss, T* lse);
// dlogits or dtarget may be null.
template <class T>
void soft_cross_entropy_backward(Cuda, const T* dloss, const T* logits, const T* lse, const T* target, const T* weight,
                                 Index rows, Index classes, T smoothing, T* dlogits, T* dtarget);

}  // namespace GLIA_NS
