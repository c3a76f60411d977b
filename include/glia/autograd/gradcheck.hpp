#pragma once
// Compares gradients with central differences. A public tool for users' own ops, in any test framework.

#include <glia/ops/create.hpp>
#include <glia/ops/inplace.hpp>

#include <cmath>

namespace GLIA_NS {

// Step and tolerances of gradcheck; the defaults fit functions of float64 whose values are of order one.
struct GradcheckOptions {
  double step = 1e-6;
  double relative = 1e-4;   // allowed |difference| relative to the size of the numerical gradient
  double absolute = 1e-6;   // and on top of that
  bool check_zero_gradient = true;
};

struct GradcheckResult {
  bool ok = true;
  std::string message;      // which entry differs, and by how much
  double worst = 0.0;       // largest |analytic - numeric|
  explicit operator bool() const { return ok; }
};

namespace detail {

template <class D>
using Doubles = std::vector<Tensor<double, D>>;

// Fixed pseudo-random weights in [0.5, 1.5], so that errors do not cancel in the weighted sum of outputs.
template <class D>
Tensor<double, D> probe_weights(const Shape& shape, std::uint64_t salt) {
  Generator generator(0x9e3779b97f4a7c15u + salt);
  return rand<double, D>(shape, generator, 0.5, 1.5);
}

inline void fail(GradcheckResult& result, std::string message) {
  if (result.ok) result.message = std::move(message);
  result.ok = false;
}

template <class F, class D>
GradcheckResult run_gradcheck(F&& f, const Doubles<D>& points, const GradcheckOptions& options) {
  GradcheckResult result;
  Doubles<D> inputs;
  for (const auto& x : points) {
    // a strided input stays strided: the op must cope with it
    auto copy = x.detach();
    copy.set_requires_grad();
    inputs.push_back(copy);
  }
  Tensor<double, D> y = f(inputs);
  const auto weights = probe_weights<D>(y.shape(), 1);
  if (!y.requires_grad()) {
    fail(result, "the output has no gradient history");
    return result;
  }
  const auto analytic = autograd::grad<double, D>(std::span<const Tensor<double, D>>(&y, 1), inputs, std::span<const Tensor<double, D>>(&weights, 1),
                                                  {.retain_graph = true, .allow_unused = true});
  const auto again = autograd::grad<double, D>(std::span<const Tensor<double, D>>(&y, 1), inputs, std::span<const Tensor<double, D>>(&weights, 1),
                                               {.retain_graph = true, .allow_unused = true});
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (analytic[k].defined() && analytic[k].to_vector() != again[k].to_vector())
      fail(result, text("input ", k, ": two backward passes gave different gradients"));
  if (options.check_zero_gradient) {
    const auto nothing = zeros<double, D>(y.shape());
    const auto zero = autograd::grad<double, D>(std::span<const Tensor<double, D>>(&y, 1), inputs, std::span<const Tensor<double, D>>(&nothing, 1),
                                                {.retain_graph = true, .allow_unused = true});
    for (std::size_t k = 0; k < inputs.size(); ++k)
      if (zero[k].defined())
        for (const double v : zero[k].to_vector())
          if (v != 0.0) {
            fail(result, text("input ", k, ": a zero output gradient gave a nonzero input gradient"));
            break;
          }
  }
  // accumulation: a second backward must add to the first one
  {
    Doubles<D> leaves;
    for (const auto& x : points) leaves.push_back(x.detach().set_requires_grad());
    const Tensor<double, D> once = f(leaves);
    once.backward(weights, true);
    once.backward(weights);
    for (std::size_t k = 0; k < leaves.size(); ++k) {
      if (!analytic[k].defined()) continue;
      const auto total = leaves[k].grad().to_vector(), single = analytic[k].to_vector();
      for (std::size_t i = 0; i < total.size(); ++i)
        if (!(std::abs(total[i] - 2.0 * single[i]) <= 1e-9 * (1.0 + std::abs(single[i])))) {
          fail(result, text("input ", k, ", element ", i, ": two backward passes accumulated ", total[i], ", expected ",
                            2.0 * single[i]));
          break;
        }
    }
  }
  const NoGrad plain;
  const auto value = [&](const Doubles<D>& at) { return sum(mul(f(at), weights)).item(); };
  for (std::size_t k = 0; k < points.size(); ++k) {
    const auto numbers = points[k].to_vector();
    const auto gradient = analytic[k].defined() ? analytic[k].to_vector() : std::vector<double>(numbers.size(), 0.0);
    if (gradient.size() != numbers.size()) {
      fail(result, text("input ", k, ": the gradient has ", gradient.size(), " elements, the input ", numbers.size()));
      return result;
    }
    Doubles<D> at;
    for (const auto& x : points) at.push_back(x.detach());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      double sides[2];
      for (int side = 0; side < 2; ++side) {
        auto moved = numbers;
        moved[i] += (side == 0 ? 1 : -1) * options.step;
        at[k] = from_span<double, D>(std::span<const double>(moved), points[k].shape());
        sides[side] = value(at);
      }
      const double numeric = (sides[0] - sides[1]) / (2.0 * options.step);
      const double difference = std::abs(numeric - gradient[i]);
      result.worst = std::max(result.worst, difference);
      if (!(difference <= options.absolute + options.relative * std::abs(numeric)))
        fail(result, text("input ", k, ", element ", i, " of shape ", points[k].shape(), ": backward gives ", gradient[i],
                          ", differences give ", numeric));
    }
  }
  return result;
}

// A backward pass that is recorded may have formulas of its own, where the plain one runs a fused kernel: both must give the
// same gradients.
template <class F, class D>
GradcheckResult compare_recorded(F&& f, const Doubles<D>& points) {
  GradcheckResult result;
  Doubles<D> inputs;
  for (const auto& x : points) inputs.push_back(x.detach().set_requires_grad());
  const Tensor<double, D> y = f(inputs);
  const auto weights = probe_weights<D>(y.shape(), 1);
  const auto gradients = [&](bool record) {
    return autograd::grad<double, D>(std::span<const Tensor<double, D>>(&y, 1), inputs, std::span<const Tensor<double, D>>(&weights, 1),
                                     {.create_graph = record, .retain_graph = true, .allow_unused = true});
  };
  const auto plain = gradients(false), recorded = gradients(true);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!plain[k].defined() && !recorded[k].defined()) continue;
    if (plain[k].defined() != recorded[k].defined() || plain[k].shape() != recorded[k].shape()) {
      fail(result, text("input ", k, ": the plain and the recorded backward pass give gradients of different shapes"));
      continue;
    }
    const auto a = plain[k].to_vector(), b = recorded[k].to_vector();
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!(std::abs(a[i] - b[i]) <= 1e-9 * (1.0 + std::abs(a[i]))))
        fail(result, text("input ", k, ", element ", i, ": the plain backward pass gives ", a[i], ", the recorded one ", b[i]));
  }
  return result;
}

}  // namespace detail

