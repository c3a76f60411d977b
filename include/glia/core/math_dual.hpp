#pragma once
// glia::math for dual numbers: each function with its derivative. Include core/dual.hpp.

#include <glia/core/dual.hpp>

namespace GLIA_NS::math {

// Every overload is declared before any body, because derivatives call each other at the inner type.
#define GLIA_DUAL_UNARY(name) \
  template <class R>          \
  GLIA_HD_INLINE Dual<R> name(Dual<R> x);
GLIA_DUAL_UNARY(abs)
GLIA_DUAL_UNARY(sqrt)
GLIA_DUAL_UNARY(rsqrt)
GLIA_DUAL_UNARY(exp)
GLIA_DUAL_UNARY(exp2)
GLIA_DUAL_UNARY(expm1)
GLIA_DUAL_UNARY(log)
GLIA_DUAL_UNARY(log2)
GLIA_DUAL_UNARY(log1p)
GLIA_DUAL_UNARY(sigmoid)
GLIA_DUAL_UNARY(logistic)
GLIA_DUAL_UNARY(softplus)
GLIA_DUAL_UNARY(tanh)
GLIA_DUAL_UNARY(sinh)
GLIA_DUAL_UNARY(cosh)
GLIA_DUAL_UNARY(erf)
GLIA_DUAL_UNARY(sin)
GLIA_DUAL_UNARY(cos)
GLIA_DUAL_UNARY(tan)
GLIA_DUAL_UNARY(atan)
GLIA_DUAL_UNARY(asin)
GLIA_DUAL_UNARY(acos)
GLIA_DUAL_UNARY(floor)
GLIA_DUAL_UNARY(ceil)
GLIA_DUAL_UNARY(round)
GLIA_DUAL_UNARY(trunc)
GLIA_DUAL_UNARY(sign)
GLIA_DUAL_UNARY(step)
#undef GLIA_DUAL_UNARY
template <class R>
GLIA_HD_INLINE Dual<R> select(bool condition, Dual<R> a, Dual<R> b);
template <class R>
GLIA_HD_INLINE Dual<R> pow(Dual<R> x, Dual<R> y);
template <class R>
GLIA_HD_INLINE Dual<R> copysign(Dual<R> magnitude, Dual<R> sign);

template <class R>
GLIA_HD_INLINE bool isnan(Dual<R> x) {
  return math::isnan(x.value);
}
template <class R>
GLIA_HD_INLINE bool isfinite(Dual<R> x) {
  return math::isfinite(x.value);
}

// The tangent of the chosen side.
template <class R>
GLIA_HD_INLINE Dual<R> select(bool condition, Dual<R> a, Dual<R> b) {
  return {math::select(condition, a.value, b.value), math::select(condition, a.tangent, b.tangent)};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> select(bool condition, Dual<R> a, S b) {
  return math::select(condition, a, Dual<R>(b));
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> select(bool condition, S a, Dual<R> b) {
  return math::select(condition, Dual<R>(a), b);
}

// On a tie the first argument is chosen, and takes the whole tangent.
template <class R>
GLIA_HD_INLINE Dual<R> max(Dual<R> a, Dual<R> b) {
  return math::select(detail::any_of(a >= b, a != a), a, b);
}
template <class R>
GLIA_HD_INLINE Dual<R> min(Dual<R> a, Dual<R> b) {
  return math::select(detail::any_of(a <= b, a != a), a, b);
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> max(Dual<R> a, S b) {
  return math::max(a, Dual<R>(b));
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> max(S a, Dual<R> b) {
  return math::max(Dual<R>(a), b);
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> min(Dual<R> a, S b) {
  return math::min(a, Dual<R>(b));
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> min(S a, Dual<R> b) {
  return math::min(Dual<R>(a), b);
}
// The tangent of x inside [low, high], bounds included; that of the bound outside.
template <class R, class L, class H>
GLIA_HD_INLINE Dual<R> clamp(Dual<R> x, L low, H high) {
  const Dual<R> a(low), b(high);
  const Dual<R> above = math::select(x < a, a, x);
  return math::select(above > b, b, above);
}

// Derivative sign(x): 0 at 0.
template <class R>
GLIA_HD_INLINE Dual<R> abs(Dual<R> x) {
  return {math::abs(x.value), math::sign(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> copysign(Dual<R> magnitude, Dual<R> sign) {
  const R one = math::copysign(static_cast<R>(1), sign.value);
  return {math::copysign(magnitude.value, sign.value), math::sign(magnitude.value) * one * magnitude.tangent};
}

// Piecewise constant functions: derivative 0.
template <class R>
GLIA_HD_INLINE Dual<R> floor(Dual<R> x) {
  return Dual<R>(math::floor(x.value));
}
template <class R>
GLIA_HD_INLINE Dual<R> ceil(Dual<R> x) {
  return Dual<R>(math::ceil(x.value));
}
template <class R>
GLIA_HD_INLINE Dual<R> round(Dual<R> x) {
  return Dual<R>(math::round(x.value));
}
template <class R>
GLIA_HD_INLINE Dual<R> trunc(Dual<R> x) {
  return Dual<R>(math::trunc(x.value));
}
template <class R>
GLIA_HD_INLINE Dual<R> sign(Dual<R> x) {
  return Dual<R>(math::sign(x.value));
}
template <class R>
GLIA_HD_INLINE Dual<R> step(Dual<R> x) {
  return Dual<R>(math::step(x.value));
}

template <class R>
GLIA_HD_INLINE Dual<R> sqrt(Dual<R> x) {
  const R y = math::sqrt(x.value);
  return {y, x.tangent * 0.5f / y};
}
template <class R>
GLIA_HD_INLINE Dual<R> rsqrt(Dual<R> x) {
  const R y = math::rsqrt(x.value);
  return {y, y * -0.5f / x.value * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> exp(Dual<R> x) {
  const R y = math::exp(x.value);
  return {y, y * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> exp2(Dual<R> x) {
  const R y = math::exp2(x.value);
  return {y, y * static_cast<R>(0.693147180559945309417) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> expm1(Dual<R> x) {
  return {math::expm1(x.value), math::exp(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> log(Dual<R> x) {
  return {math::log(x.value), x.tangent / x.value};
}
template <class R>
GLIA_HD_INLINE Dual<R> log2(Dual<R> x) {
  return {math::log2(x.value), x.tangent * static_cast<R>(1.44269504088896340736) / x.value};
}
template <class R>
GLIA_HD_INLINE Dual<R> log1p(Dual<R> x) {
  return {math::log1p(x.value), x.tangent / (x.value + static_cast<R>(1))};
}
template <class R>
GLIA_HD_INLINE Dual<R> sigmoid(Dual<R> x) {
  const R y = math::sigmoid(x.value);
  return {y, y * math::sigmoid(-x.value) * x.tangent};  // 1 - y would lose digits for large x
}
template <class R>
GLIA_HD_INLINE Dual<R> logistic(Dual<R> x) {
  const R y = math::logistic(x.value);
  return {y, y * (static_cast<R>(1) - y) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> softplus(Dual<R> x) {
  return {math::softplus(x.value), math::sigmoid(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> tanh(Dual<R> x) {
  const R y = math::tanh(x.value);
  return {y, math::fma(-y, y, static_cast<R>(1)) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> sinh(Dual<R> x) {
  return {math::sinh(x.value), math::cosh(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> cosh(Dual<R> x) {
  return {math::cosh(x.value), math::sinh(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> erf(Dual<R> x) {
  const R slope = static_cast<R>(1.12837916709551257390) * math::exp(-x.value * x.value);
  return {math::erf(x.value), slope * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> sin(Dual<R> x) {
  return {math::sin(x.value), math::cos(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> cos(Dual<R> x) {
  return {math::cos(x.value), -math::sin(x.value) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> tan(Dual<R> x) {
  const R y = math::tan(x.value);
  return {y, math::fma(y, y, static_cast<R>(1)) * x.tangent};
}
template <class R>
GLIA_HD_INLINE Dual<R> atan(Dual<R> x) {
  return {math::atan(x.value), x.tangent / math::fma(x.value, x.value, static_cast<R>(1))};
}
template <class R>
GLIA_HD_INLINE Dual<R> asin(Dual<R> x) {
  return {math::asin(x.value), x.tangent * math::rsqrt(math::fma(-x.value, x.value, static_cast<R>(1)))};
}
template <class R>
GLIA_HD_INLINE Dual<R> acos(Dual<R> x) {
  return {math::acos(x.value), -x.tangent * math::rsqrt(math::fma(-x.value, x.value, static_cast<R>(1)))};
}

// For x <= 0 the part of the tangent that comes from y is taken as 0; pow(0, 0) has slope 0 in x.
template <class R>
GLIA_HD_INLINE Dual<R> pow(Dual<R> x, Dual<R> y) {
  const R one = static_cast<R>(1), zero = static_cast<R>(0);
  const R p = math::pow(x.value, y.value);
  const bool corner = detail::all_of(x.value == zero, y.value == zero);
  const R slope = y.value * math::pow(math::select(corner, one, x.value), y.value - one);
  const bool positive = x.value > zero;
  const R rate = math::select(positive, p * math::log(math::select(positive, x.value, one)), zero);
  return {p, math::fma(slope, x.tangent, rate * y.tangent)};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> pow(Dual<R> x, S y) {
  const R one = static_cast<R>(1), zero = static_cast<R>(0), e = static_cast<R>(y);
  const bool corner = detail::all_of(x.value == zero, e == zero);
  const R slope = e * math::pow(math::select(corner, one, x.value), e - one);
  return {math::pow(x.value, e), slope * x.tangent};
}
template <class R, ConstantOf<Dual<R>> S>
GLIA_HD_INLINE Dual<R> pow(S x, Dual<R> y) {
  return math::pow(Dual<R>(x), y);
}

}  // namespace GLIA_NS::math
