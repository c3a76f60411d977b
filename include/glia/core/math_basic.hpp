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

// Elementary functions must be inlined for the loop around them to be vectorised, whatever the size of the functor.
#define GLIA_HD_INLINE [[gnu::always_inline]] GLIA_HD inline

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
GLIA_HD_INLINE constexpr T infinity() {
  return detail::bit_cast<T>(detail::Format<T>::infinity);
}
template <Real T>
GLIA_HD_INLINE constexpr T quiet_nan() {
  return detail::bit_cast<T>(detail::Format<T>::nan);
}

// a * b + c with one rounding where the instruction set has it (config::has_fma), with two elsewhere.
template <Real T>
GLIA_HD_INLINE T fma(T a, T b, T c) {
  if constexpr (config::has_fma) {
    return std::fma(a, b, c);
  } else {
    return a * b + c;
  }
}

namespace detail {
// `|` and `&` of already known conditions, where `||` and `&&` would jump.
template <class... Bools>
GLIA_HD_INLINE constexpr bool any_of(Bools... b) {
  return (static_cast<int>(b) | ...) != 0;
}
template <class... Bools>
GLIA_HD_INLINE constexpr bool all_of(Bools... b) {
  return (static_cast<int>(b) & ...) != 0;
}
}  // namespace detail

// a where the condition holds, else b; both sides are evaluated. The choice is made on the bits: g++ moves the
// computation of an operand of ?: into a branch and then cannot vectorise the loop.
template <Real T>
GLIA_HD_INLINE constexpr T select(bool condition, T a, T b) {
  using Bits = detail::Bits<T>;
  const Bits mask = Bits{0} - static_cast<Bits>(condition);
  return detail::bit_cast<T>((detail::bit_cast<Bits>(a) & mask) | (detail::bit_cast<Bits>(b) & ~mask));
}
template <std::integral T>
GLIA_HD_INLINE constexpr T select(bool condition, T a, T b) {
  return condition ? a : b;
}
template <Arithmetic A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD_INLINE constexpr std::common_type_t<A, B> select(bool condition, A a, B b) {
  using T = std::common_type_t<A, B>;
  return select(condition, static_cast<T>(a), static_cast<T>(b));
}

template <Real T>
GLIA_HD_INLINE T abs(T x) {
  return std::fabs(x);
}
template <std::signed_integral T>
GLIA_HD_INLINE constexpr T abs(T x) {
  return x < 0 ? static_cast<T>(-x) : x;
}

// |magnitude| with the sign of `sign`.
template <Real T>
GLIA_HD_INLINE T copysign(T magnitude, T sign) {
  using F = detail::Format<T>;
  const auto m = detail::bit_cast<detail::Bits<T>>(magnitude) & ~F::sign;
  return detail::bit_cast<T>(m | (detail::bit_cast<detail::Bits<T>>(sign) & F::sign));
}

template <Real T>
GLIA_HD_INLINE constexpr bool isnan(T x) {
  return x != x;
}
template <Real T>
GLIA_HD_INLINE bool isfinite(T x) {
  return abs(x) < infinity<T>();
}

// The larger (smaller) argument, the first on a tie; NaN if either is NaN.
template <Arithmetic T>
GLIA_HD_INLINE constexpr T max(T a, T b) {
  return select(detail::any_of(a >= b, a != a), a, b);
}
template <Arithmetic T>
GLIA_HD_INLINE constexpr T min(T a, T b) {
  return select(detail::any_of(a <= b, a != a), a, b);
}
template <Arithmetic A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD_INLINE constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return max(static_cast<T>(a), static_cast<T>(b));
}
template <Arithmetic A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD_INLINE constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return min(static_cast<T>(a), static_cast<T>(b));
}

// x moved into [low, high]; NaN stays NaN.
template <Arithmetic T, Arithmetic L, Arithmetic H>
GLIA_HD_INLINE constexpr T clamp(T x, L low, H high) {
  const T above = select(x < static_cast<T>(low), static_cast<T>(low), x);
  return select(above > static_cast<T>(high), static_cast<T>(high), above);
}

