#pragma once
// Softmax and log-softmax along one axis.

#include <glia/kernels/cpu/softmax.hpp>
#include <glia/ops/arithmetic.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/sum.hpp>

#include <concepts>

namespace GLIA_NS {

namespace functor {
struct ExpOfLog {
  static constexpr const char* name = "exp";
  template <class R> GLIA_HD R operator()(R x) const { return math::exp(x); }
};
}  // namespace functor

namespace detail {

// The extents of [outer, n, inner] around one axis.
struct AxisExtents {
  Index outer = 1, n = 1, inner = 1;
  AxisExtents(const Shape& shape, int axis) : n(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

// exp(x), whose derivative is itself: cheaper to compile than the general map.
template <class T, class D>
struct ExpOfLogNode final : autograd::Node {
  autograd::Saved<T, D> y;
  const char* name() const noexcept override { return "exp"; }
  void release() noexcept override { y.reset(); }
  void backward(autograd::Gradients& g) override { g.set(0, mul(g.template output<T, D>(), y.get(this))); }
};
template <class T, class D>
Tensor<T, D> exp_of_log(const Tensor<T, D>& x) {
  auto out = map_values<T>(functor::ExpOfLog{}, x.shape(), x);
  if (auto* node = autograd::record<ExpOfLogNode<T, D>>(out, x)) node->y.save_output(out);
  return out;
}

template <class T, class D>
Tensor<T, D> plain_contiguous(const Tensor<T, D>& x) {
  const NoGrad plain;
  return x.contiguous();
}

// Fused kernels for the ordinary backward pass, ops when the pass itself is recorded.
template <class T, class D>
struct SoftmaxNode final : autograd::Node {
  autograd::Saved<T, D> y;
  int axis = 0;
  const char* name() const noexcept override { return "softmax"; }
  void release() noexcept override { y.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    const auto p = y.get(this);
    if (grad_enabled()) {
      g.set(0, mul(p, sub(dy, sum(mul(dy, p), axis, true))));
      return;
    }
    const AxisExtents e(p.shape(), axis);
    auto dx = Tensor<T, D>::empty(p.shape());
    softmax_backward(D{}, plain_contiguous(dy).data(), p.data(), e.outer, e.n, e.inner, dx.mutable_data());
    g.set(0, dx);
  }
};

template <class T, class D>
struct LogSoftmaxNode final : autograd::Node {
  autograd::Saved<T, D> y;
  int axis = 0;
  const char* name() const noexcept override { return "log_softmax"; }
  void release() noexcept override { y.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    const auto l = y.get(this);
    if (grad_enabled()) {
      g.set(0, sub(dy, mul(exp_of_log(l), sum(dy, axis, true))));
      return;
    }
    const AxisExtents e(l.shape(), axis);
    auto dx = Tensor<T, D>::empty(l.shape());
    log_softmax_backward(D{}, plain_contiguous(dy).data(), l.data(), e.outer, e.n, e.inner, dx.mutable_data());
    g.set(0, dx);
  }
};

}  // namespace detail

// exp(x) / sum(exp(x)) along `axis`, without overflow. 16-bit inputs are computed in float. IndexError if there is no such
// axis. Twice differentiable.
template <Floating T, class D>
Tensor<T, D> softmax(const Tensor<T, D>& x, Index axis = -1) {
  const profile::Span span("softmax");
  if constexpr (!std::floating_point<T>) {
    return softmax(x.template cast<float>(), axis).template cast<T>();
  } else {
    detail::require_defined("softmax", "input", x);
    const int a = detail::require_axis("softmax", axis, x.rank());
    const detail::AxisExtents e(x.shape(), a);
    auto out = Tensor<T, D>::empty(x.shape());
    softmax_forward(D{}, detail::plain_contiguous(x).data(), e.outer, e.n, e.inner, out.mutable_data());
    if (auto* node = autograd::record<detail::SoftmaxNode<T, D>>(out, x)) node->y.save_output(out), node->axis = a;
    return out;
  }
}

// x - log(sum(exp(x))) along `axis`. Otherwise as softmax.
template <Floating T, class D>
Tensor<T, D> log_softmax(const Tensor<T, D>& x, Index axis = -1) {
  const profile::Span span("log_softmax");
  if constexpr (!std::floating_point<T>) {
    return log_softmax(x.template cast<float>(), axis).template cast<T>();
  } else {
    detail::require_defined("log_softmax", "input", x);
    const int a = detail::require_axis("log_softmax", axis, x.rank());
    const detail::AxisExtents e(x.shape(), a);
    auto out = Tensor<T, D>::empty(x.shape());
    log_softmax_forward(D{}, detail::plain_contiguous(x).data(), e.outer, e.n, e.inner, out.mutable_data());
    if (auto* node = autograd::record<detail::LogSoftmaxNode<T, D>>(out, x)) node->y.save_output(out), node->axis = a;
    return out;
  }
}

}  // namespace GLIA_NS
