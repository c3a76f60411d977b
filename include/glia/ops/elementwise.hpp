#pragma once
// Elementwise mathematics, comparisons and selection. Differentiable twice, through dual numbers (ops/map.hpp).

#include <glia/ops/arithmetic.hpp>
#include <glia/ops/convert.hpp>

namespace GLIA_NS {

// Defines functor::Name with `expression` of x, and the function `op`.
#define GLIA_DETAIL_UNARY(Functor, op, expression)                           \
  namespace functor {                                                        \
  struct Functor {                                                           \
    static constexpr const char* name = #op;                                 \
    template <class R>                                                       \
    GLIA_HD R operator()(R x) const {                                        \
      return expression;                                                     \
    }                                                                        \
  };                                                                         \
  }                                                                          \
  template <class T, class D>                                                \
  Tensor<T, D> op(const Tensor<T, D>& x) {                                   \
    return map(functor::Functor{}, x);                                       \
  }

GLIA_DETAIL_UNARY(Abs, abs, math::abs(x))  // derivative sign(x), 0 at 0
GLIA_DETAIL_UNARY(Square, square, x* x)
GLIA_DETAIL_UNARY(Sqrt, sqrt, math::sqrt(x))
GLIA_DETAIL_UNARY(Rsqrt, rsqrt, math::rsqrt(x))  // 1 / sqrt(x)
GLIA_DETAIL_UNARY(Reciprocal, reciprocal, R(1) / x)
GLIA_DETAIL_UNARY(Exp, exp, math::exp(x))
GLIA_DETAIL_UNARY(Expm1, expm1, math::expm1(x))
GLIA_DETAIL_UNARY(Log, log, math::log(x))
GLIA_DETAIL_UNARY(Log2, log2, math::log2(x))
GLIA_DETAIL_UNARY(Log1p, log1p, math::log1p(x))
GLIA_DETAIL_UNARY(Sin, sin, math::sin(x))
GLIA_DETAIL_UNARY(Cos, cos, math::cos(x))
GLIA_DETAIL_UNARY(Tan, tan, math::tan(x))
GLIA_DETAIL_UNARY(Asin, asin, math::asin(x))
GLIA_DETAIL_UNARY(Acos, acos, math::acos(x))
GLIA_DETAIL_UNARY(Atan, atan, math::atan(x))
GLIA_DETAIL_UNARY(Sinh, sinh, math::sinh(x))
GLIA_DETAIL_UNARY(Cosh, cosh, math::cosh(x))
GLIA_DETAIL_UNARY(Tanh, tanh, math::tanh(x))
GLIA_DETAIL_UNARY(Erf, erf, math::erf(x))
GLIA_DETAIL_UNARY(Floor, floor, math::floor(x))  // derivative 0, as for the next four
GLIA_DETAIL_UNARY(Ceil, ceil, math::ceil(x))
GLIA_DETAIL_UNARY(Round, round, math::round(x))  // half to even
GLIA_DETAIL_UNARY(Trunc, trunc, math::trunc(x))
GLIA_DETAIL_UNARY(Sign, sign, math::sign(x))

namespace functor {
struct Pow {
  static constexpr const char* name = "pow";
  template <class R> GLIA_HD R operator()(R x, R y) const { return math::pow(x, y); }
};
template <class C>
struct PowConstant {
  C exponent;
  static constexpr const char* name = "pow";
  template <class R> GLIA_HD R operator()(R x) const {
    // As a constant in the derivative too: what would flow into the exponent can be infinity times zero.
    if constexpr (requires { x.tangent; })
      return math::pow(x, exponent);
    else
      return math::pow(x, R(exponent));
  }
};
struct Maximum {
  static constexpr const char* name = "maximum";
  template <class R> GLIA_HD R operator()(R a, R b) const { return math::max(a, b); }
};
struct Minimum {
  static constexpr const char* name = "minimum";
  template <class R> GLIA_HD R operator()(R a, R b) const { return math::min(a, b); }
};
template <class C>
struct Clamp {
  C low, high;
  static constexpr const char* name = "clamp";
  template <class R> GLIA_HD R operator()(R x) const { return math::clamp(x, R(low), R(high)); }
};
struct Less {
  static constexpr const char* name = "less";
  template <class R> GLIA_HD bool operator()(R a, R b) const { return a < b; }
};
struct LessEqual {
  static constexpr const char* name = "less_equal";
  template <class R> GLIA_HD bool operator()(R a, R b) const { return a <= b; }
};
struct Equal {
  static constexpr const char* name = "equal";
  template <class R> GLIA_HD bool operator()(R a, R b) const { return a == b; }
};
struct NotEqual {
  static constexpr const char* name = "not_equal";
  template <class R> GLIA_HD bool operator()(R a, R b) const { return a != b; }
};
struct IsNan {
  static constexpr const char* name = "isnan";
  template <class R> GLIA_HD bool operator()(R x) const { return x != x; }
};
struct IsFinite {
  static constexpr const char* name = "isfinite";
  template <class R> GLIA_HD bool operator()(R x) const { return math::isfinite(x); }
};
struct And {
  template <class R> GLIA_HD bool operator()(R a, R b) const { return a && b; }
};
struct Or {
  template <class R> GLIA_HD bool operator()(R a, R b) const { return a || b; }
};
struct Not {
  template <class R> GLIA_HD bool operator()(R x) const { return !x; }
};
struct Select {
  template <class R> GLIA_HD R operator()(bool condition, R a, R b) const { return condition ? a : b; }
};
}  // namespace functor

// x^y with broadcasting; gradients with respect to both (that of y needs x > 0).
template <class T, class D>
Tensor<T, D> pow(const Tensor<T, D>& x, const Tensor<T, D>& y) {
  return map(functor::Pow{}, x, y);
}
template <Floating T, class D>
Tensor<T, D> pow(const Tensor<T, D>& x, std::type_identity_t<T> exponent) {
  using C = detail::compute_t<T>;
  return map(functor::PowConstant<C>{static_cast<C>(exponent)}, x);
}
// The larger (smaller) of both, NaN if either is. On a tie the gradient goes to `a`.
template <class T, class D>
Tensor<T, D> maximum(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return map(functor::Maximum{}, a, b);
}
template <class T, class D>
Tensor<T, D> minimum(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return map(functor::Minimum{}, a, b);
}
// x limited to [low, high]; gradient 1 inside, bounds included. ValueError if low > high.
template <class T, class D>
Tensor<T, D> clamp(const Tensor<T, D>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  using C = detail::compute_t<T>;
  if (!(static_cast<C>(low) <= static_cast<C>(high))) raise<ValueError>("clamp", "the lower bound exceeds the upper bound");
  return map(functor::Clamp<C>{static_cast<C>(low), static_cast<C>(high)}, x);
}

// Comparisons give Tensor<bool>, with broadcasting.
template <class T, class D>
Tensor<bool, D> less(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return map(functor::Less{}, a, b);
}
template <class T, class D>
Tensor<bool, D> less_equal(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return map(functor::LessEqual{}, a, b);
}
template <class T, class D>
Tensor<bool, D> equal(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return map(functor::Equal{}, a, b);
}
template <class T, class D>
Tensor<bool, D> not_equal(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return map(functor::NotEqual{}, a, b);
}
// clang-format off
template <class T, class D, class U, class E> Tensor<bool, D> operator<(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return less(a, b); }
template <class T, class D, class U, class E> Tensor<bool, D> operator<=(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return less_equal(a, b); }
template <class T, class D, class U, class E> Tensor<bool, D> operator>(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return less(b, a); }
template <class T, class D, class U, class E> Tensor<bool, D> operator>=(const Tensor<T, D>& a, const Tensor<U, E>& b) { detail::require_same_type<T, D, U, E>(); return less_equal(b, a); }
template <class T, class D> Tensor<bool, D> operator<(const Tensor<T, D>& a, std::type_identity_t<T> c) { return less(a, detail::filled<T, D>({}, c)); }
template <class T, class D> Tensor<bool, D> operator<=(const Tensor<T, D>& a, std::type_identity_t<T> c) { return less_equal(a, detail::filled<T, D>({}, c)); }
template <class T, class D> Tensor<bool, D> operator>(const Tensor<T, D>& a, std::type_identity_t<T> c) { return less(detail::filled<T, D>({}, c), a); }
template <class T, class D> Tensor<bool, D> operator>=(const Tensor<T, D>& a, std::type_identity_t<T> c) { return less_equal(detail::filled<T, D>({}, c), a); }
template <class D> Tensor<bool, D> operator&&(const Tensor<bool, D>& a, const Tensor<bool, D>& b) { return map(functor::And{}, a, b); }
template <class D> Tensor<bool, D> operator||(const Tensor<bool, D>& a, const Tensor<bool, D>& b) { return map(functor::Or{}, a, b); }
template <class D> Tensor<bool, D> operator!(const Tensor<bool, D>& x) { return map(functor::Not{}, x); }
// clang-format on

template <Floating T, class D>
Tensor<bool, D> isnan(const Tensor<T, D>& x) {
  return map(functor::IsNan{}, x);
}
template <Floating T, class D>
Tensor<bool, D> isfinite(const Tensor<T, D>& x) {
  return map(functor::IsFinite{}, x);
}

template <class T, class D>
Tensor<T, D> where(const Tensor<bool, D>& condition, const Tensor<T, D>& a, const Tensor<T, D>& b);

namespace detail {
template <class T, class D>
struct WhereNode final : autograd::Node {
  autograd::Saved<bool, D> condition;
  Shape a, b;
  const char* name() const noexcept override { return "where"; }
  void release() noexcept override { condition.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.template output<T, D>();
    const auto chosen = condition.get(this);
    const auto none = filled<T, D>({}, T(0));
    if (g.needs(0)) g.set(0, sum_to(where(chosen, dy, none), a));
    if (g.needs(1)) g.set(1, sum_to(where(chosen, none, dy), b));
  }
};
}  // namespace detail

// condition ? a : b, element by element, all three broadcast. The gradient goes to the chosen side only.
template <class T, class D>
Tensor<T, D> where(const Tensor<bool, D>& condition, const Tensor<T, D>& a, const Tensor<T, D>& b) {
  detail::require_defined("where", "condition", condition);
  detail::require_defined("where", "first choice", a);
  detail::require_defined("where", "second choice", b);
  const Shape shape = detail::common_shape("where", condition.shape(), a.shape(), b.shape());
  auto out = detail::map_values<T>(functor::Select{}, shape, condition, a, b);
  if (auto* node = autograd::record<detail::WhereNode<T, D>>(out, a, b)) {
    node->condition.save(condition);
    node->a = a.shape(), node->b = b.shape();
  }
  return out;
}

}  // namespace GLIA_NS
