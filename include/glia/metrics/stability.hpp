#pragma once
// How smoothly a run went: numbers for "no sudden jumps" in losses and gradients.

#include <glia/core/error.hpp>

#include <cmath>
#include <limits>
#include <span>

namespace GLIA_NS::metrics {

// Sum of all rises of a curve over its net fall, sum max(0, L_t - L_{t-1}) / (L_0 - L_T): 0 for a curve that never
// rises, NaN if it does not fall in the end or has fewer than two points.
GLIA_LAZY double oscillation_index(std::span<const double> losses) {
  if (losses.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  double rises = 0;
  for (std::size_t i = 1; i < losses.size(); ++i) rises += std::max(0.0, losses[i] - losses[i - 1]);
  const double fall = losses.front() - losses.back();
  return fall > 0 ? rises / fall : std::numeric_limits<double>::quiet_NaN();
}

// The largest rise of a step's loss above the mean of the `window` steps before it, in their standard deviations.
// NaN if no step has a full window with spread before it; a spread below 1e-12 of the mean is rounding, not spread.
// Errors: ValueError for a window below 2.
GLIA_LAZY double largest_spike(std::span<const double> losses, Index window = 50) {
  if (window < 2) raise<ValueError>("largest_spike", "window must be at least 2, got ", window);
  const auto n = static_cast<double>(window);
  const auto width = static_cast<std::size_t>(window);
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = width; i < losses.size(); ++i) {
    double mean = 0, squares = 0;
    for (std::size_t k = i - width; k < i; ++k) mean += losses[k] / n;
    for (std::size_t k = i - width; k < i; ++k) squares += (losses[k] - mean) * (losses[k] - mean);
    const double deviation = std::sqrt(squares / (n - 1));
    if (!(deviation > 1e-12 * std::abs(mean))) continue;
    const double spike = (losses[i] - mean) / deviation;
    if (std::isnan(worst) || spike > worst) worst = spike;
  }
  return worst;
}

// Standard deviation over mean; NaN for fewer than two values or a mean of 0.
GLIA_LAZY double coefficient_of_variation(std::span<const double> values) {
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return mean != 0 ? std::sqrt(squares / (n - 1)) / mean : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace GLIA_NS::metrics
