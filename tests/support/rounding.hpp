#pragma once
// Comparison of 16-bit results with a double reference: each may be off by half a unit in its last place, and by what
// float sums add to that.

#include <glia/ops/convert.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace glia_test {

// Half the distance of neighbouring numbers of T at `value`.
template <class T>
double half_ulp(double value) {
  return value == 0.0 ? 0.0 : std::ldexp(1.0, std::ilogb(value) - std::numeric_limits<T>::digits);
}

// Text of the first element that is further from `expected` than half a unit in the last place plus `slack`; empty if
// there is none. Refuses a slack that is not small beside the rounding of the largest value.
template <class T>
std::string rounded_once(const std::vector<T>& actual, const std::vector<double>& expected, double slack) {
  if (actual.size() != expected.size()) return "sizes differ";
  double largest = 0.0;
  for (const double e : expected) largest = std::max(largest, std::abs(e));
  if (!(4 * slack < half_ulp<T>(largest)))
    return "the slack " + std::to_string(slack) + " hides the rounding of " + std::to_string(largest);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double a = static_cast<double>(actual[i]), difference = std::abs(a - expected[i]);
    if (!(difference <= half_ulp<T>(expected[i]) + slack))
      return "element " + std::to_string(i) + ": got " + std::to_string(a) + ", expected " +
             std::to_string(expected[i]) + ", difference " + std::to_string(difference) + ", half a unit is " +
             std::to_string(half_ulp<T>(expected[i]));
  }
  return {};
}

}  // namespace glia_test

#define CHECK_ROUNDED_ONCE(actual, expected, slack) \
  CHECK_EQ(::glia_test::rounded_once((actual).to_vector(), (expected).to_vector(), slack), std::string())
