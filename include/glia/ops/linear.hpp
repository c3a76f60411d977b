#pragma once
// The affine map of a dense layer.

#include <glia/ops/matmul.hpp>

namespace GLIA_NS {

namespace detail {
// x weight^T + bias for 16-bit x of two or more axes: the bias starts the float sums, so the result is rounded once.
template <class T, class D>
Tensor<T, D> linear_in_one(const Tensor<T, D>& x, const Tensor<T, D>& weight, const Tensor<T, D>& bias) {
  require_product_scalar<T, D>();
  const auto columns = weight.transpose();
  const Index k = weight.shape()[1], n = weight.shape()[0];
  Shape shape = x.shape();
  shape[x.rank() - 1] = n;
  Tensor<T, D> out;
  {
    const profile::Span span("matmul");
    const NoGrad plain;
    out = copy_values(bias.expand(shape));
    profile::count_flops(2 * out.numel() * k);
    const auto in = x.contiguous();
    const auto right = matrix_operand(columns);
    if (out.numel() != 0)
      gemm(D{}, false, right.transposed, out.numel() / n, n, k, T(1), in.data(), std::max<Index>(k, 1),
           right.tensor.data(), right.leading, T(1), out.mutable_data(), n);
  }
  if (auto* node = autograd::record<MatmulNode<T, D>>(out, x, columns, bias)) {
    node->a_shape = x.shape(), node->b_shape = columns.shape();
    if (autograd::wants_grad(columns)) node->a.save(x);
    if (autograd::wants_grad(x)) node->b.save(columns);
  }
  return out;
}
}  // namespace detail

// y = x weight^T + bias over the last axis: [..., in] -> [..., out] with weight [out, in] and bias [out] or undefined. Twice
// differentiable. 16-bit results are rounded once, behind the bias. ShapeError if the extents do not fit.
template <class T, class D>
Tensor<T, D> linear(const Tensor<T, D>& x, const std::type_identity_t<Tensor<T, D>>& weight,
                    const std::type_identity_t<Tensor<T, D>>& bias = {}) {
  detail::require_min_rank("linear", "input", x, 1);
  detail::require_rank("linear", "weight", weight, 2);
  if (x.size(-1) != weight.size(1))
    raise<ShapeError>("linear", "input has ", x.size(-1), " features (last axis of ", x.shape(), ") but weight expects ",
                      weight.size(1), " (last axis of ", weight.shape(), ")");
  if (bias.defined()) detail::require_shape("linear", "bias", bias, {weight.size(0)});
  if constexpr (ReducedFloating<T>)
    if (bias.defined())
      return x.rank() > 1 ? detail::linear_in_one(x, weight, bias)
                          : detail::linear_in_one(x.unsqueeze(0), weight, bias).squeeze(0);
  const auto y = matmul(x, weight.transpose());
  return bias.defined() ? add(y, bias) : y;
}

}  // namespace GLIA_NS
