#pragma once
// Exact area under the one-vs-rest ROC curve, by the Mann-Whitney rank statistic (Hanley & McNeil 1982).

#include <glia/core/parallel.hpp>
#include <glia/metrics/scores.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

namespace GLIA_NS::metrics {

// Probability that a random positive scores above a random negative, equal scores counting one half: exact, without
// thresholds. NaN if either side is empty. Errors: ShapeError, ValueError (NaN score).
template <class R>
double binary_auc(std::span<const R> scores, std::span<const std::uint8_t> positive) {
  if (scores.size() != positive.size())
    raise<ShapeError>("binary_auc", scores.size(), " scores but ", positive.size(), " labels");
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i])) raise<ValueError>("binary_auc", "score ", i, " is not a number");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  // Twice the number of (positive, negative) pairs won, in integers: pairs within a group of equal scores count one.
  std::uint64_t won = 0, negatives = 0, positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    std::uint64_t group_positives = 0, group_negatives = 0;
    std::size_t j = i;
    for (; j < order.size() && scores[order[j]] == scores[order[i]]; ++j) ++(positive[order[j]] != 0 ? group_positives : group_negatives);
    won += group_positives * (2 * negatives + group_negatives);
    negatives += group_negatives;
    positives += group_positives;
    i = j;
  }
  if (negatives == 0 || positives == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(won) / (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

struct Auc {
  std::vector<double> per_class;  // one-vs-rest; NaN for a class without positives or without negatives
  double macro = 0;               // mean of per_class over the classes that have a value
  double micro = 0;               // one curve over all (sample, class) pairs; needs comparable scores: probabilities
  Index classes_used = 0;         // number of classes in the macro mean
};

// scores: [labels, classes]. Errors: ShapeError, IndexError, ValueError (NaN score).
template <class R>
Auc one_vs_rest_auc(std::span<const R> scores, Index classes, Labels labels) {
  const ScoreTable<R> table = checked_scores("one_vs_rest_auc", scores, classes, labels);
  const Index samples = table.samples();
  Auc out;
  out.per_class.resize(static_cast<std::size_t>(classes));
  parallel_for(classes, 1, [&](Index first, Index last) {
    std::vector<R> column(static_cast<std::size_t>(samples));
    std::vector<std::uint8_t> positive(static_cast<std::size_t>(samples));
    for (Index c = first; c < last; ++c) {
      for (Index i = 0; i < samples; ++i) {
        column[static_cast<std::size_t>(i)] = table.row(i)[c];
        positive[static_cast<std::size_t>(i)] = table.label(i) == c ? 1 : 0;
      }
      out.per_class[static_cast<std::size_t>(c)] = binary_auc<R>(column, positive);
    }
  });
  double sum = 0;
  for (const double value : out.per_class) {
    if (std::isnan(value)) continue;
    sum += value;
    ++out.classes_used;
  }
  out.macro = out.classes_used > 0 ? sum / static_cast<double>(out.classes_used) : std::numeric_limits<double>::quiet_NaN();
  std::vector<std::uint8_t> hit(scores.size());
  for (Index i = 0; i < samples; ++i) hit[static_cast<std::size_t>(i * classes + table.label(i))] = 1;
  out.micro = binary_auc<R>(scores, hit);
  return out;
}

}  // namespace GLIA_NS::metrics