// Checks the gradient of f at `points` in float64: f takes a vector of tensors and returns one tensor of any shape. Inputs are
// perturbed as contiguous copies while the backward pass runs on the inputs as given, so strides are checked too; two backward
// passes must agree and accumulate, and a zero gradient must give zero.
template <class F, class D = Cpu>
GradcheckResult gradcheck(F&& f, const std::vector<Tensor<double, D>>& points, const GradcheckOptions& options = {}) {
  return detail::run_gradcheck(f, points, options);
}

// Checks the gradient of the gradient of f, (inputs, output gradient) -> input gradients, and that the backward pass gives the
// same gradients whether or not it is recorded.
template <class F, class D = Cpu>
GradcheckResult gradgradcheck(F&& f, const std::vector<Tensor<double, D>>& points, const GradcheckOptions& options = {}) {
  if (auto recorded = detail::compare_recorded<F&, D>(f, points); !recorded.ok) return recorded;
  std::vector<Tensor<double, D>> extended = points;
  {
    const NoGrad plain;
    extended.push_back(detail::probe_weights<D>(f(points).shape(), 2));
  }
  const auto gradient = [&](const std::vector<Tensor<double, D>>& at) {
    const GradMode recording(true);
    std::vector<Tensor<double, D>> inputs(at.begin(), at.end() - 1);
    for (auto& x : inputs)
      if (!x.requires_grad()) x = x.detach().set_requires_grad();
    const Tensor<double, D> y = f(inputs);
    const auto first = autograd::grad<double, D>(std::span<const Tensor<double, D>>(&y, 1), inputs, std::span<const Tensor<double, D>>(&at.back(), 1),
                                                 {.create_graph = true, .allow_unused = true});
    Tensor<double, D> total;
    for (std::size_t k = 0; k < first.size(); ++k) {
      if (!first[k].defined()) continue;
      const auto part = sum(mul(first[k], detail::probe_weights<D>(first[k].shape(), 10 + k)));
      total = total.defined() ? add(total, part) : part;
    }
    if (!total.defined()) raise<AutogradError>("gradgradcheck", "no input has a gradient");
    return total;
  };
  return detail::run_gradcheck(gradient, extended, options);
}

}  // namespace GLIA_NS
