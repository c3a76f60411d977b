#pragma once
// Sine, cosine, tangent and their inverses, for float and double.
// Coefficients: tests/reference/math_coefficients.py. Errors measured: tests/core/math.cpp.

#include <glia/core/math_exp.hpp>

namespace GLIA_NS::math {
namespace detail {

// x = n pi/2 + r, |r| <= pi/4; the two lowest bits of quadrant hold n mod 4.
template <class T>
struct TrigArgument {
  Bits<T> quadrant;
  T r;
};
template <class T>
GLIA_HD_INLINE TrigArgument<T> reduce_trig(T x) {
  const T t = math::fma(x, T(0.636619772367581343076), Format<T>::round_magic);
  const T n = t - Format<T>::round_magic;
  T r;
  if constexpr (std::same_as<T, float>) {
    // in double: n times the 30-bit first part is exact
    const double m = static_cast<double>(n);
    const double first = math::fma(m, -0x1.921fb54p0, static_cast<double>(x));
    r = static_cast<float>(math::fma(m, -0x1.10b4611a62633p-30, first));
  } else {
    // two 33-bit parts, exact up to 2^20 quarter turns, and the rest
    const double first = math::fma(n, -0x1.921fb544p0, x);
    const double second = math::fma(n, -0x1.0b4611a6p-34, first);
    r = math::fma(n, -0x1.3198a2e037073p-69, second);
  }
  return {bit_cast<Bits<T>>(t), math::clamp(r, T(-1), T(1))};
}

template <class T>
GLIA_HD_INLINE T sin_core(T r) {
  const T z = r * r;
  if constexpr (std::same_as<T, float>) {
    return math::fma(r * z, horner(z, -0.166666552f, 8.33219104e-3f, -1.95185989e-4f), r);
  } else {
    return math::fma(r * z,
                     horner(z, -0.16666666666666666, 8.3333333333330383e-3, -1.9841269840955864e-4,
                            2.7557319069603965e-6, -2.5052069604785919e-8, 1.605412697628226e-10,
                            -7.3796889188558953e-13),
                     r);
  }
}

template <class T>
GLIA_HD_INLINE T cos_core(T r) {
  const T z = r * r, half = T(0.5) * z, w = T(1) - half;
  const T lost = (T(1) - w) - half;
  if constexpr (std::same_as<T, float>) {
    return w + math::fma(z * z, horner(z, 0.0416666456f, -1.38873013e-3f, 2.4430663e-5f), lost);
  } else {
    return w + math::fma(z * z,
                         horner(z, 0.041666666666666664, -1.3888888888888378e-3, 2.4801587301164846e-5,
                                -2.7557319051935915e-7, 2.0876719746294552e-9, -1.1466582122914575e-11,
                                4.5793607609989586e-14),
                         lost);
  }
}

// sin of (quadrant, r)
template <class T>
GLIA_HD_INLINE T turn(Bits<T> quadrant, T r) {
  const T s = sin_core(r), c = cos_core(r);
  const T y = math::select((quadrant & 1u) != 0, c, s);
  const Bits<T> flip = (quadrant & 2u) << (Format<T>::mantissa == 23 ? 30 : 62);
  return bit_cast<T>(bit_cast<Bits<T>>(y) ^ flip);
}

// atan of num / den >= 0, given as a fraction so that no range needs a second division.
template <class T>
GLIA_HD_INLINE T atan_fraction(T num, T den) {
  constexpr T tan_eighth = T(0.414213562373095048802), tan_three_eighths = T(2.41421356237309504880);
  const bool above = num > tan_eighth * den, far = num > tan_three_eighths * den;
  const T middle_num = num - den, middle_den = num + den;
  const T n1 = math::select(above, middle_num, num), d1 = math::select(above, middle_den, den);
  const T n2 = math::select(far, -den, n1), d2 = math::select(far, num, d1);
  constexpr T quarter = T(0.785398163397448309616), half = T(2) * quarter;
  constexpr T quarter_low = std::same_as<T, float> ? T(-2.18556946e-8) : T(3.0616169978683830e-17);
  const T base = math::select(far, half, math::select(above, quarter, T(0)));
  const T low = math::select(far, T(2) * quarter_low, math::select(above, quarter_low, T(0)));
  const T r = n2 / d2, z = r * r;
  T p;
  if constexpr (std::same_as<T, float>) {
    p = horner(z, -0.333333164f, 0.199985296f, -0.142444253f, 0.105994098f, -0.0609057285f);
  } else {
    p = horner(z, -0.33333333333333198, 0.19999999999953769, -0.14285714280212428, 0.11111110784161661,
               -0.09090897775583523, 0.076920604935255224, -0.066631067823048576, 0.058479060616716663,
               -0.050393663062014794, 0.038065781097255239, -0.017908179465421826);
  }
  return base + (math::fma(r * z, p, low) + r);
}

}  // namespace detail

// Sine and cosine of x in radians: full accuracy for |x| up to 6e6 (float) and 1.6e6 (double); further out the
// reduction loses digits and the values mean nothing, but stay within [-1, 1].
template <Real T>
GLIA_HD_INLINE T sin(T x) {
  const auto a = detail::reduce_trig(x);
  const T y = detail::turn(a.quadrant, a.r);
  return select(x == T(0), x, y);
}
template <Real T>
GLIA_HD_INLINE T cos(T x) {
  const auto a = detail::reduce_trig(x);
  return detail::turn(static_cast<detail::Bits<T>>(a.quadrant + 1u), a.r);
}
// Tangent, with the range of sin.
template <Real T>
GLIA_HD_INLINE T tan(T x) {
  const auto a = detail::reduce_trig(x);
  const T s = detail::sin_core(a.r), c = detail::cos_core(a.r);
  const bool odd = (a.quadrant & 1u) != 0;
  const T y = select(odd, -c, s) / select(odd, s, c);
  return select(x == T(0), x, y);
}

// Inverse tangent, in [-pi/2, pi/2].
template <Real T>
GLIA_HD_INLINE T atan(T x) {
  const T a = abs(x);
  const bool wide = a > T(1e30);  // keeps infinity / infinity out
  const T y = detail::atan_fraction(select(wide, T(1), a), select(wide, T(0), T(1)));
  return copysign(y, x);
}

// Inverse sine, in [-pi/2, pi/2]; NaN outside [-1, 1].
template <Real T>
GLIA_HD_INLINE T asin(T x) {
  const T a = abs(x);
  return copysign(detail::atan_fraction(a, sqrt((T(1) - a) * (T(1) + a))), x);
}

// Inverse cosine, in [0, pi]; NaN outside [-1, 1].
template <Real T>
GLIA_HD_INLINE T acos(T x) {
  return T(2) * detail::atan_fraction(sqrt(T(1) - x), sqrt(T(1) + x));
}

}  // namespace GLIA_NS::math
