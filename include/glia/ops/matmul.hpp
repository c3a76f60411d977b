#pragma once
// Matrix products: batched with broadcasting, transposed operands without copies.

#include <glia/kernels/cpu/gemm.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS {

template <class T, class D>
Tensor<T, D> matmul(const Tensor<T, D>& a, const Tensor<T, D>& b);

namespace detail {

// The last two axes of a tensor as gemm reads them: row-major, possibly transposed, with a leading dimension.
template <class T, class D>
struct MatrixOperand {
  Tensor<T, D> tensor;
  bool transposed = false;
  Index leading = 1;
};

template <class T, class D>
MatrixOperand<T, D> matrix_operand(const Tensor<T, D>& x) {
  const int r = x.rank();
  const Index rows = x.shape()[r - 2], columns = x.shape()[r - 1];
  const Index row_step = x.strides()[r - 2], column_step = x.strides()[r - 1];
  if ((column_step == 1 || columns == 1) && (row_step >= std::max<Index>(columns, 1) || rows == 1))
    return {x, false, rows == 1 ? std::max<Index>(columns, 1) : row_step};
  if ((row_step == 1 || rows == 1) && (column_step >= std::max<Index>(rows, 1) || columns == 1))
    return {x, true, columns == 1 ? std::max<Index>(rows, 1) : column_step};
  const NoGrad plain;
  return {x.clone(), false, std::max<Index>(columns, 1)};
}

// The product of operands with at least two axes each.
template <class T, class D>
Tensor<T, D> matmul_values(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  const profile::Span span("matmul");
  const int ra = a.rank(), rb = b.rank();
  const Index m = a.shape()[ra - 2], k = a.shape()[ra - 1], n = b.shape()[rb - 1];
  Shape batch_a = a.shape(), batch_b = b.shape();
  for (int i = 0; i < 2; ++i) batch_a.erase(batch_a.rank() - 1), batch_b.erase(batch_b.rank() - 1);
  const Shape batch = require_broadcast("matmul", batch_a, batch_b);
  Shape shape = batch;
  shape.push_back(m);
  shape.push_back(n);
  auto out = Tensor<T, D>::empty(shape);
  if (out.numel() == 0) return out;
  profile::count_flops(2 * out.numel() * k);
  const auto left = matrix_operand(a), right = matrix_operand(b);
  Strides la = left.tensor.strides(), lb = right.tensor.strides();
  for (int i = 0; i < 2; ++i) la.erase(la.rank() - 1), lb.erase(lb.rank() - 1);
  Shape loop = batch;
  Strides steps[2] = {broadcast_strides(batch_a, la, batch), broadcast_strides(batch_b, lb, batch)};
  collapse(loop, steps, 2);
  T* c = out.mutable_data();
  const T* pa = left.tensor.data();
  const T* pb = right.tensor.data();
  if (loop.rank() == 0) {
    gemm(D{}, left.transposed, right.transposed, m, n, k, T(1), pa, left.leading, pb, right.leading, T(0), c, n);
  } else if (loop.rank() == 1 && steps[1][0] == 0 && !left.transposed && steps[0][0] == m * left.leading) {
    gemm(D{}, false, right.transposed, loop[0] * m, n, k, T(1), pa, left.leading, pb, right.leading, T(0), c, n);
  } else {
    const Index inner = loop.back(), step_a = steps[0].back(), step_b = steps[1].back();
    Shape outer = loop;
    outer.erase(loop.rank() - 1);
    for (Index i = 0; i < outer.numel(); ++i)
      gemm_batched(D{}, left.transposed, right.transposed, m, n, k, T(1), pa + offset_of(i, outer, steps[0]),
                   left.leading, pb + offset_of(i, outer, steps[1]), right.leading, T(0), c + i * inner * m * n, n,
                   inner, step_a, step_b, m * n);
  }
  return out;
}

// A third input, if there is one, was added to every row of the result.
template <class T, class D>
struct MatmulNode final : autograd::Node {
  autograd::Saved<T, D> a, b;
  Shape a_shape, b_shape;
  const char* name() const noexcept override { return "matmul"; }
  void release() noexcept override { a.reset(), b.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    if (g.needs(0)) g.set(0, sum_to(matmul(dy, b.get(this).transpose()), a_shape));
    if (g.needs(1)) g.set(1, weight_gradient(a.get(this), dy));
    if (edges.size() > 2 && g.needs(2)) g.set(2, sum_to(dy, Shape{dy.size(-1)}));
  }

 private:
  // A shared right operand sums over the batch inside one product.
  Tensor<T, D> weight_gradient(const Tensor<T, D>& x, const Tensor<T, D>& dy) const {
    if (b_shape.rank() == 2 && a_shape.rank() > 2) {
      Index count = 1;  // spelt out: -1 cannot be inferred where an extent is 0
      for (int i = 0; i + 1 < x.rank(); ++i) count *= x.shape()[i];
      const auto rows = x.reshape({count, x.size(-1)}), gradients = dy.reshape({count, dy.size(-1)});
      return matmul(rows.transpose(), gradients);
    }
    return sum_to(matmul(x.transpose(), dy), b_shape);
  }
};

template <class T, class D>
constexpr void require_product_scalar() {
  static_assert(std::floating_point<T> || std::is_same_v<T, bfloat16> || (Floating<T> && !std::is_same_v<D, Cpu>),
                "matmul works in float, double or bfloat16 (on a GPU also in half): write x.template cast<float>()");
}

}  // namespace detail

// Matrix product over the last two axes with broadcasting of the leading ones: [..., m, k] x [..., k, n] -> [..., m, n].
// A 1-d operand stands for one row (left) or one column (right), whose axis is dropped from the result. Transposed views
// are read in place. Products of bfloat16 are summed in float and rounded once; with a weight that is
// weight.cast<bfloat16>() of a float tensor, as in nn::Linear<Device, bfloat16>, the gradient of that tensor is float too.
// Twice differentiable. ShapeError if the inner extents differ.
template <class T, class D>
Tensor<T, D> matmul(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  detail::require_product_scalar<T, D>();
  detail::require_min_rank("matmul", "left operand", a, 1);
  detail::require_min_rank("matmul", "right operand", b, 1);
  if (a.rank() == 1) return matmul(a.unsqueeze(0), b).squeeze(b.rank() == 1 ? 0 : -2);
  if (b.rank() == 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (a.size(-1) != b.size(-2))
    raise<ShapeError>("matmul", "the left operand has ", a.size(-1), " columns (shape ", a.shape(),
                      ") but the right one has ", b.size(-2), " rows (shape ", b.shape(), ")");
  auto out = detail::matmul_values(a, b);
  if (auto* node = autograd::record<detail::MatmulNode<T, D>>(out, a, b)) {
    node->a_shape = a.shape(), node->b_shape = b.shape();
    if (autograd::wants_grad(b)) node->a.save(a);
    if (autograd::wants_grad(a)) node->b.save(b);
  }
  return out;
}

// [n] x [m] -> [n, m]: every product a[i] * b[j].
template <class T, class D>
Tensor<T, D> outer(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  detail::require_rank("outer", "left operand", a, 1);
  detail::require_rank("outer", "right operand", b, 1);
  return mul(a.unsqueeze(1), b.unsqueeze(0));
}

}  // namespace GLIA_NS
