#pragma once
// The comparison helper of all tests: relative and absolute tolerance, and a refusal to compare with a tolerance that
// swallows the values.

#include "errors.hpp"

#include <glia/ops/convert.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

namespace glia_test {

struct Tolerance {
  double relative = 1e-6;
  double absolute = 0.0;
};

// Largest violation as text, empty if all elements agree. Refuses (with a text) when the absolute tolerance is at least as large as
// every expected value, unless the expected values are all zero.
template <class A, class B>
std::string compare(const std::vector<A>& actual, const std::vector<B>& expected, Tolerance tolerance) {
  if (actual.size() != expected.size())
    return "sizes differ: " + std::to_string(actual.size()) + " and " + std::to_string(expected.size());
  double largest = 0.0;
  for (const auto e : expected)
    if (std::isfinite(static_cast<double>(e))) largest = std::max(largest, std::abs(static_cast<double>(e)));
  if (!expected.empty() && largest > 0.0 && tolerance.absolute >= largest)
    return "the absolute tolerance " + std::to_string(tolerance.absolute) + " swallows the largest expected value " +
           std::to_string(largest);
  if (tolerance.relative >= 1.0) return "the relative tolerance swallows every value";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double a = static_cast<double>(actual[i]), e = static_cast<double>(expected[i]);
    const bool same = (std::isnan(a) && std::isnan(e)) || a == e ||
                      std::abs(a - e) <= tolerance.absolute + tolerance.relative * std::abs(e);
    if (!same)
      return "element " + std::to_string(i) + ": got " + std::to_string(a) + ", expected " + std::to_string(e) +
             ", difference " + std::to_string(a - e);
  }
  return {};
}

template <class T, class D, class B>
std::string compare(const glia::Tensor<T, D>& actual, const std::vector<B>& expected, Tolerance tolerance = {}) {
  return compare(actual.to_vector(), expected, tolerance);
}

}  // namespace glia_test

#define CHECK_NEAR(actual, expected, ...) CHECK_EQ(::glia_test::compare(actual, expected __VA_OPT__(, ) __VA_ARGS__), std::string())
