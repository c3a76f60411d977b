#pragma once
// Launchers of the matrix products on CUDA; defined in gemm.cuh. float and double in full precision (no TF32);
// bfloat16 and half with sums in float.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// C = alpha * op(A) op(B) + beta * C with row-major op(A) [m, k], op(B) [k, n], C [m, n] and leading dimensions (row
// lengths in memory) lda, ldb, ldc. C is not read if beta is 0.
template <class T>
void gemm(Cuda, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b,
          Index ldb, T beta, T* c, Index ldc);

// `batch` products as in gemm, of matrices that lie stride_a, stride_b, stride_c elements apart; a stride of 0 for A or
// B means one operand shared by all products.
template <class T>
void gemm_batched(Cuda, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda,
                  const T* b, Index ldb, T beta, T* c, Index ldc, Index batch, Index stride_a, Index stride_b,
                  Index stride_c);

}  // namespace GLIA_NS
