#pragma once
// Element types of tensors: bfloat16 and half, the DType tag, concepts, and the type in which sums are kept.

#include <glia/core/config.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

namespace GLIA_NS {

namespace detail {
// The object of type To with the bytes of `from`.
template <class To, class From>
GLIA_HD constexpr To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast needs two types of one size");
  return __builtin_bit_cast(To, from);
}

// Round to nearest even; a NaN keeps its sign and top payload bits and becomes quiet.
GLIA_HD constexpr std::uint16_t bfloat16_bits(float value) {
  const std::uint32_t u = bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  const std::uint32_t nan = (u >> 16) | 0x40u;
  return static_cast<std::uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

// The float that a 16-bit type may be rounded from with the result of rounding `value` once: where a double is not a
// float, the neighbour with an odd last bit (rounding to odd), so that it cannot look like a tie. float has more than two
// bits beyond both 16-bit types, as that needs (Boldo and Melquiond 2008).
template <class A>
GLIA_HD constexpr float before_narrowing(A value) {
  if constexpr (std::is_same_v<A, float>) {
    return value;
  } else {
    const double exact = static_cast<double>(value);
    const float nearest = static_cast<float>(exact);
    const double rounded = static_cast<double>(nearest);
    const std::uint32_t bits = bit_cast<std::uint32_t>(nearest);
    if (rounded == exact || exact != exact || (bits & 1u) != 0) return nearest;
    const bool away_from_zero = exact < 0 ? rounded < exact : rounded > exact;
    return bit_cast<float>(away_from_zero ? bits - 1 : bits + 1);
  }
}

GLIA_HD constexpr float bfloat16_value(std::uint16_t bits) {
  return bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Round to nearest even with subnormals; 65520 and beyond become infinite; a NaN stays a quiet NaN.
GLIA_HD constexpr std::uint16_t half_bits(float value) {
  const std::uint32_t u = bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
  const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // adding 0.5 lines the subnormal's last bit up with the float's last bit and rounds there
  const std::uint32_t tiny = bit_cast<std::uint32_t>(bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const std::uint32_t special = magnitude > 0x7f800000u ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : 0x7c00u;
  const std::uint32_t finite = magnitude < 0x38800000u ? tiny : normal;
  return static_cast<std::uint16_t>(sign | (magnitude >= 0x477ff000u ? special : finite));
}

GLIA_HD constexpr float half_value(std::uint16_t bits) {
  const std::uint32_t magnitude = (bits & 0x7fffu) << 13;
  const std::uint32_t scaled = bit_cast<std::uint32_t>(bit_cast<float>(magnitude) * 0x1p112f);
  const std::uint32_t special = magnitude | 0x7f800000u;
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  return bit_cast<float>(sign | ((bits & 0x7fffu) >= 0x7c00u ? special : scaled));
}
}  // namespace detail

// The upper half of a float32: 8 exponent bits, 8 significant bits. Arithmetic runs in float.
struct bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;
  // Rounds to nearest even.
  template <class A, class = std::enable_if_t<std::is_arithmetic_v<A>>>
  GLIA_HD constexpr explicit bfloat16(A value) : bits(detail::bfloat16_bits(detail::before_narrowing(value))) {}
  GLIA_HD constexpr operator float() const { return detail::bfloat16_value(bits); }

  static GLIA_HD constexpr bfloat16 from_bits(std::uint16_t raw) {
    bfloat16 result{};
    result.bits = raw;
    return result;
  }
};

// IEEE 754 binary16: 5 exponent bits, 11 significant bits, largest value 65504. Arithmetic runs in float.
struct half {
  std::uint16_t bits;

  half() = default;
  // Rounds to nearest even.
  template <class A, class = std::enable_if_t<std::is_arithmetic_v<A>>>
  GLIA_HD constexpr explicit half(A value) : bits(detail::half_bits(detail::before_narrowing(value))) {}
  GLIA_HD constexpr operator float() const { return detail::half_value(bits); }

  static GLIA_HD constexpr half from_bits(std::uint16_t raw) {
    half result{};
    result.bits = raw;
    return result;
  }
};

// bfloat16 and half.
template <class T>
concept ReducedFloating = std::same_as<T, bfloat16> || std::same_as<T, half>;
// Types of real numbers that a tensor may hold.
template <class T>
concept Floating = std::same_as<T, float> || std::same_as<T, double> || ReducedFloating<T>;
// Types whose tensors may require a gradient.
template <class T>
concept Differentiable = Floating<T>;
// Whole numbers and truth values that a tensor may hold.
template <class T>
concept Integral = std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t> || std::same_as<T, std::uint8_t> ||
                   std::same_as<T, bool>;
// Any element type of a tensor.
template <class T>
concept Scalar = Floating<T> || Integral<T>;

template <ReducedFloating T>
GLIA_HD constexpr T operator+(T a, T b) {
  return T(static_cast<float>(a) + static_cast<float>(b));
}
template <ReducedFloating T>
GLIA_HD constexpr T operator-(T a, T b) {
  return T(static_cast<float>(a) - static_cast<float>(b));
}
template <ReducedFloating T>
GLIA_HD constexpr T operator*(T a, T b) {
  return T(static_cast<float>(a) * static_cast<float>(b));
}
template <ReducedFloating T>
GLIA_HD constexpr T operator/(T a, T b) {
  return T(static_cast<float>(a) / static_cast<float>(b));
}
template <ReducedFloating T>
GLIA_HD constexpr T operator-(T a) {
  return T::from_bits(static_cast<std::uint16_t>(a.bits ^ 0x8000u));
}
template <ReducedFloating T>
GLIA_HD constexpr T operator+(T a) {
  return a;
}
template <ReducedFloating T>
GLIA_HD constexpr T& operator+=(T& a, T b) {
  return a = a + b;
}
template <ReducedFloating T>
GLIA_HD constexpr T& operator-=(T& a, T b) {
  return a = a - b;
}
template <ReducedFloating T>
GLIA_HD constexpr T& operator*=(T& a, T b) {
  return a = a * b;
}
template <ReducedFloating T>
GLIA_HD constexpr T& operator/=(T& a, T b) {
  return a = a / b;
}
// Comparisons are those of float, which both types convert to: NaN equals nothing, the zeros are equal.

enum class DType : std::uint8_t { float32, float64, bfloat16, float16, int32, int64, uint8, boolean };

namespace detail {
template <Scalar T>
constexpr DType dtype_tag() {
  if constexpr (std::same_as<T, float>) return DType::float32;
  else if constexpr (std::same_as<T, double>) return DType::float64;
  else if constexpr (std::same_as<T, bfloat16>) return DType::bfloat16;
  else if constexpr (std::same_as<T, half>) return DType::float16;
  else if constexpr (std::same_as<T, std::int32_t>) return DType::int32;
  else if constexpr (std::same_as<T, std::int64_t>) return DType::int64;
  else if constexpr (std::same_as<T, std::uint8_t>) return DType::uint8;
  else return DType::boolean;
}

template <class T>
struct Accumulate {
  using type = std::int64_t;
};
template <Floating T>
struct Accumulate<T> {
  using type = float;
};
template <>
struct Accumulate<double> {
  using type = double;
};

template <class T>
struct ParameterOf {
  using type = T;
};
template <ReducedFloating T>
struct ParameterOf<T> {
  using type = float;
};
}  // namespace detail

// The tag of an element type.
template <Scalar T>
inline constexpr DType dtype_of = detail::dtype_tag<T>();

// Bytes per element.
constexpr std::size_t dtype_size(DType type) {
  switch (type) {
    case DType::float64:
    case DType::int64: return 8;
    case DType::float32:
    case DType::int32: return 4;
    case DType::bfloat16:
    case DType::float16: return 2;
    case DType::uint8:
    case DType::boolean: return 1;
  }
  return 0;
}

// "float32", "float64", "bfloat16", "float16", "int32", "int64", "uint8" or "boolean".
constexpr std::string_view dtype_name(DType type) {
  switch (type) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::bfloat16: return "bfloat16";
    case DType::float16: return "float16";
    case DType::int32: return "int32";
    case DType::int64: return "int64";
    case DType::uint8: return "uint8";
    case DType::boolean: return "boolean";
  }
  return "unknown";
}

// The inverse of dtype_name; nothing for other text.
constexpr std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i)
    if (dtype_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  return std::nullopt;
}

