// Student's t, intervals, paired tests, Holm, and the stability numbers. Reference values: SciPy 1.x (scipy.stats.t,
// scipy.special.betainc, scipy.stats.ttest_rel), printed to the digits given.
#include <glia/metrics/compare.hpp>
#include <glia/metrics/stability.hpp>

#include <doctest/doctest.h>

namespace metrics = glia::metrics;
using Values = std::vector<double>;

namespace {
bool close(double a, double b, double relative) { return std::abs(a - b) <= relative * std::abs(b); }
}  // namespace

TEST_CASE("incomplete beta and Student's t agree with SciPy") {
  CHECK(close(metrics::incomplete_beta(0.5, 0.5, 0.2), 0.29516724, 3e-8));
  CHECK(close(metrics::incomplete_beta(2, 3, 0.7), 0.9163, 1e-12));
  CHECK(close(metrics::incomplete_beta(10, 1.5, 0.95), 0.78894262, 3e-8));
  CHECK(metrics::incomplete_beta(2, 2, 0) == 0.0);
  CHECK(metrics::incomplete_beta(2, 2, 1) == 1.0);
  CHECK(close(metrics::student_t_cdf(-2.5, 1), 0.12111894, 3e-8));
  CHECK(close(metrics::student_t_cdf(0.3, 2), 0.60375717, 3e-8));
  CHECK(close(metrics::student_t_cdf(1.7, 4), 0.91782253, 3e-8));
  CHECK(close(metrics::student_t_two_sided(40, 2), 6.244146721847406e-4, 1e-11));
  CHECK(close(metrics::student_t_two_sided(25, 9), 1.2589450378990368e-09, 1e-11));  // far in the tail, no cancellation
  CHECK(metrics::student_t_two_sided(0, 5) == 1.0);
  CHECK(close(metrics::student_t_quantile(0.975, 1), 12.70620474, 1e-9));
  CHECK(close(metrics::student_t_quantile(0.975, 2), 4.30265273, 1e-8));
  CHECK(close(metrics::student_t_quantile(0.9, 7), 1.41492393, 1e-8));
  CHECK(close(metrics::student_t_quantile(0.995, 120), 2.61742115, 1e-8));
  CHECK(close(metrics::student_t_quantile(0.05, 3.5), -2.22243349, 1e-8));
  CHECK(metrics::student_t_quantile(0.5, 3) == 0.0);
}

TEST_CASE(
    "one degree of freedom is the Cauchy distribution, two have a closed form, and the quantile inverts the cdf") {
  for (const double t : {-7.0, -0.2, 0.4, 3.0, 100.0}) {
    CHECK(close(metrics::student_t_cdf(t, 1), 0.5 + std::atan(t) / 3.14159265358979324, 1e-11));
    CHECK(close(metrics::student_t_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-10));
    for (const double freedom : {1.0, 3.0, 12.5, 400.0}) {
      const double p = metrics::student_t_cdf(t, freedom);
      if (p > 1e-12 && p < 1 - 1e-12) CHECK(close(metrics::student_t_quantile(p, freedom), t, 1e-6));
    }
  }
}

TEST_CASE("mean, interval and paired test agree with SciPy") {
  const Values a{71.2, 70.9, 71.5, 70.7}, b{70.1, 70.4, 70.8, 70.9};
  const auto interval = metrics::mean_interval(a);
  CHECK(interval.count == 4);
  CHECK(close(interval.mean - interval.half_width, 70.51807189657535, 1e-12));
  CHECK(close(interval.mean + interval.half_width, 71.63192810342466, 1e-12));
  const auto test = metrics::paired_t_test(a, b);
  CHECK(close(test.t, 1.9304819510630626, 1e-10));
  CHECK(close(test.p, 0.14909581005997413, 1e-10));
  CHECK(close(test.difference.mean, 0.525, 1e-12));
  CHECK(std::isnan(metrics::mean_interval(Values{3.0}).half_width));
  CHECK(std::isnan(metrics::paired_t_test(Values{3.0}, Values{1.0}).p));
  CHECK(metrics::paired_t_test(a, a).p == 1.0);
  CHECK(metrics::paired_t_test(Values{2, 3}, Values{1, 2}).p == 0.0);
}

TEST_CASE("Holm: the hand-worked example, monotone, capped, NaN left out") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto p = metrics::holm(Values{0.01, nan, 0.04, 0.03, 0.005});
  CHECK(close(p[4], 0.02, 1e-12));  // 4 x 0.005
  CHECK(close(p[0], 0.03, 1e-12));  // 3 x 0.01
  CHECK(close(p[3], 0.06, 1e-12));  // 2 x 0.03
  CHECK(close(p[2], 0.06, 1e-12));  // 1 x 0.04, raised to the one before
  CHECK(std::isnan(p[1]));
  CHECK(metrics::holm(Values{0.9, 0.8})[0] == 1.0);
}

TEST_CASE("oscillation, spike and variation by hand") {
  CHECK(metrics::oscillation_index(Values{4, 3, 2, 1}) == 0.0);
  CHECK(close(metrics::oscillation_index(Values{4, 2, 3, 2.5, 3, 1}), 1.5 / 3, 1e-12));
  CHECK(std::isnan(metrics::oscillation_index(Values{1, 2})));
  // window 4: mean 2.5, sample deviation sqrt(5/3)
  CHECK(close(metrics::largest_spike(Values{1, 2, 3, 4, 9}, 4), 6.5 / std::sqrt(5.0 / 3), 1e-12));
  CHECK(std::isnan(metrics::largest_spike(Values{1, 1, 1, 1}, 2)));
  CHECK(std::isnan(metrics::largest_spike(Values(60, 0.1))));  // what rounding makes of a mean is no spread
  CHECK(close(metrics::coefficient_of_variation(Values{1, 2, 3}), 0.5, 1e-12));
  CHECK(std::isnan(metrics::coefficient_of_variation(Values{1})));
}

TEST_CASE("statistics refuse what they cannot take") {
  CHECK_THROWS_AS(metrics::student_t_quantile(1.0, 3), glia::ValueError);
  CHECK_THROWS_AS(metrics::student_t_cdf(0.0, 0), glia::ValueError);
  CHECK_THROWS_AS(metrics::incomplete_beta(1, 1, 1.5), glia::ValueError);
  CHECK_THROWS_AS(metrics::mean_interval(Values{}), glia::ValueError);
  CHECK_THROWS_AS(metrics::paired_t_test(Values{1, 2}, Values{1}), glia::ShapeError);
  CHECK_THROWS_AS(metrics::largest_spike(Values{1, 2}, 1), glia::ValueError);
}
