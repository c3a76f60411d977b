#pragma once
// Matrix products on the CPU.

#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/gemm_kernel.hpp>

namespace GLIA_NS {

namespace detail {
// Packs columns of op(B) into a panel, see gemm_range.
template <class T>
struct PackMatrixB {
  const T* b;
  Index ld;
  bool trans;

  void operator()(T* panel, Index col, Index cols, Index width, Index k0, Index kc) const {
    if (trans) {
      for (Index j = 0; j < cols; ++j) {
        const T* source = b + (col + j) * ld + k0;
        for (Index k = 0; k < kc; ++k) panel[k * width + j] = source[k];
      }
      for (Index j = cols; j < width; ++j)
        for (Index k = 0; k < kc; ++k) panel[k * width + j] = T{0};
    } else {
      for (Index k = 0; k < kc; ++k) {
        const T* source = b + (k0 + k) * ld + col;
        T* target = panel + k * width;
        std::copy_n(source, cols, target);
        std::fill(target + cols, target + width, T{0});
      }
    }
  }
};

// Packs rows of A, stored [m, k]: row-major panel.
template <class T>
struct PackMatrixA {
  const T* a;
  Index ld;

  void operator()(T* panel, Index row, Index rows, Index k0, Index kc) const {
    using S = GemmShape<T>;
    for (Index r = 0; r < rows; ++r) std::copy_n(a + (row + r) * ld + k0, kc, panel + r * S::stride);
    for (Index r = rows; r < S::rows; ++r) std::fill_n(panel + r * S::stride, kc, T{0});
  }
};

// Packs rows of the transpose of a matrix stored [k, m]: depth-major panel.
template <class T>
struct PackTransposedA {
  const T* a;
  Index ld;

  void operator()(T* panel, Index row, Index rows, Index k0, Index kc) const {
    constexpr int R = GemmShape<T>::rows;
    for (Index k = 0; k < kc; ++k) {
      const T* source = a + (k0 + k) * ld + row;
      T* target = panel + k * R;
      if (rows == R) {
        for (int r = 0; r < R; ++r) target[r] = source[r];
      } else {
        for (int r = 0; r < R; ++r) target[r] = r < rows ? source[r] : T{0};
      }
    }
  }
};
}  // namespace detail

// C = alpha * op(A) op(B) + beta * C with row-major op(A) [m, k], op(B) [k, n], C [m, n] and leading dimensions (row
// lengths in memory) lda, ldb, ldc. C is not read if beta is 0. Bitwise the same at any thread count.
template <class T>
void gemm(Cpu, bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
          T beta, T* c, Index ldc) {
  const detail::PackMatrixB<T> pack_b{b, ldb, trans_b};
  const auto c_row = [=](Index row) { return c + row * ldc; };
  if (trans_a)
    detail::gemm_parallel<T, true>(m, n, k, detail::PackTransposedA<T>{a, lda}, pack_b, c_row, alpha, beta,
                                   static_cast<const T*>(nullptr));
  else
    detail::gemm_parallel<T, false>(m, n, k, detail::PackMatrixA<T>{a, lda}, pack_b, c_row, alpha, beta,
                                    static_cast<const T*>(nullptr));
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