// 1, -1 or 0 with the sign of x; a zero or NaN is returned as it is.
template <Real T>
GLIA_HD_INLINE T sign(T x) {
  const T one = copysign(T(1), x);
  return select(abs(x) > T(0), one, x);
}

// Heaviside: 1 where x >= 0, else 0 (also for NaN).
template <Real T>
GLIA_HD_INLINE constexpr T step(T x) {
  return select(x >= T(0), T(1), T(0));
}

namespace detail {
// Nearest integer of |x|, halves to even.
template <class T>
GLIA_HD_INLINE T round_magnitude(T a) {
  const T rounded = (a + Format<T>::integral) - Format<T>::integral;
  return math::select(a < Format<T>::integral, rounded, a);
}
}  // namespace detail

// Nearest integer, halves to even.
template <Real T>
GLIA_HD_INLINE T round(T x) {
  return copysign(detail::round_magnitude(abs(x)), x);
}
// Integer part, towards zero.
template <Real T>
GLIA_HD_INLINE T trunc(T x) {
  const T a = abs(x), r = detail::round_magnitude(a);
  const T down = select(r > a, T(1), T(0));
  return copysign(r - down, x);
}
// Largest integer not above x.
template <Real T>
GLIA_HD_INLINE T floor(T x) {
  const T r = round(x);
  const T down = select(r > x, T(1), T(0));
  return copysign(r - down, x);
}
// Smallest integer not below x.
template <Real T>
GLIA_HD_INLINE T ceil(T x) {
  const T r = round(x);
  const T up = select(r < x, T(1), T(0));
  return copysign(r + up, x);
}

namespace detail {
// a * b as the rounded product and its exact rounding error.
template <class T>
struct Pair {
  T high, low;
};
template <class T>
GLIA_HD_INLINE Pair<T> two_product(T a, T b) {
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
GLIA_HD_INLINE Pair<T> quick_two_sum(T a, T b) {
  const T high = a + b;
  return {high, b - (high - a)};
}
// x - g * g without the rounding of the product.
template <class T>
GLIA_HD_INLINE T square_residual(T x, T g) {
  const Pair<T> p = two_product(g, g);
  return (x - p.high) - p.low;
}

// Root g of v and half its reciprocal h, from a first guess (Goldschmidt's iteration: the error squares each time).
template <int Steps, class T>
GLIA_HD_INLINE Pair<T> refine_root(T g, T h) {
  if constexpr (Steps == 0) {
    return {g, h};
  } else {
    const T r = math::fma(-g, h, T(0.5));
    return refine_root<Steps - 1>(math::fma(g, r, g), math::fma(h, r, h));
  }
}
}  // namespace detail

// Square root, correctly rounded: NaN below zero, -0 for -0. (std::sqrt may set errno and so blocks vectorisation.)
template <Real T>
GLIA_HD_INLINE T sqrt(T x) {
  constexpr bool single = std::same_as<T, float>;
  constexpr T tiny = single ? T(0x1p-100) : T(0x1p-900), huge = single ? T(0x1p100) : T(0x1p900);
  constexpr T lift = single ? T(0x1p64) : T(0x1p512), unlift = single ? T(0x1p-32) : T(0x1p-256);
  const bool low = x < tiny, high = x > huge;
  const T v = x * select(high, T(1) / lift, select(low, lift, T(1)));
  const T back = select(high, T(1) / unlift, select(low, unlift, T(1)));
  // the exponent halved and negated guesses the reciprocal root to 4 %
  constexpr auto magic = static_cast<detail::Bits<T>>(single ? 0x5f375a86u : 0x5fe6eb50c7b537a9u);
  const T y = detail::bit_cast<T>(magic - (detail::bit_cast<detail::Bits<T>>(v) >> 1));
  const auto root = detail::refine_root<single ? 3 : 4>(v * y, T(0.5) * y);
  const T g = fma(detail::square_residual(v, root.high), root.low, root.high) * back;
  const T limits = select(detail::any_of(x == T(0), x == infinity<T>()), x, g);
  return select(x < T(0), quiet_nan<T>(), limits);
}

// 1 / sqrt(x).
template <Real T>
GLIA_HD_INLINE T rsqrt(T x) {
  return T(1) / sqrt(x);
}

}  // namespace GLIA_NS::math
