#pragma once
// Matrix products by cuBLAS. It reads matrices by columns, so the row-major C = A B is asked for as C^T = B^T A^T.

#include <glia/core/scalar.hpp>
#include <glia/kernels/cuda/gemm.hpp>
#include <glia/kernels/cuda/launch.cuh>

namespace GLIA_NS {

namespace cuda {

// The case k = 0.
template <class T>
__global__ void scale_matrix_kernel(T beta, Index m, Index n, T* c, Index ldc, Index batch, Index stride) {
  for (Index i = first_item(); i < batch * m * n; i += item_step()) {
    T& element = c[i / (m * n) * stride + i / n % m * ldc + i % n];
    element = beta == T(0) ? T(0) : static_cast<T>(beta * element);
  }
}

inline cublasOperation_t transposition(bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace cuda

template <class T>
void gemm_batched(Cuda, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda,
                  const T* b, Index ldb, T beta, T* c, Index ldc, Index batch, Index stride_a, Index stride_b,
                  Index stride_c) {
  static_assert(Floating<T>, "gemm on CUDA works in float, double, bfloat16 and half");
  if (m == 0 || n == 0 || batch == 0) return;
  if (k == 0) {
    cuda::scale_matrix_kernel<T><<<cuda::blocks_for(batch * m * n), cuda::block_threads, 0, cuda::current_stream()>>>(
        beta, m, n, c, ldc, batch, stride_c);
    return cuda::check_launch("matmul");
  }
  const auto op_a = cuda::transposition(trans_a), op_b = cuda::transposition(trans_b);
  if constexpr (ReducedFloating<T>) {
    constexpr cudaDataType_t type = std::is_same_v<T, bfloat16> ? CUDA_R_16BF : CUDA_R_16F;
    const float by = static_cast<float>(alpha), keep = static_cast<float>(beta);
    cuda::check("matmul", cublasGemmStridedBatchedEx_64(cuda::cublas(), op_b, op_a, n, m, k, &by, b, type, ldb,
                                                        stride_b, a, type, lda, stride_a, &keep, c, type, ldc, stride_c,
                                                        batch, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
  } else if constexpr (std::is_same_v<T, float>) {
    if (batch == 1)
      cuda::check("matmul", cublasSgemm_64(cuda::cublas(), op_b, op_a, n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc));
    else
      cuda::check("matmul", cublasSgemmStridedBatched_64(cuda::cublas(), op_b, op_a, n, m, k, &alpha, b, ldb, stride_b,
                                                         a, lda, stride_a, &beta, c, ldc, stride_c, batch));
  } else {
    if (batch == 1)
      cuda::check("matmul", cublasDgemm_64(cuda::cublas(), op_b, op_a, n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc));
    else
      cuda::check("matmul", cublasDgemmStridedBatched_64(cuda::cublas(), op_b, op_a, n, m, k, &alpha, b, ldb, stride_b,
                                                         a, lda, stride_a, &beta, c, ldc, stride_c, batch));
  }
}

template <class T>
void gemm(Cuda cuda, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b,
          Index ldb, T beta, T* c, Index ldc) {
  gemm_batched(cuda, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, 1, 0, 0, 0);
}

}  // namespace GLIA_NS
