#pragma once
// The part of glia::math that is exact or one rounding: fma, abs, min, max, rounding, square roots, selection.
// Everything is branch-free scalar code that compilers vectorise, with every fused multiply-add written out, so that
// a vector lane and a scalar call (and the GPU, where fma is hardware on both) give the same bits.

#include <glia/core/config.hpp>
#include <glia/core/scalar.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace GLIA_NS::math {

// float and double: the types that elementary functions take directly. Dual numbers add overloads (core/dual.hpp).
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;
// Any number; literals of another arithmetic type than the other argument convert by the usual rules.
template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

namespace detail {
using glia::detail::bit_cast;

// Layout of the IEEE format behind T, and the numbers whose addition rounds to an integer.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa = 23;
  static constexpr Bits bias = 127, sign = 0x80000000u, infinity = 0x7f800000u, nan = 0x7fc00000u;
  static constexpr float integral = 0x1p23f;        // from here on every value is an integer
  static constexpr float round_magic = 0x1.8p23f;   // x + this keeps round(x) in the low bits
  static constexpr Bits round_magic_bits = 0x4b400000u;
  static constexpr float min_normal = 0x1p-126f;
};
template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Bits bias = 1023, sign = 0x8000000000000000u, infinity = 0x7ff0000000000000u,
                        nan = 0x7ff8000000000000u;
  static constexpr double integral = 0x1p52;
  static constexpr double round_magic = 0x1.8p52;
  static constexpr Bits round_magic_bits = 0x4338000000000000u;
  static constexpr double min_normal = 0x1p-1022;
};

template <class T>
using Bits = typename Format<T>::Bits;
}  // namespace detail

template <Real T>
GLIA_HD constexpr T infinity() {
  return detail::bit_cast<T>(detail::Format<T>::infinity);
}
template <Real T>
GLIA_HD constexpr T quiet_nan() {
  return detail::bit_cast<T>(detail::Format<T>::nan);
}

// a * b + c with one rounding where the instruction set has it (config::has_fma), with two elsewhere.
template <Real T>
GLIA_HD inline T fma(T a, T b, T c) {
  if constexpr (config::has_fma) {
    return std::fma(a, b, c);
  } else {
    return a * b + c;
  }
}

// a where the condition holds, else b; both sides are evaluated.
template <Arithmetic T>
GLIA_HD constexpr T select(bool condition, T a, T b) {
  return condition ? a : b;
}
template <Arithmetic A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD constexpr std::common_type_t<A, B> select(bool condition, A a, B b) {
  using T = std::common_type_t<A, B>;
  return condition ? static_cast<T>(a) : static_cast<T>(b);
}

template <Real T>
GLIA_HD inline T abs(T x) {
  return std::fabs(x);
}
template <std::signed_integral T>
GLIA_HD constexpr T abs(T x) {
  return x < 0 ? static_cast<T>(-x) : x;
}

// |magnitude| with the sign of `sign`.
template <Real T>
GLIA_HD inline T copysign(T magnitude, T sign) {
  using F = detail::Format<T>;
  const auto m = detail::bit_cast<detail::Bits<T>>(magnitude) & ~F::sign;
  return detail::bit_cast<T>(m | (detail::bit_cast<detail::Bits<T>>(sign) & F::sign));
}

template <Real T>
GLIA_HD constexpr bool isnan(T x) {
  return x != x;
}
template <Real T>
GLIA_HD inline bool isfinite(T x) {
  return abs(x) < infinity<T>();
}

// The larger (smaller) argument, the first on a tie; NaN if either is NaN.
template <Arithmetic T>
GLIA_HD constexpr T max(T a, T b) {
  return static_cast<bool>(static_cast<int>(a >= b) | static_cast<int>(a != a)) ? a : b;
}
template <Arithmetic T>
GLIA_HD constexpr T min(T a, T b) {
  return static_cast<bool>(static_cast<int>(a <= b) | static_cast<int>(a != a)) ? a : b;
}
template <Arithmetic A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return max(static_cast<T>(a), static_cast<T>(b));
}
template <Arithmetic A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return min(static_cast<T>(a), static_cast<T>(b));
}

// x moved into [low, high]; NaN stays NaN.
template <Arithmetic T, Arithmetic L, Arithmetic H>
GLIA_HD constexpr T clamp(T x, L low, H high) {
  const T above = x < static_cast<T>(low) ? static_cast<T>(low) : x;
  return above > static_cast<T>(high) ? static_cast<T>(high) : above;
}

