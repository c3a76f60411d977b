// bfloat16, half and the DType tags.

#include <glia/core/scalar.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace {
using glia::bfloat16;
using glia::DType;
using glia::half;

// The value of a half by its definition, for the bit patterns of finite numbers.
double half_by_definition(int bits) {
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <class T>
T reduced(int bits) {
  return T::from_bits(static_cast<std::uint16_t>(bits));
}

// Each midpoint of two neighbours goes to the even one, and a hair to either side goes to that side.
template <class T>
int wrong_roundings(int last_finite) {
  int wrong = 0;
  for (int b = 0; b < last_finite; ++b) {
    const auto low = static_cast<double>(static_cast<float>(reduced<T>(b)));
    const auto high = static_cast<double>(static_cast<float>(reduced<T>(b + 1)));
    const auto middle = static_cast<float>((low + high) / 2);
    if (static_cast<double>(middle) != (low + high) / 2) continue;  // below the float's own subnormals
    const int even = (b & 1) == 0 ? b : b + 1;
    wrong += T(middle).bits != even;
    wrong += T(std::nextafter(middle, 0.0f)).bits != b;
    wrong += T(std::nextafter(middle, INFINITY)).bits != b + 1;
    wrong += T(-middle).bits != (even | 0x8000);
  }
  return wrong;
}
}  // namespace

TEST_CASE("scalar: half has the values of IEEE binary16") {
  int wrong = 0;
  for (int b = 0; b < 65536; ++b) {
    const half h = reduced<half>(b);
    const auto f = static_cast<float>(h);
    if ((b & 0x7c00) != 0x7c00) {
      wrong += static_cast<double>(f) != half_by_definition(b);
      wrong += half(f).bits != b;
    } else if ((b & 0x3ff) == 0) {
      wrong += !(std::isinf(f) && std::signbit(f) == ((b & 0x8000) != 0) && half(f).bits == b);
    } else {
      wrong += !(std::isnan(f) && std::isnan(static_cast<float>(half(f))));
    }
  }
  CHECK(wrong == 0);
  CHECK(wrong_roundings<half>(0x7bff) == 0);
  CHECK(half(65519.0f).bits == 0x7bff);
  CHECK(half(65520.0f).bits == 0x7c00);
  CHECK(half(1e-8f).bits == 0);
  CHECK(half(-1e-30f).bits == 0x8000);
}

TEST_CASE("scalar: bfloat16 rounds to nearest even") {
  int wrong = 0;
  for (int b = 0; b < 65536; ++b) {
    const auto f = static_cast<float>(reduced<bfloat16>(b));
    if (std::isnan(f))
      wrong += !std::isnan(static_cast<float>(bfloat16(f)));
    else
      wrong += bfloat16(f).bits != b;
  }
  CHECK(wrong == 0);
  CHECK(wrong_roundings<bfloat16>(0x7f7f) == 0);
  CHECK(bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(bfloat16(1.0f).bits == 0x3f80);
  // a NaN whose payload sits in the lost bits stays a NaN
  CHECK(std::isnan(static_cast<float>(bfloat16(glia::detail::bit_cast<float>(0x7f800001u)))));
}

TEST_CASE("scalar: a double is rounded once, not by way of float") {
  const double trace = 0x1p-40;
  // just above and just below the middle between two neighbours; as a float each is that middle
  CHECK(half(1 + 0x1p-11 + trace).bits == 0x3c01);
  CHECK(half(-1 - 0x1p-11 - trace).bits == 0xbc01);
  CHECK(half(1 + 0x1p-11).bits == 0x3c00);
  CHECK(half(1 + 3 * 0x1p-11 - trace).bits == 0x3c01);
  CHECK(half(0x1p-25 + 0x1p-60).bits == 1);
  CHECK(half(0x1p-25).bits == 0);
  CHECK(half(65520.0 - 0x1p-30).bits == 0x7bff);
  CHECK(half(65520.0).bits == 0x7c00);
  CHECK(bfloat16(1 + 0x1p-8 + trace).bits == 0x3f81);
  CHECK(bfloat16(-1 - 3 * 0x1p-8 + trace).bits == 0xbf81);
  CHECK(bfloat16(1e300).bits == 0x7f80);
  CHECK(bfloat16(-1e-300).bits == 0x8000);
  CHECK(half((1 << 30) + 1).bits == 0x7c00);
  CHECK(bfloat16((1 << 24) + (1 << 16) + 1).bits == 0x4b81);
  CHECK(std::isnan(static_cast<float>(half(std::numeric_limits<double>::quiet_NaN()))));
  CHECK(bfloat16(-std::numeric_limits<double>::infinity()).bits == 0xff80);
}

TEST_CASE_TEMPLATE("scalar: arithmetic and comparisons of reduced types", T, bfloat16, half) {
  const T a(1.5f), b(-0.25f);
  CHECK(a + b == T(1.25f));
  CHECK(a - b == T(1.75f));
  CHECK(a * b == T(-0.375f));
  CHECK(a / b == T(-6.0f));
  CHECK(-a == T(-1.5f));
  CHECK(b < a);
  CHECK(a >= a);
  T c = a;
  c += b;
  c *= T(2);
  c -= T(0.5);
  c /= T(4.0f);
  CHECK(c == T(0.5f));
  CHECK(a + 1.0f == 2.5f);
  static_assert(sizeof(T) == 2 && std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>);
  static_assert(!std::is_convertible_v<float, T> && std::is_convertible_v<T, float>);
  using Limits = std::numeric_limits<T>;
  CHECK(T(1) + Limits::epsilon() != T(1));
  CHECK(std::isinf(static_cast<float>(Limits::infinity())));
  CHECK(std::isnan(static_cast<float>(Limits::quiet_NaN())));
  CHECK(Limits::lowest() == -Limits::max());
  CHECK(static_cast<float>(Limits::denorm_min()) > 0.0f);
}

TEST_CASE("scalar: tags, names and sizes") {
  static_assert(glia::dtype_of<float> == DType::float32 && glia::dtype_of<double> == DType::float64);
  static_assert(glia::dtype_of<bfloat16> == DType::bfloat16 && glia::dtype_of<half> == DType::float16);
  static_assert(glia::dtype_of<std::int32_t> == DType::int32 && glia::dtype_of<std::int64_t> == DType::int64);
  static_assert(glia::dtype_of<std::uint8_t> == DType::uint8 && glia::dtype_of<bool> == DType::boolean);
  static_assert(std::is_same_v<glia::accumulate_t<float>, float> && std::is_same_v<glia::accumulate_t<half>, float>);
  static_assert(std::is_same_v<glia::accumulate_t<double>, double>);
  static_assert(std::is_same_v<glia::accumulate_t<bool>, std::int64_t>);
  static_assert(glia::Scalar<bool> && !glia::Floating<bool> && glia::Integral<bool> && !glia::Scalar<char>);
  static_assert(glia::Differentiable<bfloat16> && !glia::Differentiable<std::int64_t>);
  CHECK(glia::dtype_name(DType::bfloat16) == "bfloat16");
  CHECK(glia::dtype_size(DType::float64) == 8);
  CHECK(glia::dtype_size(DType::float16) == 2);
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
    const auto type = static_cast<DType>(i);
    CHECK(glia::dtype_from_name(glia::dtype_name(type)) == type);
    CHECK(glia::dtype_size(type) > 0);
  }
  CHECK_FALSE(glia::dtype_from_name("float").has_value());
}
