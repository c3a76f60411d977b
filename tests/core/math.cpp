// Elementary functions against the long double functions of the C library, in units of the last place.

#include <glia/core/math.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {
namespace math = glia::math;

// |y - r| in units of the last place of r rounded to T; a huge number where one is infinite or NaN and the other not.
template <class T>
double ulp_distance(T y, long double r) {
  const long double wrong = 1e30L;
  const T nearest = static_cast<T>(r);
  if (std::isnan(y) || std::isnan(nearest)) return std::isnan(y) && std::isnan(nearest) ? 0.0 : static_cast<double>(wrong);
  if (std::isinf(y) && std::isinf(nearest)) return y == nearest ? 0.0 : static_cast<double>(wrong);
  // next to the overflow, rounding the other way is one unit
  if (std::isinf(y) || std::isinf(nearest))
    return std::min(std::abs(static_cast<long double>(y)), std::abs(r)) >= std::numeric_limits<T>::max() * 0.9999999L
               ? 1.0
               : static_cast<double>(wrong);
  int exponent = std::numeric_limits<T>::min_exponent;
  if (nearest != T(0)) std::frexp(nearest, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs(static_cast<long double>(y) - r) / unit);
}

// Bit patterns spread over all values, and evenly spaced numbers in three ranges.
template <class T>
std::vector<T> samples(long double low, long double high) {
  std::vector<T> out;
  const auto add = [&](T x) {
    if (x >= low && x <= high) out.push_back(x);
  };
  for (std::uint64_t i = 0; i < 150000; ++i) {
    std::uint64_t u = (i + 1) * 0x9E3779B97F4A7C15u;
    u = (u ^ (u >> 29)) * 0xBF58476D1CE4E5B9u;
    add(math::detail::bit_cast<T>(static_cast<math::detail::Bits<T>>(u >> (sizeof(T) == 4 ? 32 : 0))));
  }
  for (const long double span : {1.5L, 30.0L, 1e5L})
    for (int i = -50000; i <= 50000; ++i) add(static_cast<T>(span * i / 50000.0L));
  const T huge = std::numeric_limits<T>::infinity();
  for (const T x : {T(0), T(-0.0), huge, -huge, std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::max(),
                    std::numeric_limits<T>::lowest(), std::numeric_limits<T>::min()})
    add(x);
  return out;
}

template <class T, class F, class Reference>
double worst(const F& f, const Reference& reference, long double low, long double high) {
  const auto x = samples<T>(low, high);
  std::vector<T> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);
  double top = 0;
  for (std::size_t i = 0; i < x.size(); ++i) top = std::max(top, ulp_distance(y[i], reference(static_cast<long double>(x[i]))));
  CHECK(std::isnan(f(std::numeric_limits<T>::quiet_NaN())));
  return top;
}

template <class F, class Reference>
void check(const std::string& name, const F& f, const Reference& reference, double single_bound, double double_bound,
           long double low = -std::numeric_limits<long double>::infinity(),
           long double high = std::numeric_limits<long double>::infinity()) {
  const double s = worst<float>(f, reference, low, high), d = worst<double>(f, reference, low, high);
  INFO(name, ": float ", s, " ulp, double ", d, " ulp");
  CHECK(s <= single_bound);
  CHECK(d <= double_bound);
}

using Wide = long double;
}  // namespace

