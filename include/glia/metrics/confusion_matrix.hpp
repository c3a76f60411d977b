#pragma once
// Counts of (true class, predicted class) pairs, and what follows from them.

#include <glia/metrics/scores.hpp>

#include <limits>

namespace GLIA_NS::metrics {

// What a class's one-vs-rest decisions were.
struct ClassCounts {
  Index true_positive = 0, false_positive = 0, false_negative = 0, true_negative = 0;
};

template <class = void>
class BasicConfusionMatrix;
using ConfusionMatrix = BasicConfusionMatrix<>;  // GLIA_LAZY for a class

// Rows are true classes, columns predicted ones.
template <class>
class BasicConfusionMatrix {
 public:
  explicit BasicConfusionMatrix(Index classes) : classes_(classes) {
    if (classes < 1) raise<ValueError>("confusion_matrix", "classes must be at least 1, got ", classes);
    counts_.resize(static_cast<std::size_t>(classes * classes));
  }

  // Adds one pair. Errors: IndexError.
  void add(Index truth, Index predicted) {
    if (truth < 0 || truth >= classes_ || predicted < 0 || predicted >= classes_)
      raise<IndexError>("confusion_matrix", "pair (", truth, ", ", predicted, "), expected classes 0 to ",
                        classes_ - 1);
    ++counts_[position(truth, predicted)];
  }
  // Adds a pair for every sample. Errors: ShapeError, IndexError.
  void add(Labels truth, Labels predicted) {
    if (truth.size() != predicted.size())
      raise<ShapeError>("confusion_matrix", truth.size(), " labels but ", predicted.size(), " predictions");
    for (std::size_t i = 0; i < truth.size(); ++i) add(truth[i], predicted[i]);
  }

  Index classes() const { return classes_; }
  Index at(Index truth, Index predicted) const { return counts_[position(truth, predicted)]; }
  const std::vector<Index>& counts() const { return counts_; }  // row-major

  Index total() const {
    Index sum = 0;
    for (const Index n : counts_) sum += n;
    return sum;
  }
  Index row_total(Index truth) const {
    Index sum = 0;
    for (Index c = 0; c < classes_; ++c) sum += at(truth, c);
    return sum;
  }
  Index column_total(Index predicted) const {
    Index sum = 0;
    for (Index c = 0; c < classes_; ++c) sum += at(c, predicted);
    return sum;
  }
  Index correct() const {
    Index sum = 0;
    for (Index c = 0; c < classes_; ++c) sum += at(c, c);
    return sum;
  }
  double accuracy() const { return ratio(correct(), total()); }

  ClassCounts of_class(Index c) const {
    ClassCounts out;
    out.true_positive = at(c, c);
    out.false_negative = row_total(c) - out.true_positive;
    out.false_positive = column_total(c) - out.true_positive;
    out.true_negative = total() - out.true_positive - out.false_negative - out.false_positive;
    return out;
  }

  // Share of a class's samples that were recognised (its accuracy); NaN for a class without samples.
  double recall(Index c) const { return ratio(at(c, c), row_total(c)); }
  // Share of a class's predictions that were right; NaN for a class never predicted.
  double precision(Index c) const { return ratio(at(c, c), column_total(c)); }
  // Rows divided by their sums; rows without samples stay 0.
  std::vector<double> normalized_rows() const {
    std::vector<double> out(counts_.size());
    for (Index r = 0; r < classes_; ++r) {
      const Index sum = row_total(r);
      for (Index c = 0; c < classes_ && sum > 0; ++c) out[position(r, c)] = ratio(at(r, c), sum);
    }
    return out;
  }

 private:
  std::size_t position(Index row, Index column) const { return static_cast<std::size_t>(row * classes_ + column); }
  static double ratio(Index part, Index whole) {
    if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(part) / static_cast<double>(whole);
  }

  Index classes_;
  std::vector<Index> counts_;
};

// The matrix of the highest-scoring classes. scores: [labels, classes].
template <class R>
ConfusionMatrix confusion_matrix(std::span<const R> scores, Index classes, Labels labels) {
  checked_scores("confusion_matrix", scores, classes, labels, false);
  ConfusionMatrix out(classes);
  out.add(labels, predictions(scores, classes));
  return out;
}

}  // namespace GLIA_NS::metrics
