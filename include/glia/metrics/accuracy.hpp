#pragma once
// Share of samples whose label is the highest score, or among the k highest.

#include <glia/metrics/scores.hpp>

namespace GLIA_NS::metrics {

// Number of samples whose label is among the k highest scores. Equal scores rank by class number, so a model that
// gives the same score to all classes earns nothing by it; a NaN for the label never counts.
// scores: [labels, classes]. Errors: ShapeError, IndexError, ValueError.
template <class R>
Index topk_hits(std::span<const R> scores, Index classes, Labels labels, Index k) {
  const ScoreTable<R> table = checked_scores("topk_accuracy", scores, classes, labels, false);
  if (k < 1) raise<ValueError>("topk_accuracy", "k must be at least 1, got ", k);
  Index hits = 0;
  for (Index i = 0; i < table.samples(); ++i) {
    const R* row = table.row(i);
    const Index label = table.label(i);
    const R mine = row[label];
    Index ahead = 0;
    for (Index c = 0; c < classes; ++c) ahead += row[c] > mine || (row[c] == mine && c < label) ? 1 : 0;
    hits += !std::isnan(mine) && ahead < k ? 1 : 0;
  }
  return hits;
}

// topk_hits as a share of the samples in [0, 1]; 0 for no samples.
template <class R>
double topk_accuracy(std::span<const R> scores, Index classes, Labels labels, Index k) {
  const Index hits = topk_hits(scores, classes, labels, k);
  return labels.empty() ? 0.0 : static_cast<double>(hits) / static_cast<double>(labels.size());
}

// Share of samples whose label has the highest score.
template <class R>
double accuracy(std::span<const R> scores, Index classes, Labels labels) {
  return topk_accuracy(scores, classes, labels, 1);
}

}  // namespace GLIA_NS::metrics