#define GLIA_CHECK_MATH(name, ...) \
  check(#name, [](auto x) { return math::name(x); }, [](Wide x) { return std::name(x); }, __VA_ARGS__)

// The bounds are the largest errors measured (g++ and clang++, with and without fma, 17 million float arguments),
// rounded up to the next tenth.
TEST_CASE("math: exponentials and logarithms") {
  GLIA_CHECK_MATH(exp, 0.9, 0.9);
  GLIA_CHECK_MATH(exp2, 1.1, 1.1);
  GLIA_CHECK_MATH(expm1, 1.7, 2.0);
  GLIA_CHECK_MATH(log, 0.9, 0.9);
  GLIA_CHECK_MATH(log2, 1.9, 1.7);
  GLIA_CHECK_MATH(log1p, 1.5, 1.4);
  GLIA_CHECK_MATH(tanh, 1.6, 1.5);
  GLIA_CHECK_MATH(sinh, 2.3, 2.5);
  GLIA_CHECK_MATH(cosh, 1.3, 1.3);
  const auto sigmoid = [](Wide x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); };
  check("sigmoid", [](auto x) { return math::sigmoid(x); }, sigmoid, 1.9, 1.9);
  check("logistic", [](auto x) { return math::logistic(x); }, sigmoid, 3.1, 2.6, -87.0L);
  CHECK(math::logistic(-1e30f) == math::logistic(-87.0f));
  CHECK(math::logistic(-1e300) == math::logistic(-708.0));
  check("exp_flushed", [](auto x) { return math::exp_flushed(x); }, [](Wide x) { return std::exp(x); }, 1.1, 1.1, -87.3L, 88.3L);
  CHECK(math::exp_flushed(-87.7f) == 0.0f);
  CHECK(math::exp_flushed(-708.8) == 0.0);
  CHECK(std::isnan(math::exp_flushed(std::numeric_limits<float>::quiet_NaN())));
  CHECK(math::exp_flushed(-std::numeric_limits<double>::infinity()) == 0.0);
  CHECK(math::exp_flushed(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
  CHECK(math::exp_flushed(1e300) == std::numeric_limits<double>::infinity());
  const auto softplus = [](Wide x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); };
  check("softplus", [](auto x) { return math::softplus(x); }, softplus, 1.7, 1.8);
}

TEST_CASE("math: roots and the error function") {
  GLIA_CHECK_MATH(sqrt, 0.5, 0.5001);
  check("rsqrt", [](auto x) { return math::rsqrt(x); }, [](Wide x) { return 1 / std::sqrt(x); }, 1.5, 1.5);
  GLIA_CHECK_MATH(erf, 1.2, 1.7);
}

TEST_CASE("math: trigonometric functions") {
  GLIA_CHECK_MATH(sin, 1.6, 2.3, -1e5L, 1e5L);
  GLIA_CHECK_MATH(cos, 1.6, 2.4, -1e5L, 1e5L);
  GLIA_CHECK_MATH(tan, 3.0, 3.6, -1e5L, 1e5L);
  GLIA_CHECK_MATH(atan, 1.9, 1.9);
  GLIA_CHECK_MATH(asin, 2.6, 2.6);
  GLIA_CHECK_MATH(acos, 2.7, 2.7);
  for (const float x : {1e7f, -3e20f, std::numeric_limits<float>::max()}) {
    CHECK(std::abs(math::sin(x)) <= 1.0f);
    CHECK(std::abs(math::cos(x)) <= 1.0f);
  }
  CHECK(std::isnan(math::sin(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(math::cos(std::numeric_limits<double>::infinity())));
}

TEST_CASE("math: rounding is exact") {
  GLIA_CHECK_MATH(floor, 0.0, 0.0);
  GLIA_CHECK_MATH(ceil, 0.0, 0.0);
  GLIA_CHECK_MATH(trunc, 0.0, 0.0);
  check("round", [](auto x) { return math::round(x); }, [](Wide x) { return std::nearbyint(x); }, 0.0, 0.0);
  CHECK(math::round(0.5f) == 0.0f);
  CHECK(math::round(1.5f) == 2.0f);
  CHECK(math::round(-2.5) == -2.0);
  CHECK(std::signbit(math::ceil(-0.25f)));
  CHECK(math::floor(-0.25f) == -1.0f);
}

TEST_CASE("math: pow") {
  double single = 0, wide = 0;
  for (int i = 0; i < 400; ++i)
    for (int j = 0; j < 400; ++j) {
      const double x = std::exp(-90.0 + 0.449 * i), y = -8.0 + 0.0397 * j;
      const auto xf = static_cast<float>(x), yf = static_cast<float>(y);
      single = std::max(single, ulp_distance(math::pow(xf, yf), std::pow(static_cast<Wide>(xf), static_cast<Wide>(yf))));
      wide = std::max(wide, ulp_distance(math::pow(x, y), std::pow(static_cast<Wide>(x), static_cast<Wide>(y))));
      const double near = 1.0 + (i - 200) * 0.001, steep = (j - 200) * 11.0;
      wide = std::max(wide, ulp_distance(math::pow(near, steep), std::pow(static_cast<Wide>(near), static_cast<Wide>(steep))));
    }
  INFO("float ", single, " ulp, double ", wide, " ulp");
  CHECK(single <= 0.6);
  CHECK(wide <= 1.2);

  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double x : {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, inf, -inf, nan})
    for (const double y : {0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 2.5, inf, -inf, nan}) {
      const double expected = std::pow(x, y), got = math::pow(x, y);
      const float got_single = math::pow(static_cast<float>(x), static_cast<float>(y));
      INFO("pow(", x, ", ", y, ") = ", expected);
      if (std::isnan(expected)) {
        CHECK(std::isnan(got));
        CHECK(std::isnan(got_single));
      } else {
        CHECK(ulp_distance(got, expected) <= 1.2);
        CHECK(std::signbit(got) == std::signbit(expected));
        CHECK(ulp_distance(got_single, expected) <= 1.0);
        CHECK(std::signbit(got_single) == std::signbit(expected));
      }
    }
  static_assert(std::is_same_v<decltype(math::pow(2.0f, 3)), float>);
  CHECK(math::pow(2.0f, 3) == 8.0f);
}

TEST_CASE_TEMPLATE("math: limits", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  CHECK(math::exp(-inf) == T(0));
  CHECK(math::exp(inf) == inf);
  CHECK(math::exp(T(0)) == T(1));
  CHECK(math::exp(T(1e30)) == inf);
  CHECK(math::log(T(0)) == -inf);
  CHECK(math::log(inf) == inf);
  CHECK(std::isnan(math::log(T(-1))));
  CHECK(math::log(T(1)) == T(0));
  CHECK(math::log2(T(0x1p-100)) == T(-100));
  CHECK(math::log1p(T(-1)) == -inf);
  CHECK(std::isnan(math::log1p(T(-1.5))));
  CHECK(math::tanh(inf) == T(1));
  CHECK(math::tanh(T(-1e30)) == T(-1));
  CHECK(math::sigmoid(-inf) == T(0));
  CHECK(math::sigmoid(inf) == T(1));
  CHECK(math::sigmoid(T(0)) == T(0.5));
  CHECK(math::softplus(inf) == inf);
  CHECK(math::softplus(-inf) == T(0));
  CHECK(math::erf(inf) == T(1));
  CHECK(math::erf(-inf) == T(-1));
  CHECK(math::sqrt(inf) == inf);
  CHECK(std::isnan(math::sqrt(T(-1))));
  CHECK(math::sqrt(T(4)) == T(2));
  CHECK(math::rsqrt(T(0)) == inf);
  CHECK(math::max(nan, T(1)) != math::max(nan, T(1)));
  CHECK(math::max(T(1), nan) != math::max(T(1), nan));
  CHECK(math::min(nan, T(1)) != math::min(nan, T(1)));
  CHECK(math::min(T(-2), 3) == T(-2));
  CHECK(math::clamp(T(5), T(-1), T(1)) == T(1));
  CHECK(math::clamp(T(-5), -1, 1) == T(-1));
  CHECK(math::isnan(math::clamp(nan, T(-1), T(1))));
  CHECK(math::sign(T(-3)) == T(-1));
  CHECK(math::sign(T(0)) == T(0));
  CHECK(math::step(T(0)) == T(1));
  CHECK(math::step(T(-1e-30)) == T(0));
  CHECK(math::select(true, T(1), T(2)) == T(1));
  CHECK(math::select(false, T(1), nan) != T(1));
  CHECK(math::copysign(T(3), T(-0.0)) == T(-3));
  CHECK(math::abs(T(-2)) == T(2));
  CHECK_FALSE(math::isfinite(inf));
  CHECK_FALSE(math::isfinite(nan));
  CHECK(math::isfinite(std::numeric_limits<T>::max()));
  // odd functions keep the sign of zero
  for (const T y : {math::expm1(T(-0.0)), math::log1p(T(-0.0)), math::tanh(T(-0.0)), math::erf(T(-0.0)), math::sin(T(-0.0)),
                    math::tan(T(-0.0)), math::atan(T(-0.0)), math::asin(T(-0.0)), math::sinh(T(-0.0)), math::sqrt(T(-0.0)),
                    math::round(T(-0.0)), math::floor(T(-0.0))}) {
    CHECK(y == T(0));
    CHECK(std::signbit(y));
  }
}

namespace {
template <class T, class F>
void check_lanes(const std::string& name, const F& f) {
  const auto x = samples<T>(-1e30L, 1e30L);
  std::vector<T> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);  // a vector loop where the build asks for one
  std::size_t different = 0;
  for (std::size_t i = 0; i < x.size(); i += 7) {
    volatile T one = x[i];
    const T alone = f(one);
    using Bits = math::detail::Bits<T>;
    different += math::detail::bit_cast<Bits>(alone) != math::detail::bit_cast<Bits>(y[i]) && !(alone != alone);
  }
  INFO(name);
  CHECK(different == 0);
}
}  // namespace

TEST_CASE_TEMPLATE("math: a vector lane and a scalar call give the same bits", T, float, double) {
  check_lanes<T>("exp", [](T x) { return math::exp(x); });
  check_lanes<T>("log", [](T x) { return math::log(x); });
  check_lanes<T>("tanh", [](T x) { return math::tanh(x); });
  check_lanes<T>("erf", [](T x) { return math::erf(x); });
  check_lanes<T>("sigmoid", [](T x) { return math::sigmoid(x); });
  check_lanes<T>("exp_flushed", [](T x) { return math::exp_flushed(x); });
  check_lanes<T>("logistic", [](T x) { return math::logistic(x); });
  check_lanes<T>("softplus", [](T x) { return math::softplus(x); });
  check_lanes<T>("sin", [](T x) { return math::sin(x); });
  check_lanes<T>("sqrt", [](T x) { return math::sqrt(x); });
}
