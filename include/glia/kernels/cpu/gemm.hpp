#pragma once
// Matrix products on the CPU.

#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/gemm_kernel.hpp>
#include <glia/kernels/cpu/gemv.hpp>

namespace GLIA_NS {

namespace detail {
template <class T>
class MatrixProduct final : public GemmProblem<T> {
 public:
  const T *a = nullptr, *b = nullptr;
  T* c = nullptr;
  Index lda = 0, ldb = 0, ldc = 0;
  bool trans_a = false, trans_b = false;

  void pack_a(T* panel, Index row, Index rows, Index k0, Index kc) const override {
    using S = GemmShape<T>;
    if (trans_a) return pack_transposed(a, lda, this->m, panel, row, rows, k0, kc);
    for (Index r = 0; r < rows; ++r) copy_padded(a + (row + r) * lda + k0, kc, kc, panel + r * S::stride);
    for (Index r = rows; r < S::rows; ++r) std::fill_n(panel + r * S::stride, kc, T{0});
  }
  void pack_b(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const override {
    if (trans_b) return pack_transposed_b(b, ldb, panel, col, cols, width, k0, kc);
    for (const Index end = k0 + kc; k0 < end; ++k0, panel += width) copy_padded(b + k0 * ldb + col, cols, width, panel);
  }
  T* c_row(Index row) const override { return c + row * ldc; }
};
}  // namespace detail

// C = alpha * op(A) op(B) + beta * C with row-major op(A) [m, k], op(B) [k, n], C [m, n] and leading dimensions (row
// lengths in memory) lda, ldb, ldc. C is not read if beta is 0. Bitwise the same at any thread count.
template <class T>
void gemm(Cpu, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
          T beta, T* c, Index ldc) {
  if (m == 1) return detail::gemv<T>(!trans_b, n, k, alpha, b, ldb, a, trans_a ? lda : 1, beta, c, 1);
  if (n == 1) return detail::gemv<T>(trans_a, m, k, alpha, a, lda, b, trans_b ? 1 : ldb, beta, c, ldc);
  detail::MatrixProduct<T> product;
  product.m = m, product.n = n, product.k = k;
  product.alpha = alpha, product.beta = beta;
  product.depth_major = trans_a;
  product.a = a, product.b = b, product.c = c;
  product.lda = lda, product.ldb = ldb, product.ldc = ldc;
  product.trans_a = trans_a, product.trans_b = trans_b;
  detail::gemm_parallel<T>(product);
}

// `batch` products as in gemm, of matrices that lie stride_a, stride_b, stride_c elements apart; a stride of 0 for A or B
// means one operand shared by all products.
template <class T>
void gemm_batched(Cpu cpu, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b,
                  Index ldb, T beta, T* c, Index ldc, Index batch, Index stride_a, Index stride_b, Index stride_c) {
  const auto one = [=](Index i) {
    gemm(cpu, trans_a, trans_b, m, n, k, alpha, a + i * stride_a, lda, b + i * stride_b, ldb, beta, c + i * stride_c, ldc);
  };
  if (batch < 2 * num_threads() && static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) > 1e6) {
    for (Index i = 0; i < batch; ++i) one(i);
    return;
  }
  const double work = std::max(1.0, static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
  parallel_for(batch, static_cast<Index>(65536.0 / work) + 1, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) one(i);
  });
}

}  // namespace GLIA_NS
