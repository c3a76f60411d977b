#pragma once
// Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011) and the distributions made of it. Element i of a stream depends on (key, counter, i) alone.
//
// Element i reads lane i mod 4 of block counter + i / 4; types that need 64 random bits read a second block with the
// same number in another plane. So n elements of any type use ceil(n / 4) counter values.

#include <glia/core/config.hpp>
#include <glia/core/math.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace GLIA_NS {

// Four 32-bit words of one block.
struct PhiloxBlock {
  std::uint32_t lane[4];
};

// The Philox 4x32-10 bijection under one 64-bit key.
struct Philox {
  std::uint64_t key;

  // The block of a 128-bit counter, given by its lower and upper half.
  GLIA_HD constexpr PhiloxBlock operator()(std::uint64_t low, std::uint64_t high = 0) const {
    auto c0 = static_cast<std::uint32_t>(low), c1 = static_cast<std::uint32_t>(low >> 32);
    auto c2 = static_cast<std::uint32_t>(high), c3 = static_cast<std::uint32_t>(high >> 32);
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(p1);
      c3 = static_cast<std::uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
  }
};

namespace detail {
// Upper counter halves: the first and second 32 bits of an element, and split().
inline constexpr std::uint64_t first_plane = 0, second_plane = 1, split_plane = ~std::uint64_t{0};

// High 64 bits of the 128-bit product.
GLIA_HD constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t al = a & 0xffffffffu, ah = a >> 32, bl = b & 0xffffffffu, bh = b >> 32;
  const std::uint64_t middle = ah * bl + ((al * bl) >> 32);
  const std::uint64_t carry = al * bh + (middle & 0xffffffffu);
  return ah * bh + (middle >> 32) + (carry >> 32);
}

// Reduced types draw in float; double has 64 random bits per element.
template <class T>
using random_real_t = std::conditional_t<std::is_same_v<T, double>, double, float>;
template <class T>
inline constexpr bool wide_random = std::is_same_v<T, double>;
}  // namespace detail

// 24 random bits in [0, 1).
GLIA_HD constexpr float uniform_float(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24f;
}
// 53 random bits in [0, 1), from 64.
GLIA_HD constexpr double uniform_double(std::uint32_t first, std::uint32_t second) {
  const std::uint64_t bits = (std::uint64_t{first} << 32) | second;
  // the upper 52 bits become the fraction of a number in [1, 2); the 53rd is added exactly
  const double unit = detail::bit_cast<double>((bits >> 12) | 0x3ff0000000000000u) - 1.0;
  return unit + static_cast<double>(static_cast<std::int32_t>((bits >> 11) & 1u)) * 0x1p-53;
}
// A whole number in [0, n) from 64 random bits; the bias is below n / 2^64.
GLIA_HD constexpr std::uint64_t uniform_below(std::uint32_t first, std::uint32_t second, std::uint64_t n) {
  return detail::multiply_high((std::uint64_t{first} << 32) | second, n);
}

// Two independent standard normal numbers.
template <class T>
struct NormalPair {
  T first, second;
};

namespace detail {
// Box-Muller: the angle is a quarter turn (two bits) plus `fraction` in [-1/2, 1/2) of a quarter turn.
template <class T>
GLIA_HD_INLINE NormalPair<T> box_muller(T radius_uniform, std::uint32_t quarter, T fraction) {
  const T radius = math::sqrt(T(-2) * math::log(radius_uniform));
  const T angle = fraction * T(1.57079632679489661923);
  const T s = math::detail::sin_core(angle), c = math::detail::cos_core(angle);
  const bool odd = (quarter & 1u) != 0;
  const T cosine = math::select(odd, -s, c), sine = math::select(odd, c, s);
  const T sign = math::select((quarter & 2u) != 0, T(-1), T(1));
  return {radius * (cosine * sign), radius * (sine * sign)};
}
}  // namespace detail