// The type in which sums of T are kept: float for float, bfloat16 and half, double for double, int64 for the rest.
template <Scalar T>
using accumulate_t = typename detail::Accumulate<T>::type;

// The type of what a layer over T learns and keeps (weights, statistics): float for bfloat16 and half, whose last bit is
// larger than most updates; else T. Normalisation of T is computed in it, too.
template <class T>
using ParameterScalar = typename detail::ParameterOf<T>::type;

}  // namespace GLIA_NS

template <>
class std::numeric_limits<glia::bfloat16> {
 public:
  static constexpr bool is_specialized = true, is_signed = true, is_integer = false, is_exact = false, is_iec559 = true;
  static constexpr bool has_infinity = true, has_quiet_NaN = true, is_bounded = true;
  static constexpr int radix = 2, digits = 8, digits10 = 2, max_digits10 = 4, min_exponent = -125, max_exponent = 128;
  static constexpr glia::bfloat16 min() { return glia::bfloat16::from_bits(0x0080); }
  static constexpr glia::bfloat16 max() { return glia::bfloat16::from_bits(0x7f7f); }
  static constexpr glia::bfloat16 lowest() { return glia::bfloat16::from_bits(0xff7f); }
  static constexpr glia::bfloat16 epsilon() { return glia::bfloat16::from_bits(0x3c00); }
  static constexpr glia::bfloat16 denorm_min() { return glia::bfloat16::from_bits(0x0001); }
  static constexpr glia::bfloat16 infinity() { return glia::bfloat16::from_bits(0x7f80); }
  static constexpr glia::bfloat16 quiet_NaN() { return glia::bfloat16::from_bits(0x7fc0); }
};

template <>
class std::numeric_limits<glia::half> {
 public:
  static constexpr bool is_specialized = true, is_signed = true, is_integer = false, is_exact = false, is_iec559 = true;
  static constexpr bool has_infinity = true, has_quiet_NaN = true, is_bounded = true;
  static constexpr int radix = 2, digits = 11, digits10 = 3, max_digits10 = 5, min_exponent = -13, max_exponent = 16;
  static constexpr glia::half min() { return glia::half::from_bits(0x0400); }
  static constexpr glia::half max() { return glia::half::from_bits(0x7bff); }
  static constexpr glia::half lowest() { return glia::half::from_bits(0xfbff); }
  static constexpr glia::half epsilon() { return glia::half::from_bits(0x1400); }
  static constexpr glia::half denorm_min() { return glia::half::from_bits(0x0001); }
  static constexpr glia::half infinity() { return glia::half::from_bits(0x7c00); }
  static constexpr glia::half quiet_NaN() { return glia::half::from_bits(0x7e00); }
};
