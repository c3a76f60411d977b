#pragma once
// Checked access to a row-major table of class scores, shared by the metrics.

#include <glia/core/error.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace GLIA_NS::metrics {

using Labels = std::span<const std::int64_t>;

// Scores [samples, classes] with one label a sample. The scores' scale does not matter unless a metric says so.
template <class R>
struct ScoreTable {
  std::span<const R> scores;
  Index classes = 0;
  Labels labels;

  Index samples() const { return static_cast<Index>(labels.size()); }
  const R* row(Index sample) const { return scores.data() + sample * classes; }
  Index label(Index sample) const { return labels[static_cast<std::size_t>(sample)]; }
};

// The table, once its sizes fit, its labels lie in [0, classes) and (with `refuse_nan`) no score is NaN.
// Errors: ShapeError, ValueError, IndexError naming `op` and the sample.
template <class R>
ScoreTable<R> checked_scores(std::string_view op, std::span<const R> scores, Index classes, Labels labels,
                             bool refuse_nan = true) {
  if (classes < 1) raise<ValueError>(op, "classes must be at least 1, got ", classes);
  if (static_cast<Index>(scores.size()) != classes * static_cast<Index>(labels.size()))
    raise<ShapeError>(op, "scores has ", scores.size(), " values, expected ", labels.size(), " labels x ", classes,
                      " classes");
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      raise<IndexError>(op, "label ", labels[i], " of sample ", i, ", expected 0 to ", classes - 1);
  if (refuse_nan)
    for (std::size_t i = 0; i < scores.size(); ++i)
      if (std::isnan(scores[i]))
        raise<ValueError>(op, "score of sample ", static_cast<Index>(i) / classes, ", class ",
                          static_cast<Index>(i) % classes, " is not a number");
  return {scores, classes, labels};
}

// Class with the highest score in each row; the lowest class among equals. NaN counts as lowest.
template <class R>
std::vector<std::int64_t> predictions(std::span<const R> scores, Index classes) {
  if (classes < 1 || static_cast<Index>(scores.size()) % classes != 0)
    raise<ShapeError>("predictions", "scores has ", scores.size(), " values, expected a multiple of ", classes, " classes");
  std::vector<std::int64_t> out(scores.size() / static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const R* row = scores.data() + static_cast<Index>(i) * classes;
    Index best = 0;
    for (Index c = 1; c < classes; ++c)
      if (row[c] > row[best] || (std::isnan(row[best]) && !std::isnan(row[c]))) best = c;
    out[i] = best;
  }
  return out;
}

}  // namespace GLIA_NS::metrics
