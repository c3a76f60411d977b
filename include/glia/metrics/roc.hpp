#pragma once
// Points of the receiver operating characteristic, for plots.

#include <glia/metrics/scores.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

namespace GLIA_NS::metrics {

// Point i is reached by calling "positive" every score >= threshold[i]. The first point is (0, 0), the last (1, 1).
struct RocCurve {
  std::vector<double> false_positive_rate, true_positive_rate, threshold;
};

// One point for each distinct score. Errors: ShapeError; ValueError on a NaN, or without positives or negatives.
template <class R>
RocCurve roc_curve(std::span<const R> scores, std::span<const std::uint8_t> positive) {
  if (scores.size() != positive.size())
    raise<ShapeError>("roc_curve", scores.size(), " scores but ", positive.size(), " labels");
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i])) raise<ValueError>("roc_curve", "score ", i, " is not a number");
  const auto positives = std::count_if(positive.begin(), positive.end(), [](std::uint8_t p) { return p != 0; });
  const auto negatives = static_cast<std::ptrdiff_t>(positive.size()) - positives;
  if (positives == 0 || negatives == 0)
    raise<ValueError>("roc_curve", "needs both kinds of samples, got ", positives, " positive and ", negatives,
                      " negative");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  RocCurve out{{0.0}, {0.0}, {std::numeric_limits<double>::infinity()}};
  Index hits = 0, alarms = 0;
  for (std::size_t i = 0; i < order.size();) {
    const R score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i) ++(positive[order[i]] != 0 ? hits : alarms);
    out.false_positive_rate.push_back(static_cast<double>(alarms) / static_cast<double>(negatives));
    out.true_positive_rate.push_back(static_cast<double>(hits) / static_cast<double>(positives));
    out.threshold.push_back(static_cast<double>(score));
  }
  return out;
}

// Area under the curve by trapezoids; equals binary_auc up to rounding.
GLIA_LAZY double area(const RocCurve& curve) {
  double sum = 0;
  for (std::size_t i = 1; i < curve.false_positive_rate.size(); ++i)
    sum += (curve.false_positive_rate[i] - curve.false_positive_rate[i - 1]) *
           (curve.true_positive_rate[i] + curve.true_positive_rate[i - 1]) / 2;
  return sum;
}

// True positive rate at a false positive rate in [0, 1], linear between points; on a vertical step its upper end.
GLIA_LAZY double true_positive_rate_at(const RocCurve& curve, double false_positive_rate) {
  const auto& x = curve.false_positive_rate;
  const auto& y = curve.true_positive_rate;
  const auto after = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), false_positive_rate) - x.begin());
  if (after == 0) return y.front();
  if (after == x.size()) return y.back();
  const double share = (false_positive_rate - x[after - 1]) / (x[after] - x[after - 1]);
  return y[after - 1] + share * (y[after] - y[after - 1]);
}

// One-vs-rest curve of class `c` in scores [labels, classes]. Errors: as roc_curve; IndexError.
template <class R>
RocCurve class_roc(std::span<const R> scores, Index classes, Labels labels, Index c) {
  const ScoreTable<R> table = checked_scores("class_roc", scores, classes, labels);
  if (c < 0 || c >= classes) raise<IndexError>("class_roc", "class ", c, ", expected 0 to ", classes - 1);
  std::vector<R> column(labels.size());
  std::vector<std::uint8_t> positive(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    column[i] = table.row(static_cast<Index>(i))[c];
    positive[i] = labels[i] == c ? 1 : 0;
  }
  return roc_curve<R>(column, positive);
}

// The curve over all (sample, class) pairs; the scores must be comparable between samples: probabilities.
template <class R>
RocCurve micro_roc(std::span<const R> scores, Index classes, Labels labels) {
  const ScoreTable<R> table = checked_scores("micro_roc", scores, classes, labels);
  std::vector<std::uint8_t> positive(scores.size());
  for (Index i = 0; i < table.samples(); ++i) positive[static_cast<std::size_t>(i * classes + table.label(i))] = 1;
  return roc_curve<R>(scores, positive);
}

// Mean, lowest and highest true positive rate of several curves at `points` equally spaced false positive rates.
struct RocEnvelope {
  std::vector<double> false_positive_rate, mean, lowest, highest;
};

GLIA_LAZY RocEnvelope roc_envelope(std::span<const RocCurve> curves, Index points = 101) {
  if (curves.empty() || points < 2)
    raise<ValueError>("roc_envelope", "needs at least 1 curve and 2 points, got ", curves.size(), " and ", points);
  RocEnvelope out;
  for (Index p = 0; p < points; ++p) {
    const double rate = static_cast<double>(p) / static_cast<double>(points - 1);
    double sum = 0, low = 1, high = 0;
    for (const RocCurve& curve : curves) {
      const double value = true_positive_rate_at(curve, rate);
      sum += value;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    out.false_positive_rate.push_back(rate);
    out.mean.push_back(sum / static_cast<double>(curves.size()));
    out.lowest.push_back(low);
    out.highest.push_back(high);
  }
  return out;
}

}  // namespace GLIA_NS::metrics