// 1, -1 or 0 with the sign of x; a zero or NaN is returned as it is.
template <Real T>
GLIA_HD inline T sign(T x) {
  const T one = copysign(T(1), x);
  return abs(x) > T(0) ? one : x;
}

// Heaviside: 1 where x >= 0, else 0 (also for NaN).
template <Real T>
GLIA_HD constexpr T step(T x) {
  return x >= T(0) ? T(1) : T(0);
}

namespace detail {
// Nearest integer of |x|, halves to even.
template <class T>
GLIA_HD inline T round_magnitude(T a) {
  const T rounded = (a + Format<T>::integral) - Format<T>::integral;
  return a < Format<T>::integral ? rounded : a;
}
}  // namespace detail

// Nearest integer, halves to even.
template <Real T>
GLIA_HD inline T round(T x) {
  return copysign(detail::round_magnitude(abs(x)), x);
}
// Integer part, towards zero.
template <Real T>
GLIA_HD inline T trunc(T x) {
  const T a = abs(x), r = detail::round_magnitude(a);
  const T down = r > a ? T(1) : T(0);
  return copysign(r - down, x);
}
// Largest integer not above x.
template <Real T>
GLIA_HD inline T floor(T x) {
  const T r = round(x);
  const T down = r > x ? T(1) : T(0);
  return copysign(r - down, x);
}
// Smallest integer not below x.
template <Real T>
GLIA_HD inline T ceil(T x) {
  const T r = round(x);
  const T up = r < x ? T(1) : T(0);
  return copysign(r + up, x);
}

namespace detail {
// a * b as the rounded product and its exact rounding error.
template <class T>
struct Pair {
  T high, low;
};
template <class T>
GLIA_HD inline Pair<T> two_product(T a, T b) {
  const T high = a * b;
  if constexpr (config::has_fma) {
    return {high, std::fma(a, b, -high)};
  } else {
    constexpr T splitter = std::same_as<T, float> ? T(4097) : T(134217729);
    const T ca = splitter * a, cb = splitter * b;
    const T ah = ca - (ca - a), bh = cb - (cb - b);
    const T al = a - ah, bl = b - bh;
    return {high, ((ah * bh - high) + ah * bl + al * bh) + al * bl};
  }
}
// a + b and its rounding error, for |a| >= |b| or a == 0.
template <class T>
GLIA_HD inline Pair<T> quick_two_sum(T a, T b) {
  const T high = a + b;
  return {high, b - (high - a)};
}
// x - g * g without the rounding of the product.
template <class T>
GLIA_HD inline T square_residual(T x, T g) {
  const Pair<T> p = two_product(g, g);
  return (x - p.high) - p.low;
}
}  // namespace detail

// Square root, correctly rounded: NaN below zero, -0 for -0. (std::sqrt may set errno and so blocks vectorisation.)
template <Real T>
GLIA_HD inline T sqrt(T x) {
  using F = detail::Format<T>;
  constexpr bool single = std::same_as<T, float>;
  constexpr T tiny = single ? T(0x1p-100) : T(0x1p-900), huge = single ? T(0x1p100) : T(0x1p900);
  constexpr T lift = single ? T(0x1p64) : T(0x1p512), unlift = single ? T(0x1p-32) : T(0x1p-256);
  const T up = x < tiny ? lift : T(1), up_root = x < tiny ? unlift : T(1);
  const T down = x > huge ? T(1) / lift : up, back = x > huge ? T(1) / unlift : up_root;
  const T v = x * down;
  // reciprocal root from the exponent trick, then Goldschmidt's iteration for root g and half reciprocal root h
  const auto guess = (single ? detail::Bits<T>(0x5f375a86u) : detail::Bits<T>(0x5fe6eb50c7b537a9u)) -
                     (detail::bit_cast<detail::Bits<T>>(v) >> 1);
  const T y = detail::bit_cast<T>(guess);
  T g = v * y, h = T(0.5) * y;
  for (int i = 0; i < (single ? 3 : 4); ++i) {
    const T r = fma(-g, h, T(0.5));
    g = fma(g, r, g);
    h = fma(h, r, h);
  }
  g = fma(detail::square_residual(v, g), h, g) * back;
  const bool itself = static_cast<bool>(static_cast<int>(x == T(0)) | static_cast<int>(x == infinity<T>()));
  const T root = itself ? x : g;
  const T bad = detail::bit_cast<T>(F::nan);
  return x < T(0) ? bad : root;
}

// 1 / sqrt(x).
template <Real T>
GLIA_HD inline T rsqrt(T x) {
  return T(1) / sqrt(x);
}

}  // namespace GLIA_NS::math
