#pragma once
// Addition, subtraction, multiplication, division, negation, and their operators.

#include <glia/ops/map.hpp>

namespace GLIA_NS {

namespace functor {
struct Add {
  template <class R> GLIA_HD R operator()(R a, R b) const { return a + b; }
};
struct Sub {
  template <class R> GLIA_HD R operator()(R a, R b) const { return a - b; }
};
struct Mul {
  template <class R> GLIA_HD R operator()(R a, R b) const { return a * b; }
};
struct Div {
  template <class R> GLIA_HD R operator()(R a, R b) const { return a / b; }
};
// scale * x + shift
template <class C>
struct Affine {
  C scale, shift;
  template <class R> GLIA_HD R operator()(R x) const { return x * scale + shift; }
};
template <class C>
struct Scale {
  C factor;
  template <class R> GLIA_HD R operator()(R x) const { return x * factor; }
};
template <class C>
struct Shift {
  C amount;
  template <class R> GLIA_HD R operator()(R x) const { return x + amount; }
};
template <class C>
struct ScalarOver {
  C numerator;
  template <class R> GLIA_HD R operator()(R x) const { return R(numerator) / x; }
};
}  // namespace functor

template <class T, class D>
Tensor<T, D> neg(const Tensor<T, D>& x);
template <class T, class D>
Tensor<T, D> scale(const Tensor<T, D>& x, detail::compute_t<T> factor);
template <class T, class D>
Tensor<T, D> div(const Tensor<T, D>& a, const Tensor<T, D>& b);

namespace detail {

template <class T, class D>
struct AddNode final : autograd::Node {
  Shape a, b;
  bool subtract = false;
  const char* name() const noexcept override { return subtract ? "sub" : "add"; }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    if (g.needs(0)) g.set(0, sum_to(dy, a));
    if (g.needs(1)) g.set(1, subtract ? neg(sum_to(dy, b)) : sum_to(dy, b));
  }
};

template <class T, class D>
struct MulNode final : autograd::Node {
  autograd::Saved<T, D> a, b;
  Shape a_shape, b_shape;
  const char* name() const noexcept override { return "mul"; }
  void release() noexcept override { a.reset(), b.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    if (g.needs(0)) g.set(0, sum_to(mul(dy, b.get(this)), a_shape));
    if (g.needs(1)) g.set(1, sum_to(mul(dy, a.get(this)), b_shape));
  }
};

template <class T, class D>
struct DivNode final : autograd::Node {
  autograd::Saved<T, D> a, b;
  const char* name() const noexcept override { return "div"; }
  void release() noexcept override { a.reset(), b.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto numerator = a.get(this), denominator = b.get(this);
    const auto part = div(g.template output<T, D>(), denominator);
    if (g.needs(0)) g.set(0, sum_to(part, numerator.shape()));
    if (g.needs(1)) g.set(1, sum_to(neg(mul(part, div(numerator, denominator))), denominator.shape()));
  }
};

// Multiplication by a constant; also negation and the identity behind x + constant.
template <class T, class D>
struct ScaleNode final : autograd::Node {
  compute_t<T> factor{};
  const char* name() const noexcept override { return "scale"; }
  void backward(autograd::Gradients& g) override { g.set(0, scale(g.template output<T, D>(), factor)); }
};

template <class Functor, class T, class D>
Tensor<T, D> binary_values(const char* op, const Tensor<T, D>& a, const Tensor<T, D>& b) {
  require_defined(op, "left operand", a);
  require_defined(op, "right operand", b);
  return map_values<T>(Functor{}, require_broadcast(op, a.shape(), b.shape()), a, b);
}

}  // namespace detail

// a + b with broadcasting. Twice differentiable, as all ops in this header.
template <class T, class D>
Tensor<T, D> add(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  auto out = detail::binary_values<functor::Add>("add", a, b);
  if (auto* node = autograd::record<detail::AddNode<T, D>>(out, a, b)) node->a = a.shape(), node->b = b.shape();
  return out;
}

