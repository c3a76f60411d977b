#pragma once
// Repeated runs: the mean with its interval, paired differences, and a correction for many tests.

#include <glia/metrics/student_t.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace GLIA_NS::metrics {

// A mean over runs with the confidence interval mean +- half_width of Student's t. With one run the interval and the
// deviation are NaN.
struct MeanInterval {
  Index count = 0;
  double mean = 0;
  double deviation = 0;  // sample standard deviation
  double half_width = 0;
};

// Errors: ValueError for no values, or a confidence outside (0, 1).
GLIA_LAZY MeanInterval mean_interval(std::span<const double> values, double confidence = 0.95) {
  if (values.empty()) raise<ValueError>("mean_interval", "needs at least one value");
  if (!(confidence > 0 && confidence < 1))
    raise<ValueError>("mean_interval", "confidence must be in (0, 1), got ", confidence);
  MeanInterval out;
  out.count = static_cast<Index>(values.size());
  const auto n = static_cast<double>(values.size());
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) {
    out.deviation = out.half_width = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.deviation = std::sqrt(squares / (n - 1));
  out.half_width = student_t_quantile(0.5 + confidence / 2, n - 1) * out.deviation / std::sqrt(n);
  return out;
}

// The paired t-test of first - second.
struct PairedTest {
  MeanInterval difference;
  double t = 0;
  double p =
      1;  // two-sided; NaN with fewer than two pairs; 0 if all differences are equal and not zero, 1 if all are 0
};

// Errors: ShapeError if the lengths differ; as mean_interval.
GLIA_LAZY PairedTest paired_t_test(std::span<const double> first, std::span<const double> second,
                                   double confidence = 0.95) {
  if (first.size() != second.size())
    raise<ShapeError>("paired_t_test", "needs pairs, got ", first.size(), " and ", second.size(), " values");
  std::vector<double> difference(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) difference[i] = first[i] - second[i];
  PairedTest out;
  out.difference = mean_interval(difference, confidence);
  const MeanInterval& d = out.difference;
  if (d.count < 2) {
    out.t = out.p = std::numeric_limits<double>::quiet_NaN();
  } else if (d.deviation == 0) {
    out.t = d.mean == 0 ? 0.0 : std::copysign(std::numeric_limits<double>::infinity(), d.mean);
    out.p = d.mean == 0 ? 1.0 : 0.0;
  } else {
    out.t = d.mean / (d.deviation / std::sqrt(static_cast<double>(d.count)));
    out.p = student_t_two_sided(out.t, static_cast<double>(d.count - 1));
  }
  return out;
}

// Holm's step-down correction (Holm 1979): the k-th smallest of m p-values (k from 0) times m - k, made monotone, at
// most 1. NaN entries stay and do not count among the m.
GLIA_LAZY std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.begin(), p.end());
  double highest = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    highest = std::max(highest, std::min(1.0, p[order[k]] * static_cast<double>(order.size() - k)));
    out[order[k]] = highest;
  }
  return out;
}

}  // namespace GLIA_NS::metrics
