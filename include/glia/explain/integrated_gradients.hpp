#pragma once
// Integrated gradients (Sundararajan et al. 2017), with the check that comes with them.

#include <glia/explain/model.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::explain {

// Where the path from the baseline to the sample is looked at: the middles of equal pieces, or Gauss-Legendre points,
// which converge faster where the model is smooth.
enum class PathRule { midpoint, gauss_legendre };

struct IntegratedGradientsOptions {
  Index steps = 64;
  PathRule rule = PathRule::gauss_legendre;
  Index chunk = 64;  // points through the model at once
};

// Attributions, and how far they are from their promise, sum of a sample's attributions = f(x) - f(baseline).
template <class T, class D>
struct IntegratedGradients {
  Tensor<T, D> attributions;         // [N, ...]
  std::vector<double> difference;    // f(x) - f(baseline) of every sample
  std::vector<double> sum;           // of the sample's attributions
  std::vector<double> completeness;  // |sum - difference| / |difference|; 0 if both are 0
  double error = 0;                  // sum over samples of |sum - difference| over the sum of |difference|

  double worst() const {
    return completeness.empty() ? 0.0 : *std::max_element(completeness.begin(), completeness.end());
  }
};

namespace detail {
// Points in (0, 1) and weights of sum 1.
struct PathPoints {
  std::vector<double> at, weight;
};
GLIA_LAZY PathPoints path_points(PathRule rule, Index steps) {
  PathPoints out;
  const double n = static_cast<double>(steps);
  for (Index k = 0; k < steps; ++k) {
    if (rule == PathRule::midpoint) {
      out.at.push_back((static_cast<double>(k) + 0.5) / n);
      out.weight.push_back(1.0 / n);
      continue;
    }
    // Newton's method on the Legendre polynomial of degree n, from a close first guess.
    double z = std::cos(3.14159265358979323846 * (static_cast<double>(k) + 0.75) / (n + 0.5)), slope = 1;
    for (int iteration = 0; iteration < 100; ++iteration) {
      double p = 1, before = 0;
      for (Index j = 1; j <= steps; ++j) {
        const double m = static_cast<double>(j), next = ((2 * m - 1) * z * p - (m - 1) * before) / m;
        before = p, p = next;
      }
      slope = n * (z * p - before) / (z * z - 1);
      const double move = p / slope;
      z -= move;
      if (std::abs(move) < 1e-15) break;
    }
    out.at.push_back(0.5 * (1 - z));
    out.weight.push_back(1 / ((1 - z * z) * slope * slope));
  }
  return out;
}
}  // namespace detail

// (x - baseline) times the gradient of the target score averaged over the straight path from baseline to x: x [N, ...],
// targets [N]; baseline of the shape of x or of one sample, zeros if undefined. Where the model is a staircase (spikes,
// multi-level activations) the gradients are surrogates, and `completeness` says how much that costs. ShapeError,
// IndexError, ValueError.
template <std::floating_point T, class D, class Model>
IntegratedGradients<T, D> integrated_gradients(Model&& model, const Tensor<T, D>& x,
                                               const Tensor<std::int64_t, D>& targets,
                                               const IntegratedGradientsOptions& options = {},
                                               const Tensor<T, D>& baseline = {}) {
  constexpr const char* op = "integrated_gradients";
  detail::require_inputs(op, x, targets, options.chunk);
  detail::require_positive(op, "steps", options.steps);
  const NoGrad plain;
  const auto start = detail::filled_in(op, "baseline", baseline, x);
  const auto way = sub(x.detach(), start);
  const auto classes = targets.to_vector();
  const auto points = detail::path_points(options.rule, options.steps);
  auto total = zeros<T, D>(x.shape());
  detail::for_blocks(x.size(0), options.steps, options.chunk, [&](Index i0, Index i1, Index k0, Index k1) {
    const auto part = [&](const std::vector<double>& all) {
      return detail::column<T, D>({all.begin() + k0, all.begin() + k1}, x.rank() + 1);
    };
    const auto from = start.slice(0, {i0, i1}).unsqueeze(0), step = way.slice(0, {i0, i1}).unsqueeze(0);
    const auto block = detail::as_rows(add(from, mul(part(points.at), step)));
    const auto rows = detail::repeat_targets(classes, i0, i1, k1 - k0);
    const auto g = detail::as_block(detail::target_gradient(op, model, block, std::span(rows)), k1 - k0, i1 - i0);
    total.slice(0, {i0, i1}).add_(sum(mul(part(points.weight), g), Axes{0}));
  });

  IntegratedGradients<T, D> out;
  out.attributions = mul(total, way);
  out.sum = detail::sample_sums(out.attributions);
  double missed = 0, moved = 0;
  for (Index i = 0; i < x.size(0); i += options.chunk) {
    const Index end = std::min(i + options.chunk, x.size(0));
    const auto part = std::span(classes).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(end - i));
    const auto high = detail::target_values(op, model, x.detach().slice(0, {i, end}), part, Score::logit);
    const auto low = detail::target_values(op, model, start.slice(0, {i, end}), part, Score::logit);
    for (std::size_t k = 0; k < part.size(); ++k) {
      const double difference = high[k] - low[k], miss = std::abs(out.sum[out.difference.size()] - difference);
      out.difference.push_back(difference);
      out.completeness.push_back(miss > 0.0 ? miss / std::abs(difference) : 0.0);
      missed += miss, moved += std::abs(difference);
    }
  }
  out.error = missed > 0.0 ? missed / moved : 0.0;
  return out;
}

}  // namespace GLIA_NS::explain
