#pragma once
// Eigen maps over tensor memory, without copies. Not part of glia.hpp: include it where Eigen is wanted.

#include <glia/tensor/tensor.hpp>

#include <Eigen/Core>

namespace GLIA_NS {

template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using EigenStride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;

// A read-only Eigen view of a 2-d (or 1-d, as one row) host tensor of any strides; valid while the tensor lives. ShapeError for
// other ranks.
template <class T>
Eigen::Map<const EigenMatrix<T>, Eigen::Unaligned, EigenStride> as_eigen(const Tensor<T, Cpu>& x) {
  if (x.rank() != 2 && x.rank() != 1) raise<ShapeError>("as_eigen", "needs one or two axes, got shape ", x.shape());
  const bool row = x.rank() == 1;
  return {x.data(), row ? 1 : x.shape()[0], x.shape().back(),
          EigenStride(row ? x.shape()[0] : x.strides()[0], x.strides().back())};
}

// The writable form; counts as an in-place write.
template <class T>
Eigen::Map<EigenMatrix<T>, Eigen::Unaligned, EigenStride> as_eigen_mutable(Tensor<T, Cpu>& x) {
  if (x.rank() != 2 && x.rank() != 1) raise<ShapeError>("as_eigen_mutable", "needs one or two axes, got shape ", x.shape());
  const bool row = x.rank() == 1;
  return {x.mutable_data(), row ? 1 : x.shape()[0], x.shape().back(),
          EigenStride(row ? x.shape()[0] : x.strides()[0], x.strides().back())};
}

// A tensor with a copy of an Eigen matrix or expression, [rows, cols].
template <class Derived>
Tensor<typename Derived::Scalar, Cpu> from_eigen(const Eigen::MatrixBase<Derived>& matrix) {
  using T = typename Derived::Scalar;
  auto out = Tensor<T, Cpu>::empty({matrix.rows(), matrix.cols()});
  as_eigen_mutable(out) = matrix;
  return out;
}

}  // namespace GLIA_NS
