// Dual numbers: derivatives of every math function against central differences, and nested duals.

#include <glia/core/dual.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

namespace {
namespace math = glia::math;
using glia::Dual;
using glia::Partial;

// First and second derivative at x by duals against differences of the function and of its dual derivative.
template <class F>
void check_derivatives(const std::string& name, F f, std::initializer_list<double> points) {
  for (const double x : points) {
    INFO(name, " at ", x);
    const double h = 1e-5;
    const Partial<F, 0> slope{f};
    const double first = (f(x + h) - f(x - h)) / (2 * h), second = (slope(x + h) - slope(x - h)) / (2 * h);
    CHECK(f(Dual<double>(x, 1.0)).value == f(x));
    CHECK(slope(x) == doctest::Approx(first).epsilon(1e-8));
    CHECK(Partial<Partial<F, 0>, 0>{slope}(x) == doctest::Approx(second).epsilon(1e-7));
    CHECK(static_cast<double>(slope(static_cast<float>(x))) == doctest::Approx(slope(x)).epsilon(2e-5));
  }
}
#define GLIA_CHECK_UNARY(name, ...) \
  check_derivatives(#name, [](auto x) { return math::name(x); }, {__VA_ARGS__})

struct Polynomial {
  template <class R>
  GLIA_HD R operator()(R x, R y) const {
    R z = 2;                           // a literal starts a constant
    z += R(1) / (x * 2.0f + 3);        // float and int literals on both sides
    z -= 2.0 * y;
    z *= x;
    z /= y;
    return z + math::fma(x, y, R(1)) - (-x) + 1.0 / y + x / 4;
  }
};

struct Softsign {
  template <class R>
  GLIA_HD R operator()(R x) const {
    return x / (R(1) + math::abs(x));
  }
};
}  // namespace

TEST_CASE("dual: derivatives of smooth functions") {
  GLIA_CHECK_UNARY(exp, -3.0, 0.0, 1.5);
  GLIA_CHECK_UNARY(exp2, -3.0, 0.1, 1.5);
  GLIA_CHECK_UNARY(expm1, -2.0, 0.1, 1.0);
  GLIA_CHECK_UNARY(log, 0.1, 1.0, 20.0);
  GLIA_CHECK_UNARY(log2, 0.1, 1.0, 20.0);
  GLIA_CHECK_UNARY(log1p, -0.5, 0.01, 3.0);
  GLIA_CHECK_UNARY(sqrt, 0.2, 1.0, 9.0);
  GLIA_CHECK_UNARY(rsqrt, 0.2, 1.0, 9.0);
  GLIA_CHECK_UNARY(sigmoid, -4.0, 0.3, 5.0);
  GLIA_CHECK_UNARY(logistic, -4.0, 0.3, 5.0);
  GLIA_CHECK_UNARY(softplus, -4.0, 0.3, 5.0);
  GLIA_CHECK_UNARY(tanh, -1.5, 0.3, 0.8);
  GLIA_CHECK_UNARY(sinh, -1.5, 0.3, 2.0);
  GLIA_CHECK_UNARY(cosh, -1.5, 0.3, 2.0);
  GLIA_CHECK_UNARY(erf, -1.5, 0.3, 0.95);
  GLIA_CHECK_UNARY(sin, -2.0, 0.3, 7.0);
  GLIA_CHECK_UNARY(cos, -2.0, 0.3, 7.0);
  GLIA_CHECK_UNARY(tan, -1.0, 0.3, 1.2);
  GLIA_CHECK_UNARY(atan, -2.0, 0.3, 1.0);
  GLIA_CHECK_UNARY(asin, -0.7, 0.3, 0.9);
  GLIA_CHECK_UNARY(acos, -0.7, 0.3, 0.9);
  check_derivatives("pow(x, 3)", [](auto x) { return math::pow(x, 3); }, {-1.5, 0.4, 2.0});
  check_derivatives("pow(x, x)", [](auto x) { return math::pow(x, x); }, {0.4, 1.0, 2.0});
  check_derivatives("pow(2, x)", [](auto x) { return math::pow(2.0f, x); }, {-0.4, 1.1, 2.0});
  check_derivatives("softsign", Softsign{}, {-2.0, 0.5});
}

TEST_CASE("dual: kinks and steps") {
  const auto slope = [](auto f, double x) { return f(Dual<double>(x, 1.0)).tangent; };
  CHECK(slope([](auto x) { return math::abs(x); }, -2.0) == -1.0);
  CHECK(slope([](auto x) { return math::abs(x); }, 0.0) == 0.0);
  CHECK(slope([](auto x) { return math::floor(x) + math::ceil(x) + math::round(x) + math::trunc(x); }, 1.3) == 0.0);
  CHECK(slope([](auto x) { return math::step(x) + math::sign(x); }, 0.0) == 0.0);
  CHECK(math::step(Dual<double>(0.0, 1.0)).value == 1.0);
  // a tie goes to the first argument
  CHECK(slope([](auto x) { return math::max(x, 0.0f); }, 0.0) == 1.0);
  CHECK(slope([](auto x) { return math::max(0.0f, x); }, 0.0) == 0.0);
  CHECK(slope([](auto x) { return math::min(x, 0); }, 0.0) == 1.0);
  CHECK(slope([](auto x) { return math::min(x, 2 * x); }, -1.0) == 2.0);
  CHECK(slope([](auto x) { return math::clamp(x, -1, 1.0f); }, 1.0) == 1.0);
  CHECK(slope([](auto x) { return math::clamp(x, -1, 1.0f); }, 1.5) == 0.0);
  CHECK(slope([](auto x) { return math::select(x > 0, 3 * x, x * x); }, -2.0) == -4.0);
  CHECK(slope([](auto x) { return math::copysign(x, -x); }, 2.0) == -1.0);
  CHECK(math::isnan(math::max(Dual<float>(std::numeric_limits<float>::quiet_NaN()), 0.0f)));
  CHECK(math::isfinite(Dual<float>(1.0f, std::numeric_limits<float>::infinity())));
  // pow at the corners
  CHECK(slope([](auto x) { return math::pow(x, 0); }, 0.0) == 0.0);
  CHECK(slope([](auto x) { return math::pow(x, 1); }, 0.0) == 1.0);
  CHECK(slope([](auto x) { return math::pow(x, decltype(x)(2)); }, -3.0) == -6.0);
}

TEST_CASE("dual: arithmetic with literals and mixed partial derivatives") {
  const Polynomial f;
  const double x = 0.7, y = -1.3, h = 1e-5;
  const Partial<Polynomial, 0> fx{f};
  const Partial<Polynomial, 1> fy{f};
  CHECK(fx(x, y) == doctest::Approx((f(x + h, y) - f(x - h, y)) / (2 * h)).epsilon(1e-8));
  CHECK(fy(x, y) == doctest::Approx((f(x, y + h) - f(x, y - h)) / (2 * h)).epsilon(1e-8));
  const Partial<Partial<Polynomial, 0>, 1> fxy{fx};
  CHECK(fxy(x, y) == doctest::Approx((fx(x, y + h) - fx(x, y - h)) / (2 * h)).epsilon(1e-7));
  CHECK(Partial<Partial<Polynomial, 1>, 0>{fy}(x, y) == doctest::Approx(fxy(x, y)).epsilon(1e-12));
  static_assert(glia::functor_order<Polynomial> == 0);
  static_assert(glia::functor_order<decltype(fxy)> == 2);
  static_assert(std::is_trivially_copyable_v<Dual<Dual<float>>>);
  static_assert(sizeof(Dual<float>) == 2 * sizeof(float));
}

TEST_CASE("dual: comparisons look at the value") {
  const Dual<float> a(1.0f, 5.0f), b(1.0f, -5.0f), c(2.0f, 0.0f);
  CHECK(a == b);
  CHECK_FALSE(a != b);
  CHECK(a < c);
  CHECK(c >= 2);
  CHECK(0.5 <= a);
  CHECK(c > a);
  CHECK(a == 1.0f);
}
