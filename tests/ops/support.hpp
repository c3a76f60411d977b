#pragma once
// Shared by the op tests: sample tensors, strided twins, comparison with references, gradient checks.

#include <doctest/doctest.h>

#include <glia/autograd/gradcheck.hpp>
#include <glia/ops/arithmetic.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "../support/near.hpp"

namespace ops_test {

using glia::Index;
using glia::Shape;
using glia_test::error_of;
using D64 = glia::Tensor<double>;
using Doubles = std::vector<D64>;

// sin(0.37 (1 + seed / 10) i + seed), as in tests/reference/torch_ops.py.
inline D64 wave(const Shape& shape, double seed) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(0.37 * (1 + 0.1 * seed) * static_cast<double>(i) + seed);
  return glia::from_vector<double>(values, shape);
}

inline D64 normal(const Shape& shape, std::uint64_t seed) {
  glia::Generator generator(seed);
  return glia::randn<double>(shape, generator);
}

// The same elements in other memory: axes stored in reverse order, every second place used.
template <class T>
glia::Tensor<T> strided(const glia::Tensor<T>& x) {
  const glia::NoGrad plain;
  glia::Axes reverse;
  for (int i = x.rank() - 1; i >= 0; --i) reverse.push_back(i);
  Shape wide = x.permute(reverse).shape();
  wide.push_back(2);
  const auto memory = x.permute(reverse).unsqueeze(-1).expand(wide).clone();
  return memory.select(-1, 1).permute(reverse);
}

// Every |actual - expected| <= tolerance; a tolerance as large as the largest expected value fails.
template <class T>
void check_close(const std::vector<T>& actual, const std::vector<double>& expected, double tolerance) {
  const std::string problem = glia_test::compare(actual, expected, {0.0, tolerance});
  CHECK_MESSAGE(problem.empty(), problem);
}
template <class T>
void check_close(const glia::Tensor<T>& actual, const std::vector<double>& expected, double tolerance = 1e-12) {
  check_close(actual.to_vector(), expected, tolerance);
}

// First and second derivatives of f at the points, in plain and in strided memory.
template <class F>
void check_gradients(F&& f, const Doubles& points, bool twice = true) {
  Doubles twins;
  for (const auto& x : points) twins.push_back(strided(x));
  for (const Doubles* at : {&points, static_cast<const Doubles*>(&twins)}) {
    const auto first = glia::gradcheck(f, *at);
    CHECK_MESSAGE(first.ok, first.message);
    if (!twice) continue;
    const auto second = glia::gradgradcheck(f, *at);
    CHECK_MESSAGE(second.ok, second.message);
  }
}

// Values and gradients (of sum(wave(9) * f)) against the fixture, in plain and in strided memory.
template <class F>
void check_reference(F&& f, const Doubles& points, const std::vector<double>& values,
                     const std::vector<std::vector<double>>& gradients, double tolerance = 1e-11) {
  for (const bool twin : {false, true}) {
    Doubles inputs;
    for (const auto& x : points) inputs.push_back((twin ? strided(x) : x).detach().set_requires_grad());
    const D64 y = f(inputs);
    check_close(y, values, tolerance);
    y.backward(wave(y.shape(), 9));
    for (std::size_t k = 0; k < gradients.size(); ++k) check_close(inputs[k].grad(), gradients[k], tolerance);
  }
}

}  // namespace ops_test