// Box-Muller on two random words: the first gives the radius (at most 6.66), the second the angle.
GLIA_HD_INLINE NormalPair<float> normal_pair(std::uint32_t a, std::uint32_t b) {
  const float u = math::fma(static_cast<float>(static_cast<std::int32_t>(a >> 1)), 0x1p-31f, 0x1p-32f);
  const float fraction = static_cast<float>(static_cast<std::int32_t>((b >> 6) & 0xffffffu)) * 0x1p-24f - 0.5f;
  return detail::box_muller(u, b >> 30, fraction);
}
// The same in double from two pairs of words; (a0, a1) gives the radius.
GLIA_HD_INLINE NormalPair<double> normal_pair(std::uint32_t a0, std::uint32_t a1, std::uint32_t b0,
                                              std::uint32_t b1) {
  const double u = 1.0 - uniform_double(a0, a1);
  const std::uint32_t low = b0 << 2;
  return detail::box_muller(u, b0 >> 30, uniform_double(low, b1) - 0.5);
}

// Element i of the uniform stream in [0, 1): float for float, bfloat16 and half, double for double.
template <class T>
GLIA_HD_INLINE detail::random_real_t<T> random_uniform(std::uint64_t key, std::uint64_t counter, Index i) {
  const auto u = static_cast<std::uint64_t>(i);
  const Philox philox{key};
  const std::uint32_t a = philox(counter + u / 4, detail::first_plane).lane[u % 4];
  if constexpr (detail::wide_random<T>) {
    return uniform_double(a, philox(counter + u / 4, detail::second_plane).lane[u % 4]);
  } else {
    return uniform_float(a);
  }
}

// Element i of the standard normal stream; elements 2j and 2j + 1 are one Box-Muller pair.
template <class T>
GLIA_HD_INLINE detail::random_real_t<T> random_normal(std::uint64_t key, std::uint64_t counter, Index i) {
  const auto u = static_cast<std::uint64_t>(i);
  const Philox philox{key};
  const auto even = u % 4 / 2 * 2;
  const PhiloxBlock a = philox(counter + u / 4, detail::first_plane);
  if constexpr (detail::wide_random<T>) {
    const PhiloxBlock b = philox(counter + u / 4, detail::second_plane);
    const auto pair = normal_pair(a.lane[even], b.lane[even], a.lane[even + 1], b.lane[even + 1]);
    return u % 2 == 0 ? pair.first : pair.second;
  } else {
    const auto pair = normal_pair(a.lane[even], a.lane[even + 1]);
    return u % 2 == 0 ? pair.first : pair.second;
  }
}

// Element i of the stream of whole numbers in [0, n).
GLIA_HD_INLINE std::uint64_t random_below(std::uint64_t key, std::uint64_t counter, Index i, std::uint64_t n) {
  const auto u = static_cast<std::uint64_t>(i);
  const Philox philox{key};
  return uniform_below(philox(counter + u / 4, detail::first_plane).lane[u % 4],
                       philox(counter + u / 4, detail::second_plane).lane[u % 4], n);
}

// Position in one random stream: a plain value to copy, save and restore.
struct Generator {
  std::uint64_t key = 0, counter = 0;

  Generator() = default;
  GLIA_HD constexpr explicit Generator(std::uint64_t seed, std::uint64_t position = 0)
      : key(seed), counter(position) {}

  // Takes the counter values of the next n elements (of any type) and returns the first.
  GLIA_HD constexpr std::uint64_t reserve(Index n) {
    const std::uint64_t first = counter;
    counter += (static_cast<std::uint64_t>(n) + 3) / 4;
    return first;
  }

  // An independent stream for each tag; depends on the key alone, not on how much was drawn.
  GLIA_HD constexpr Generator split(std::uint64_t tag) const {
    const PhiloxBlock b = Philox{key}(tag, detail::split_plane);
    return Generator((std::uint64_t{b.lane[1]} << 32) | b.lane[0]);
  }

  friend constexpr bool operator==(const Generator&, const Generator&) = default;
};

}  // namespace GLIA_NS
