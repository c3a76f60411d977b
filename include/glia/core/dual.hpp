#pragma once
// Dual numbers: a value and one directional derivative, so that one functor gives its own derivatives.
// Dual<Dual<R>> gives second derivatives. math:: overloads are in core/math_dual.hpp, included here.

#include <glia/core/config.hpp>
#include <glia/core/math.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace GLIA_NS {

template <class R>
struct Dual;

namespace detail {
template <class T>
inline constexpr int dual_depth = 0;
template <class R>
inline constexpr int dual_depth<Dual<R>> = 1 + dual_depth<R>;

// What takes part in arithmetic with Dual<R> as a constant: arithmetic literals and R itself.
template <class S, class R>
inline constexpr bool is_constant = std::is_arithmetic_v<S> || std::is_same_v<S, R>;
}  // namespace detail

template <class T>
concept DualNumber = detail::dual_depth<T> > 0;
template <class S, class D>
concept ConstantOf = DualNumber<D> && detail::is_constant<S, typename D::Inner>;

// value + tangent * epsilon with epsilon^2 = 0. Constants have tangent zero.
template <class R>
struct Dual {
  using Inner = R;
  R value, tangent;

  Dual() = default;
  template <class S, class = std::enable_if_t<detail::is_constant<S, R>>>
  GLIA_HD constexpr Dual(S constant) : value(static_cast<R>(constant)), tangent(static_cast<R>(0)) {}
  GLIA_HD constexpr Dual(R v, R t) : value(v), tangent(t) {}
};

namespace math {
template <class R>
GLIA_HD_INLINE Dual<R> fma(Dual<R> a, Dual<R> b, Dual<R> c) {
  return {math::fma(a.value, b.value, c.value),
          math::fma(a.value, b.tangent, math::fma(a.tangent, b.value, c.tangent))};
}
}  // namespace math

template <class R>
GLIA_HD_INLINE Dual<R> operator+(Dual<R> a) {
  return a;
}
template <class R>
GLIA_HD_INLINE Dual<R> operator-(Dual<R> a) {
  return {-a.value, -a.tangent};
}

template <class R>
GLIA_HD_INLINE Dual<R> operator+(Dual<R> a, Dual<R> b) {
  return {a.value + b.value, a.tangent + b.tangent};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator+(Dual<R> a, S b) {
  return {a.value + static_cast<R>(b), a.tangent};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator+(S a, Dual<R> b) {
  return {static_cast<R>(a) + b.value, b.tangent};
}

template <class R>
GLIA_HD_INLINE Dual<R> operator-(Dual<R> a, Dual<R> b) {
  return {a.value - b.value, a.tangent - b.tangent};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator-(Dual<R> a, S b) {
  return {a.value - static_cast<R>(b), a.tangent};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator-(S a, Dual<R> b) {
  return {static_cast<R>(a) - b.value, -b.tangent};
}

template <class R>
GLIA_HD_INLINE Dual<R> operator*(Dual<R> a, Dual<R> b) {
  return {a.value * b.value, math::fma(a.value, b.tangent, a.tangent * b.value)};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator*(Dual<R> a, S b) {
  return {a.value * static_cast<R>(b), a.tangent * static_cast<R>(b)};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator*(S a, Dual<R> b) {
  return {static_cast<R>(a) * b.value, static_cast<R>(a) * b.tangent};
}

template <class R>
GLIA_HD_INLINE Dual<R> operator/(Dual<R> a, Dual<R> b) {
  const R q = a.value / b.value;
  return {q, math::fma(-q, b.tangent, a.tangent) / b.value};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator/(Dual<R> a, S b) {
  return {a.value / static_cast<R>(b), a.tangent / static_cast<R>(b)};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> operator/(S a, Dual<R> b) {
  const R q = static_cast<R>(a) / b.value;
  return {q, -q * b.tangent / b.value};
}

template <class R, class S>
GLIA_HD_INLINE Dual<R>& operator+=(Dual<R>& a, S b) {
  return a = a + b;
}
template <class R, class S>
GLIA_HD_INLINE Dual<R>& operator-=(Dual<R>& a, S b) {
  return a = a - b;
}
template <class R, class S>
GLIA_HD_INLINE Dual<R>& operator*=(Dual<R>& a, S b) {
  return a = a * b;
}
template <class R, class S>
GLIA_HD_INLINE Dual<R>& operator/=(Dual<R>& a, S b) {
  return a = a / b;
}

// Comparisons look at the value alone.
#define GLIA_DUAL_COMPARE(op)                                \
  template <class R>                                         \
  GLIA_HD constexpr bool operator op(Dual<R> a, Dual<R> b) { \
    return a.value op b.value;                               \
  }                                                          \
  template <class R, ConstantOf<Dual<R>> S>                  \
  GLIA_HD constexpr bool operator op(Dual<R> a, S b) {       \
    return a.value op static_cast<R>(b);                     \
  }                                                          \
  template <class R, ConstantOf<Dual<R>> S>                  \
  GLIA_HD constexpr bool operator op(S a, Dual<R> b) {       \
    return static_cast<R>(a) op b.value;                     \
  }
GLIA_DUAL_COMPARE(<)
GLIA_DUAL_COMPARE(<=)
GLIA_DUAL_COMPARE(>)
GLIA_DUAL_COMPARE(>=)
GLIA_DUAL_COMPARE(==)
GLIA_DUAL_COMPARE(!=)
#undef GLIA_DUAL_COMPARE

namespace detail {
template <int I, class F, class R, std::size_t... Is>
GLIA_HD_INLINE R partial(const F& f, std::index_sequence<Is...>, const R (&x)[sizeof...(Is)]) {
  return Dual<R>(f(Dual<R>(x[Is], static_cast<R>(static_cast<int>(Is) == I ? 1 : 0))...)).tangent;
}
}  // namespace detail

// The functor d f / d x_I, evaluated with dual numbers; Partial<Partial<F, 0>, 1> is a mixed second derivative.
template <class F, int I>
struct Partial {
  F f;
  template <class R, class... Rest>
    requires(std::same_as<R, Rest> && ...)
  GLIA_HD R operator()(R x0, Rest... rest) const {
    static_assert(I >= 0 && I <= static_cast<int>(sizeof...(Rest)), "Partial: the functor has no such argument");
    const R x[] = {x0, rest...};
    return detail::partial<I>(f, std::make_index_sequence<1 + sizeof...(Rest)>{}, x);
  }
};

// How many times a functor is already a derivative: 0 for a plain one, one more for each Partial around it.
template <class F>
inline constexpr int functor_order = 0;
template <class F>
inline constexpr int functor_order<const F> = functor_order<F>;
template <class F, int I>
inline constexpr int functor_order<Partial<F, I>> = 1 + functor_order<F>;

}  // namespace GLIA_NS

#include <glia/core/math_dual.hpp>
