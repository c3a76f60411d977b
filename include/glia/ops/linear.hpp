#pragma once
// The affine map of a dense layer.

#include <glia/ops/matmul.hpp>

namespace GLIA_NS {

// y = x weight^T + bias over the last axis: [..., in] -> [..., out] with weight [out, in] and bias [out] or undefined. Twice
// differentiable. ShapeError if the extents do not fit.
template <class T, class D>
Tensor<T, D> linear(const Tensor<T, D>& x, const std::type_identity_t<Tensor<T, D>>& weight,
                    const std::type_identity_t<Tensor<T, D>>& bias = {}) {
  detail::require_min_rank("linear", "input", x, 1);
  detail::require_rank("linear", "weight", weight, 2);
  if (x.size(-1) != weight.size(1))
    raise<ShapeError>("linear", "input has ", x.size(-1), " features (last axis of ", x.shape(), ") but weight expects ",
                      weight.size(1), " (last axis of ", weight.shape(), ")");
  const auto y = matmul(x, weight.transpose());
  if (!bias.defined()) return y;
  detail::require_shape("linear", "bias", bias, {weight.size(0)});
  return add(y, bias);
}

}  // namespace GLIA_NS
