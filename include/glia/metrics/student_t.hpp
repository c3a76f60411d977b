#pragma once
// Student's t distribution: the share below a value, and the value below which a share lies.

#include <glia/core/error.hpp>

#include <cmath>
#include <limits>

namespace GLIA_NS::metrics {

namespace detail {
// The continued fraction of the incomplete beta function (DLMF 8.17.22), by the modified method of Lentz.
GLIA_LAZY double beta_fraction(double a, double b, double x) {
  static constexpr double tiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    const double change = c * d;
    value *= change;
    if (std::abs(change - 1) < 1e-16) break;
  }
  return value;
}
}  // namespace detail

// The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1]. Errors: ValueError.
GLIA_LAZY double incomplete_beta(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1))
    raise<ValueError>("incomplete_beta", "needs a, b > 0 and x in [0, 1], got ", a, ", ", b, " and ", x);
  if (x == 0 || x == 1) return x;
  const double scale =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast below the mean; above it the symmetry I_x(a, b) = 1 - I_{1-x}(b, a) is used.
  return x < (a + 1) / (a + b + 2) ? scale * detail::beta_fraction(a, b, x) / a
                                   : 1 - scale * detail::beta_fraction(b, a, 1 - x) / b;
}

// P(|T| >= |t|) of Student's t with `freedom` degrees of freedom: the two-sided p-value. Accurate far into the tail.
// Errors: ValueError unless freedom > 0 and t is a number.
GLIA_LAZY double student_t_two_sided(double t, double freedom) {
  if (!(freedom > 0) || std::isnan(t))
    raise<ValueError>("student_t", "needs freedom > 0 and a number, got ", freedom, " and ", t);
  if (std::isinf(t)) return 0;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

// P(T <= t). Errors: as student_t_two_sided.
GLIA_LAZY double student_t_cdf(double t, double freedom) {
  const double tail = student_t_two_sided(t, freedom) / 2;
  return t > 0 ? 1 - tail : tail;
}

// The t with P(T <= t) = probability, by bisection. Errors: ValueError unless probability is in (0, 1).
GLIA_LAZY double student_t_quantile(double probability, double freedom) {
  if (!(probability > 0 && probability < 1))
    raise<ValueError>("student_t_quantile", "probability must be in (0, 1), got ", probability);
  if (probability == 0.5) return 0;
  const double tail = std::min(probability, 1 - probability);
  double low = 0, high = 1;
  while (student_t_two_sided(high, freedom) / 2 > tail) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
    const double middle = (low + high) / 2;
    (student_t_two_sided(middle, freedom) / 2 > tail ? low : high) = middle;
  }
  const double t = (low + high) / 2;
  return probability < 0.5 ? -t : t;
}

}  // namespace GLIA_NS::metrics