// a - b with broadcasting.
template <class T, class D>
Tensor<T, D> sub(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  auto out = detail::binary_values<functor::Sub>("sub", a, b);
  if (auto* node = autograd::record<detail::AddNode<T, D>>(out, a, b)) {
    node->a = a.shape(), node->b = b.shape();
    node->subtract = true;
  }
  return out;
}

// a * b, element by element, with broadcasting.
template <class T, class D>
Tensor<T, D> mul(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  auto out = detail::binary_values<functor::Mul>("mul", a, b);
  if (auto* node = autograd::record<detail::MulNode<T, D>>(out, a, b)) {
    node->a_shape = a.shape(), node->b_shape = b.shape();
    if (autograd::wants_grad(b)) node->a.save(a);
    if (autograd::wants_grad(a)) node->b.save(b);
  }
  return out;
}

// a / b with broadcasting; integers divide as in C++ and must not be divided by zero.
template <class T, class D>
Tensor<T, D> div(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  auto out = detail::binary_values<functor::Div>("div", a, b);
  if (auto* node = autograd::record<detail::DivNode<T, D>>(out, a, b)) node->a.save(a), node->b.save(b);
  return out;
}

// x * factor. Constants of this and the following are in the type that T is computed in (float for the 16-bit types).
template <class T, class D>
Tensor<T, D> scale(const Tensor<T, D>& x, detail::compute_t<T> factor) {
  detail::require_defined("scale", "input", x);
  using C = detail::compute_t<T>;
  auto out = detail::map_values<T>(functor::Scale<C>{factor}, x.shape(), x);
  if (auto* node = autograd::record<detail::ScaleNode<T, D>>(out, x)) node->factor = factor;
  return out;
}

// x + amount.
template <class T, class D>
Tensor<T, D> shift(const Tensor<T, D>& x, detail::compute_t<T> amount) {
  detail::require_defined("shift", "input", x);
  using C = detail::compute_t<T>;
  auto out = detail::map_values<T>(functor::Shift<C>{amount}, x.shape(), x);
  if (auto* node = autograd::record<detail::ScaleNode<T, D>>(out, x)) node->factor = C(1);
  return out;
}

// -x
template <class T, class D>
Tensor<T, D> neg(const Tensor<T, D>& x) {
  return scale(x, static_cast<detail::compute_t<T>>(-1));
}

// clang-format off
template <class T, class D, class U, class E>
Tensor<T, D> operator+(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return add(a, b); }
template <class T, class D, class U, class E>
Tensor<T, D> operator-(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return sub(a, b); }
template <class T, class D, class U, class E>
Tensor<T, D> operator*(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return mul(a, b); }
template <class T, class D, class U, class E>
Tensor<T, D> operator/(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return div(a, b); }

template <class T, class D> Tensor<T, D> operator-(const Tensor<T, D>& x) { return neg(x); }
template <class T, class D> Tensor<T, D> operator+(const Tensor<T, D>& x, detail::compute_t<T> c) { return shift(x, c); }
template <class T, class D> Tensor<T, D> operator+(detail::compute_t<T> c, const Tensor<T, D>& x) { return shift(x, c); }
template <class T, class D> Tensor<T, D> operator-(const Tensor<T, D>& x, detail::compute_t<T> c) { return shift(x, static_cast<detail::compute_t<T>>(-c)); }
template <class T, class D> Tensor<T, D> operator-(detail::compute_t<T> c, const Tensor<T, D>& x) { return shift(neg(x), c); }
template <class T, class D> Tensor<T, D> operator*(const Tensor<T, D>& x, detail::compute_t<T> c) { return scale(x, c); }
template <class T, class D> Tensor<T, D> operator*(detail::compute_t<T> c, const Tensor<T, D>& x) { return scale(x, c); }
template <Floating T, class D> Tensor<T, D> operator/(const Tensor<T, D>& x, detail::compute_t<T> c) { return scale(x, static_cast<detail::compute_t<T>>(1) / c); }
template <Floating T, class D> Tensor<T, D> operator/(detail::compute_t<T> c, const Tensor<T, D>& x) {
  return map(functor::ScalarOver<detail::compute_t<T>>{c}, x);
}
// clang-format on

}  // namespace GLIA_NS
