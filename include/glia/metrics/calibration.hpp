#pragma once
// How well predicted probabilities match frequencies: ECE (Naeini et al. 2015, Guo et al. 2017), adaptive ECE
// (Nguyen & O'Connor 2015), Brier score, negative log-likelihood.

#include <glia/metrics/scores.hpp>

#include <algorithm>
#include <numeric>

namespace GLIA_NS::metrics {

// Samples whose highest probability fell into one bin.
struct ReliabilityBin {
  Index count = 0;
  double confidence = 0;  // mean highest probability
  double accuracy = 0;    // share of right predictions
};

struct Calibration {
  double ece = 0;                    // over bins of equal width in (0, 1]
  double adaptive_ece = 0;           // over bins of (nearly) equal count
  double brier = 0;                  // mean over samples of the squared distance to the one-hot label: 0 to 2
  double nll = 0;                    // mean -log(probability of the label)
  std::vector<ReliabilityBin> bins;  // the equal-width ones
};

namespace detail {
GLIA_LAZY double expected_error(std::vector<ReliabilityBin>& bins, Index samples) {
  double sum = 0;
  for (ReliabilityBin& bin : bins) {
    if (bin.count == 0) continue;
    const auto n = static_cast<double>(bin.count);
    bin.confidence /= n;
    bin.accuracy /= n;
    sum += n * std::abs(bin.accuracy - bin.confidence);
  }
  return samples > 0 ? sum / static_cast<double>(samples) : 0.0;
}
}  // namespace detail

// probabilities: [labels, classes], rows in [0, 1]. Bin b of the equal-width ones is (b/bins, (b+1)/bins].
// Errors: ShapeError, IndexError, ValueError (not a probability; bins < 1).
template <class R>
Calibration calibration(std::span<const R> probabilities, Index classes, Labels labels, Index bins = 15) {
  constexpr std::string_view op = "calibration";
  const ScoreTable<R> table = checked_scores(op, probabilities, classes, labels);
  if (bins < 1) raise<ValueError>(op, "bins must be at least 1, got ", bins);
  for (std::size_t i = 0; i < probabilities.size(); ++i)
    if (probabilities[i] < R(0) || static_cast<double>(probabilities[i]) > 1.0 + 1e-5)
      raise<ValueError>(op, "value ", static_cast<double>(probabilities[i]), " of sample ",
                        static_cast<Index>(i) / classes, " is not a probability; apply softmax first");
  const Index samples = table.samples();
  const std::vector<std::int64_t> predicted = predictions(probabilities, classes);
  std::vector<std::pair<double, bool>> decisions;  // (confidence, right)
  Calibration out;
  for (Index i = 0; i < samples; ++i) {
    const R* row = table.row(i);
    const Index best = predicted[static_cast<std::size_t>(i)], label = table.label(i);
    decisions.emplace_back(static_cast<double>(row[best]), best == label);
    for (Index c = 0; c < classes; ++c) {
      const double distance = static_cast<double>(row[c]) - (c == label ? 1.0 : 0.0);
      out.brier += distance * distance;
    }
    // The smallest positive normal double keeps a probability of exactly 0 finite (708.4), far above any honest loss.
    out.nll -= std::log(std::max(static_cast<double>(row[label]), std::numeric_limits<double>::min()));
  }
  if (samples > 0) {
    out.brier /= static_cast<double>(samples);
    out.nll /= static_cast<double>(samples);
  }
  out.bins.resize(static_cast<std::size_t>(bins));
  const auto put = [](ReliabilityBin& bin, const std::pair<double, bool>& decision) {
    ++bin.count;
    bin.confidence += decision.first;
    bin.accuracy += decision.second ? 1.0 : 0.0;
  };
  for (const auto& decision : decisions) {
    const auto bin = static_cast<Index>(std::ceil(decision.first * static_cast<double>(bins))) - 1;
    put(out.bins[static_cast<std::size_t>(std::clamp<Index>(bin, 0, bins - 1))], decision);
  }
  out.ece = detail::expected_error(out.bins, samples);
  // A stable sort: the samples of equal confidence stay in their order, so the result is one number.
  std::stable_sort(decisions.begin(), decisions.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ReliabilityBin> equal_count(static_cast<std::size_t>(bins));
  for (Index i = 0; i < samples; ++i)
    put(equal_count[static_cast<std::size_t>(i * bins / samples)], decisions[static_cast<std::size_t>(i)]);
  out.adaptive_ece = detail::expected_error(equal_count, samples);
  return out;
}

// Row-wise softmax of logits [rows, classes] in double precision, each logit divided by `temperature` first.
template <class R>
std::vector<double> softmax_rows(std::span<const R> logits, Index classes, double temperature = 1.0) {
  if (classes < 1 || static_cast<Index>(logits.size()) % classes != 0)
    raise<ShapeError>("softmax_rows", "logits has ", logits.size(), " values, expected a multiple of ", classes,
                      " classes");
  if (!(temperature > 0)) raise<ValueError>("softmax_rows", "temperature must be positive, got ", temperature);
  std::vector<double> out(logits.size());
  const auto width = static_cast<std::size_t>(classes);
  for (std::size_t start = 0; start < out.size(); start += width) {
    const double highest = static_cast<double>(*std::max_element(&logits[start], &logits[start] + width));
    double sum = 0;
    for (std::size_t c = start; c < start + width; ++c)
      sum += out[c] = std::exp((static_cast<double>(logits[c]) - highest) / temperature);
    for (std::size_t c = start; c < start + width; ++c) out[c] /= sum;
  }
  return out;
}

// The temperature in [0.05, 20] with the lowest negative log-likelihood (Guo et al. 2017), by golden-section search.
// logits: [labels, classes], of a validation split. Errors: ShapeError, IndexError, ValueError.
template <class R>
double fit_temperature(std::span<const R> logits, Index classes, Labels labels) {
  const ScoreTable<R> table = checked_scores("fit_temperature", logits, classes, labels);
  if (labels.empty()) raise<ValueError>("fit_temperature", "needs at least 1 sample");
  const auto loss = [&](double log_temperature) {
    const double scale = std::exp(-log_temperature);
    double sum = 0;
    for (Index i = 0; i < table.samples(); ++i) {
      const R* row = table.row(i);
      const double highest = static_cast<double>(*std::max_element(row, row + classes));
      double total = 0;
      for (Index c = 0; c < classes; ++c) total += std::exp((static_cast<double>(row[c]) - highest) * scale);
      sum += std::log(total) - (static_cast<double>(row[table.label(i)]) - highest) * scale;
    }
    return sum;
  };
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::log(0.05), high = std::log(20.0);
  double a = high - golden * (high - low), b = low + golden * (high - low);
  double loss_a = loss(a), loss_b = loss(b);
  while (high - low > 1e-5) {
    if (loss_a < loss_b) {
      high = b;
      b = a;
      loss_b = loss_a;
      a = high - golden * (high - low);
      loss_a = loss(a);
    } else {
      low = a;
      a = b;
      loss_a = loss_b;
      b = low + golden * (high - low);
      loss_b = loss(b);
    }
  }
  return std::exp((low + high) / 2);
}

}  // namespace GLIA_NS::metrics
