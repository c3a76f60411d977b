#pragma once
// How evenly a classifier treats its classes, and how its errors spread: numbers for "balanced" and "even".

#include <glia/metrics/confusion_matrix.hpp>

#include <algorithm>
#include <functional>

namespace GLIA_NS::metrics {

// Every member is NaN where the data leave it undefined (no errors made, one class only, no superclasses given).
struct Balance {
  double accuracy_sd = 0;  // population standard deviation of the per-class accuracies
  double accuracy_min = 0;
  double accuracy_percentile10 = 0;   // linear between order statistics
  double accuracy_gini = 0;           // Gini coefficient of the per-class accuracies: 0 = all equal
  double superclass_error_share = 0;  // share of the errors that stay inside the superclass
  double error_entropy = 0;           // entropy of the errors over the off-diagonal cells / log(number of cells)
  double top1_percent_error_share = 0;  // share of the errors in the fullest 1 % (rounded up) of these cells
};

// `superclass`: the superclass of each class, or empty. Classes without samples do not count as classes and have no cells.
// Errors: ShapeError if superclass has another length than the matrix has classes.
GLIA_LAZY Balance balance(const ConfusionMatrix& matrix, std::span<const std::int64_t> superclass = {}) {
  const Index classes = matrix.classes();
  if (!superclass.empty() && static_cast<Index>(superclass.size()) != classes)
    raise<ShapeError>("balance", "superclass has ", superclass.size(), " entries, expected ", classes);
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  Balance out{none, none, none, none, none, none, none};

  std::vector<double> accuracy;
  for (Index c = 0; c < classes; ++c)
    if (matrix.row_total(c) > 0) accuracy.push_back(matrix.recall(c));
  std::sort(accuracy.begin(), accuracy.end());
  if (!accuracy.empty()) {
    const auto n = static_cast<double>(accuracy.size());
    double sum = 0, squares = 0, weighted = 0;
    for (std::size_t i = 0; i < accuracy.size(); ++i) {
      sum += accuracy[i];
      weighted += (2.0 * static_cast<double>(i + 1) - n - 1) * accuracy[i];
    }
    const double mean = sum / n;
    for (const double value : accuracy) squares += (value - mean) * (value - mean);
    out.accuracy_sd = std::sqrt(squares / n);
    out.accuracy_min = accuracy.front();
    const double place = 0.1 * (n - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, accuracy.size() - 1);
    out.accuracy_percentile10 =
        accuracy[below] + (place - static_cast<double>(below)) * (accuracy[above] - accuracy[below]);
    if (sum > 0) out.accuracy_gini = weighted / (n * sum);
  }

  std::vector<Index> cells;
  Index errors = 0, inside = 0;
  for (Index truth = 0; truth < classes; ++truth) {
    if (matrix.row_total(truth) == 0) continue;
    for (Index predicted = 0; predicted < classes; ++predicted) {
      if (truth == predicted) continue;
      const Index count = matrix.at(truth, predicted);
      cells.push_back(count);
      errors += count;
      if (!superclass.empty() &&
          superclass[static_cast<std::size_t>(truth)] == superclass[static_cast<std::size_t>(predicted)])
        inside += count;
    }
  }
  if (errors == 0) return out;
  const auto all = static_cast<double>(errors);
  if (!superclass.empty()) out.superclass_error_share = static_cast<double>(inside) / all;
  if (cells.size() > 1) {
    double entropy = 0;
    for (const Index count : cells) {
      if (count == 0) continue;
      const double share = static_cast<double>(count) / all;
      entropy -= share * std::log(share);
    }
    out.error_entropy = entropy / std::log(static_cast<double>(cells.size()));
  }
  std::sort(cells.begin(), cells.end(), std::greater<>());
  const std::size_t fullest = (cells.size() + 99) / 100;
  Index concentrated = 0;
  for (std::size_t i = 0; i < fullest; ++i) concentrated += cells[i];
  out.top1_percent_error_share = static_cast<double>(concentrated) / all;
  return out;
}

}  // namespace GLIA_NS::metrics
