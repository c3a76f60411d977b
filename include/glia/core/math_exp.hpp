#pragma once
// Exponentials, logarithms, powers and the activation functions made of them, for float and double.
// Coefficients: tests/reference/math_coefficients.py. Errors measured: tests/core/math.cpp.

#include <glia/core/math_basic.hpp>

namespace GLIA_NS::math {
namespace detail {

// c0 + c1 x + c2 x^2 + ...
template <class T>
GLIA_HD_INLINE T horner(T, T c0) {
  return c0;
}
template <class T, class... Rest>
GLIA_HD_INLINE T horner(T x, T c0, Rest... rest) {
  return math::fma(horner(x, rest...), x, c0);
}

// ln 2 in two parts; a multiple of the first by any exponent is exact.
template <class T>
struct Ln2 {
  static constexpr T high = std::same_as<T, float> ? T(0x1.63p-1) : T(0x1.62e42feep-1);
  static constexpr T low = std::same_as<T, float> ? T(-2.12194440e-4) : T(1.90821492927058770002e-10);
};

// x = n ln 2 + r with |r| <= ln 2 / 2; the low bits of t hold n.
template <class T>
struct ExpArgument {
  T t, n, r;
};
template <class T>
GLIA_HD_INLINE ExpArgument<T> reduce_exp(T x) {
  const T t = math::fma(x, T(1.44269504088896340736), Format<T>::round_magic);
  const T n = t - Format<T>::round_magic;
  const T r = math::fma(n, -Ln2<T>::low, math::fma(n, -Ln2<T>::high, x));
  return {t, n, r};
}

// (e^r - 1 - r) / r^2
template <class T>
GLIA_HD_INLINE T exp_tail(T r) {
  if constexpr (std::same_as<T, float>) {
    return horner(r, 0.49999997f, 0.166665465f, 0.0416674614f, 8.36624391e-3f, 1.38676784e-3f);
  } else {
    return horner(r, 0.5, 0.16666666666666677, 0.04166666666666665, 8.333333333321466e-3, 1.388888888889945e-3,
                  1.9841269886477226e-4, 2.4801587286765662e-5, 2.7557243896947796e-6, 2.7557311263519576e-7,
                  2.5109136460018102e-8, 2.090209382552703e-9);
  }
}

// e^r for |r| <= ln 2 / 2.
template <class T>
GLIA_HD_INLINE T exp_fraction(T r) {
  // 1 + r keeps its rounding error, which would be a quarter unit of the result
  const T one = T(1) + r;
  return one + math::fma(r * r, exp_tail(r), r - (one - T(1)));
}

// p 2^(n + shift), where the low bits of t hold n. Two factors, because 2^n alone may lie outside the format.
template <class T>
GLIA_HD_INLINE T scale_exp(T p, T t, int shift = 0) {
  const auto both = bit_cast<Bits<T>>(t) - (Format<T>::round_magic_bits - 2 * Format<T>::bias) +
                    static_cast<Bits<T>>(static_cast<std::int64_t>(shift));
  const auto first = both >> 1, second = both - first;
  return p * bit_cast<T>(first << Format<T>::mantissa) * bit_cast<T>(second << Format<T>::mantissa);
}

// e^x 2^shift for x within the range of clamp_exp, |shift| <= 1.
template <class T>
GLIA_HD_INLINE T exp_core(T x, int shift = 0) {
  const ExpArgument<T> a = reduce_exp(x);
  return scale_exp(exp_fraction(a.r), a.t, shift);
}

// e^x where |x| < 87 (double: 708), so that one factor is enough.
template <class T>
GLIA_HD_INLINE T exp_within(T x) {
  const ExpArgument<T> a = reduce_exp(x);
  const auto exponent = bit_cast<Bits<T>>(a.t) - (Format<T>::round_magic_bits - Format<T>::bias);
  return exp_fraction(a.r) * bit_cast<T>(exponent << Format<T>::mantissa);
}

template <class T>
GLIA_HD_INLINE T clamp_exp(T x) {
  constexpr T low = std::same_as<T, float> ? T(-104) : T(-746), high = std::same_as<T, float> ? T(90) : T(711);
  return math::clamp(x, low, high);
}

// u > 0 as 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); biased is k + bias.
template <class T>
struct LogArgument {
  Bits<T> biased;
  T k, f;
};
template <class T>
GLIA_HD_INLINE LogArgument<T> reduce_log(T u) {
  using F = Format<T>;
  constexpr auto root_half = std::same_as<T, float> ? Bits<T>(0x3f3504f3u) : Bits<T>(0x3fe6a09e667f3bcdu);
  const auto shifted = bit_cast<Bits<T>>(u) + ((F::bias << F::mantissa) - root_half);
  const auto biased = shifted >> F::mantissa;
  const auto fraction = (shifted & ((Bits<T>(1) << F::mantissa) - 1)) + root_half;
  // biased is below 2^mantissa: placed in the low bits of 2^mantissa it becomes a number without a conversion
  constexpr auto unit = (F::bias + F::mantissa) << F::mantissa;
  const T k = bit_cast<T>(biased | unit) - (F::integral + static_cast<T>(F::bias));
  return {biased, k, bit_cast<T>(fraction) - T(1)};
}

// log(1 + f) + k ln 2
template <class T>
GLIA_HD_INLINE T log_core(T f, T k) {
  if constexpr (std::same_as<T, float>) {
    const float z = f * f;
    const float p = horner(f, 0.333333135f, -0.250000089f, 0.20002073f, -0.166679963f, 0.142203137f, -0.12405996f,
                           0.118836835f, -0.116718449f, 0.0675118193f);
    const float tail = math::fma(f * z, p, -0.5f * z);
    return math::fma(k, Ln2<T>::high, f + math::fma(k, Ln2<T>::low, tail));
  } else {
    // f - (f^2/2 - s (f^2/2 + z p)), s = f / (2 + f), z = s^2, with every product inside an fma of its own
    const double s = f / (2.0 + f), z = s * s, half = 0.5 * f;
    const double p = horner(z, 0.66666666666667351, 0.39999999999410224, 0.28571428743332489, 0.22222198478072758,
                            0.18183569264496391, 0.15313922993772139, 0.14797245635905745);
    const double inner = math::fma(s, math::fma(z, p, half * f), k * Ln2<T>::low);
    return math::fma(k, Ln2<T>::high, f - math::fma(half, f, -inner));
  }
}

// Puts the values of a logarithm outside (0, infinity): x is the argument, zero the point where it is -infinity.
template <class T>
GLIA_HD_INLINE T log_limits(T x, T zero, T value) {
  const T upper = math::select(x == math::infinity<T>(), x, value);
  const T pole = math::select(x == zero, -math::infinity<T>(), upper);
  const T known = math::select(x != x, x, pole);
  return math::select(x < zero, math::quiet_nan<T>(), known);
}

// A positive subnormal is scaled up first; offset is what k must lose.
template <class T>
struct Normalised {
  T x, offset;
};
template <class T>
GLIA_HD_INLINE Normalised<T> normalise(T x) {
  constexpr T lift = std::same_as<T, float> ? T(0x1p24) : T(0x1p54), lost = std::same_as<T, float> ? T(24) : T(54);
  const bool small = x < Format<T>::min_normal;
  return {x * math::select(small, lift, T(1)), math::select(small, lost, T(0))};
}

}  // namespace detail

// e^x.
template <Real T>
GLIA_HD_INLINE T exp(T x) {
  return detail::exp_core(detail::clamp_exp(x));
}

// e^x, cheaper than exp, for sums of exponentials: below -87.7 (double: -708.7) it is 0, from 88.4 (709.4) on infinity.
template <Real T>
GLIA_HD_INLINE T exp_flushed(T x) {
  using F = detail::Format<T>;
  // at the ends n is -bias and bias + 1, where the bits below are those of 0 and of infinity
  constexpr T least = std::same_as<T, float> ? T(-88) : T(-709), most = std::same_as<T, float> ? T(89) : T(710);
  const T above = least > x ? least : x;
  const auto a = detail::reduce_exp(most < above ? most : above);
  const T p = T(1) + fma(a.r * a.r, detail::exp_tail(a.r), a.r);
  const auto exponent = detail::bit_cast<detail::Bits<T>>(a.t) - (F::round_magic_bits - F::bias);
  return p * detail::bit_cast<T>(exponent << F::mantissa);
}

// 2^x.
template <Real T>
GLIA_HD_INLINE T exp2(T x) {
  using F = detail::Format<T>;
  constexpr T low = std::same_as<T, float> ? T(-151) : T(-1076), high = std::same_as<T, float> ? T(129) : T(1025);
  const T c = clamp(x, low, high);
  const T t = c + F::round_magic;
  const T r = (c - (t - F::round_magic)) * T(0.693147180559945309417);
  const T p = T(1) + fma(r * r, detail::exp_tail(r), r);
  const auto both = detail::bit_cast<detail::Bits<T>>(t) - (F::round_magic_bits - 2 * F::bias);
  const auto first = both >> 1, second = both - first;
  return p * detail::bit_cast<T>(first << F::mantissa) * detail::bit_cast<T>(second << F::mantissa);
}

// e^x - 1, accurate near zero.
template <Real T>
GLIA_HD_INLINE T expm1(T x) {
  using F = detail::Format<T>;
  constexpr T low = std::same_as<T, float> ? T(-18) : T(-40), high = std::same_as<T, float> ? T(89) : T(710);
  const auto a = detail::reduce_exp(clamp(x, low, high));
  const T p = fma(a.r * a.r, detail::exp_tail(a.r), a.r);
  // half of 2^n stays inside the format for every n up to the overflow
  const auto exponent = detail::bit_cast<detail::Bits<T>>(a.t) - (F::round_magic_bits - (F::bias - 1));
  const T h = detail::bit_cast<T>(exponent << F::mantissa);
  const T y = T(2) * fma(p, h, h - T(0.5));
  const T near = select(x == T(0), x, p);
  const T far = select(x > high, infinity<T>(), y);
  return select(a.n == T(0), near, far);
}

// Natural logarithm: -infinity at 0, NaN below.
template <Real T>
GLIA_HD_INLINE T log(T x) {
  const auto n = detail::normalise(x);
  const auto a = detail::reduce_log(n.x);
  return detail::log_limits(x, T(0), detail::log_core(a.f, a.k - n.offset));
}

// Logarithm to base 2; exact for powers of two.
template <Real T>
GLIA_HD_INLINE T log2(T x) {
  const auto n = detail::normalise(x);
  const auto a = detail::reduce_log(n.x);
  const T fraction = detail::log_core(a.f, T(0));
  return detail::log_limits(x, T(0), fma(fraction, T(1.44269504088896340736), a.k - n.offset));
}

// log(1 + x), accurate near zero.
template <Real T>
GLIA_HD_INLINE T log1p(T x) {
  using F = detail::Format<T>;
  const T u = T(1) + x, v = u - T(1);
  const T lost = (T(1) - (u - v)) + (x - v);  // 1 + x == u + lost
  const auto a = detail::reduce_log(u);
  constexpr auto top = 2 * F::bias - 1;
  const auto biased = a.biased < top ? a.biased : top;
  const T scale = detail::bit_cast<T>((2 * F::bias - biased) << F::mantissa);
  const T value = detail::log_core(fma(lost, scale, a.f), a.k);
  const T zero = select(x == T(0), x, value);
  return detail::log_limits(x, T(-1), zero);
}

// 1 / (1 + e^-x).
template <Real T>
GLIA_HD_INLINE T sigmoid(T x) {
  const T e = exp(-abs(x)), d = T(1) + e, lost = e - (d - T(1));
  const T q = select(x < T(0), e, T(1)) / d;
  // the rounding of d is taken back: q / (1 + lost / d)
  const T reciprocal = select(x < T(0), T(1) - q, q);
  return fma(-q * lost, reciprocal, q);
}

// 1 / (1 + e^-x) to about three units in the last place and cheaper than sigmoid: for activations. It does not fall below
// the value at -87 (double: -708).
template <Real T>
GLIA_HD_INLINE T logistic(T x) {
  using F = detail::Format<T>;
  constexpr T most = std::same_as<T, float> ? T(87) : T(708);
  const auto a = detail::reduce_exp(-clamp(x, -most, most));
  const T p = fma(a.r * a.r, detail::exp_tail(a.r), T(1) + a.r);
  const auto exponent = detail::bit_cast<detail::Bits<T>>(a.t) - (F::round_magic_bits - F::bias);
  return T(1) / fma(p, detail::bit_cast<T>(exponent << F::mantissa), T(1));
}
// d/dx of SiLU, x logistic(x).
template <class T>
GLIA_HD_INLINE T silu_slope(T x) {
  const T s = logistic(x);
  return s * (T(1) + x * (T(1) - s));
}

// log(1 + e^x) without overflow.
template <Real T>
GLIA_HD_INLINE T softplus(T x) {
  return max(x, T(0)) + log1p(exp(-abs(x)));
}

// Hyperbolic tangent.
template <Real T>
GLIA_HD_INLINE T tanh(T x) {
  const T a = abs(x), z = a * a;
  T p;
  if constexpr (std::same_as<T, float>) {
    p = detail::horner(z, -0.333333194f, 0.133326367f, -0.0538568459f, 0.0210882742f, -6.29557949e-3f);
  } else {
    p = detail::horner(z, -0.33333333333333298, 0.13333333333326602, -0.053968253963758817, 0.021869488385966463,
                       -8.8632326049471258e-3, 3.5920920768590242e-3, -1.4555431902423415e-3, 5.884460216053634e-4,
                       -2.3338565107635577e-4, 8.3322437899956069e-5, -1.9498414239401968e-5);
  }
  const T near = fma(a * z, p, a);
  const T far = T(1) - T(2) / (detail::exp_within(min(T(2) * a, T(44))) + T(1));
  return copysign(select(a < T(0.55), near, far), x);
}

// Hyperbolic sine.
template <Real T>
GLIA_HD_INLINE T sinh(T x) {
  const T a = abs(x), t = expm1(a);
  const T near = T(0.5) * (t + t / (t + T(1)));
  const T e = detail::exp_core(detail::clamp_exp(a), -1);
  const T far = e - T(0.25) / e;
  return copysign(select(a < T(1), near, far), x);
}

// Hyperbolic cosine.
template <Real T>
GLIA_HD_INLINE T cosh(T x) {
  const T e = detail::exp_core(detail::clamp_exp(abs(x)), -1);
  return e + T(0.25) / e;
}

}  // namespace GLIA_NS::math
