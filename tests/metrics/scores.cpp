// Accuracy, confusion matrix, AUC, ROC, calibration and balance from raw scores.
#include <glia/metrics/accuracy.hpp>
#include <glia/metrics/auc.hpp>
#include <glia/metrics/balance.hpp>
#include <glia/metrics/calibration.hpp>
#include <glia/metrics/confusion_matrix.hpp>
#include <glia/metrics/roc.hpp>

#include <reference/metrics_fixture.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>

namespace metrics = glia::metrics;

namespace {

using Labels = std::vector<std::int64_t>;

template <class R>
std::span<const R> span(const std::vector<R>& values) {
  return values;
}

bool close(double a, double b, double tolerance = 1e-12) { return std::abs(a - b) <= tolerance; }

// All pairs, in the definition's words.
double brute_force_auc(const std::vector<float>& scores, const std::vector<std::uint8_t>& positive) {
  double won = 0, pairs = 0;
  for (std::size_t i = 0; i < scores.size(); ++i)
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (positive[i] == 0 || positive[j] != 0) continue;
      won += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
      pairs += 1;
    }
  return won / pairs;
}

std::vector<float> random_scores(std::size_t count, unsigned seed, int levels) {
  std::mt19937 engine(seed);
  std::vector<float> out(count);
  for (float& value : out) value = static_cast<float>(engine() % static_cast<unsigned>(levels));
  return out;
}

}  // namespace

TEST_CASE("accuracy: the label must be first, or among the k first; ties rank by class") {
  const std::vector<float> scores{0.1f, 0.9f, 0.0f, /**/ 0.5f, 0.5f, 0.5f, /**/ 3, 2, 1, /**/ 1, 2, 2};
  const Labels labels{1, 1, 2, 2};
  CHECK(metrics::accuracy(span(scores), 3, labels) == 0.25);
  CHECK(metrics::topk_accuracy(span(scores), 3, labels, 2) == 0.75);
  CHECK(metrics::topk_accuracy(span(scores), 3, labels, 3) == 1.0);
  CHECK(metrics::predictions(span(scores), 3) == Labels{1, 0, 0, 1});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(metrics::topk_hits(span(std::vector<float>{nan, nan, nan}), 3, Labels{0}, 3) == 0);
  CHECK(metrics::predictions(span(std::vector<float>{nan, 1, 2}), 3) == Labels{2});
  CHECK(metrics::accuracy(std::span<const float>(), 3, Labels{}) == 0.0);
  CHECK_THROWS_WITH_AS(metrics::accuracy(span(scores), 3, Labels{0}),
                       "topk_accuracy: scores has 12 values, expected 1 labels x 3 classes", glia::ShapeError);
  CHECK_THROWS_WITH_AS(metrics::accuracy(span(scores), 3, Labels{0, 3, 0, 0}),
                       "topk_accuracy: label 3 of sample 1, expected 0 to 2", glia::IndexError);
  CHECK_THROWS_AS(metrics::topk_accuracy(span(scores), 3, labels, 0), glia::ValueError);
}

TEST_CASE("confusion matrix: rows are true classes; counts of a class follow") {
  metrics::ConfusionMatrix matrix(3);
  matrix.add(Labels{0, 0, 1, 2, 2, 2}, Labels{0, 1, 1, 2, 0, 2});
  CHECK(matrix.counts() == std::vector<glia::Index>{1, 1, 0, 0, 1, 0, 1, 0, 2});
  CHECK(matrix.total() == 6);
  CHECK(close(matrix.accuracy(), 4.0 / 6));
  const metrics::ClassCounts zero = matrix.of_class(0);
  CHECK(zero.true_positive == 1);
  CHECK(zero.false_negative == 1);
  CHECK(zero.false_positive == 1);
  CHECK(zero.true_negative == 3);
  CHECK(matrix.recall(1) == 1.0);
  CHECK(matrix.precision(1) == 0.5);
  CHECK(close(matrix.normalized_rows()[6], 1.0 / 3));
  CHECK(std::isnan(metrics::ConfusionMatrix(2).recall(0)));
  CHECK_THROWS_WITH_AS(matrix.add(3, 0), "confusion_matrix: pair (3, 0), expected classes 0 to 2", glia::IndexError);
  CHECK_THROWS_AS(matrix.add(Labels{0}, Labels{}), glia::ShapeError);
  CHECK_THROWS_AS(metrics::ConfusionMatrix(0), glia::ValueError);
}

TEST_CASE("auc: values worked out by hand") {
  const auto auc = [](const std::vector<float>& scores, const std::vector<std::uint8_t>& positive) {
    return metrics::binary_auc<float>(scores, positive);
  };
  CHECK(auc({1, 2, 3, 4}, {0, 0, 1, 1}) == 1.0);
  CHECK(auc({1, 2, 3, 4}, {1, 1, 0, 0}) == 0.0);
  CHECK(auc({1, 2, 3, 4}, {0, 1, 0, 1}) == 0.75);
  CHECK(auc({7, 7, 7, 7}, {0, 1, 0, 1}) == 0.5);
  CHECK(auc({1, 2, 2, 3}, {0, 1, 0, 1}) == 0.875);  // one tied pair of four: 3.5 / 4
  CHECK(std::isnan(auc({1, 2}, {1, 1})));
  CHECK(std::isnan(auc({}, {})));
  CHECK_THROWS_AS(auc({1, std::numeric_limits<float>::quiet_NaN()}, {0, 1}), glia::ValueError);
  CHECK_THROWS_AS(auc({1}, {0, 1}), glia::ShapeError);
  // Infinities are ordinary scores.
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(auc({-infinity, 0, infinity}, {0, 0, 1}) == 1.0);
}

TEST_CASE("auc: equals the count over all pairs") {
  for (const int levels : {2, 5, 40, 1'000'000}) {
    const auto scores = random_scores(300, static_cast<unsigned>(levels), levels);
    std::vector<std::uint8_t> positive(300);
    for (std::size_t i = 0; i < positive.size(); ++i) positive[i] = (i * 7 + i / 3) % 4 == 0 ? 1 : 0;
    CHECK(metrics::binary_auc<float>(scores, positive) == brute_force_auc(scores, positive));
  }
}

TEST_CASE("auc: perfect scores give 1, shuffled labels 0.5, one-hot decisions (TPR + 1 - FPR) / 2") {
  const glia::Index classes = 100, samples = 10'000;
  Labels labels(static_cast<std::size_t>(samples));
  std::vector<float> scores(static_cast<std::size_t>(samples * classes)), decisions(scores.size());
  std::mt19937 engine(3);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<std::int64_t>(i % 100);
    for (std::size_t c = 0; c < 100; ++c) scores[i * 100 + c] = static_cast<float>(engine() % 1000) / 1000;
    // 65 of every 100 samples of a class are right, the errors go to the next class.
    const std::size_t decision = i / 100 % 100 < 65 ? i % 100 : (i + 1) % 100;
    decisions[i * 100 + decision] = 1;
  }
  const metrics::Auc random = metrics::one_vs_rest_auc(span(scores), classes, labels);
  CHECK(std::abs(random.macro - 0.5) < 0.01);
  CHECK(std::abs(random.micro - 0.5) < 0.01);
  CHECK(random.classes_used == 100);
  const metrics::Auc hard = metrics::one_vs_rest_auc(span(decisions), classes, labels);
  CHECK(close(hard.macro, (0.65 + 1 - 35.0 / 9900) / 2));
  for (std::size_t i = 0; i < labels.size(); ++i) scores[i * 100 + static_cast<std::size_t>(labels[i])] += 2;
  const metrics::Auc perfect = metrics::one_vs_rest_auc(span(scores), classes, labels);
  CHECK(perfect.macro == 1.0);
  CHECK(perfect.micro == 1.0);
  std::shuffle(labels.begin(), labels.end(), engine);
  CHECK(std::abs(metrics::one_vs_rest_auc(span(scores), classes, labels).macro - 0.5) < 0.01);
}

TEST_CASE("auc: a class without samples is left out of the macro mean") {
  const std::vector<float> scores{3, 1, 0, 1, 3, 0};
  const metrics::Auc auc = metrics::one_vs_rest_auc(span(scores), 3, Labels{0, 1});
  CHECK(auc.classes_used == 2);
  CHECK(std::isnan(auc.per_class[2]));
  CHECK(auc.macro == 1.0);
}

TEST_CASE("metrics agree with scikit-learn on a table full of ties") {
  const auto& p = fixture::probabilities;
  const metrics::Auc auc = metrics::one_vs_rest_auc(span(p), fixture::classes, fixture::labels);
  for (std::size_t c = 0; c < fixture::per_class_auc.size(); ++c)
    CHECK(close(auc.per_class[c], fixture::per_class_auc[c]));
  CHECK(close(auc.macro, fixture::macro_auc));
  CHECK(close(auc.micro, fixture::micro_auc));
  const std::vector<float> single(p.begin(), p.end());
  CHECK(metrics::one_vs_rest_auc(span(single), fixture::classes, fixture::labels).micro == auc.micro);

  const metrics::RocCurve roc = metrics::class_roc(span(p), fixture::classes, fixture::labels, 0);
  REQUIRE(roc.false_positive_rate.size() == fixture::false_positive_rate.size());
  for (std::size_t i = 0; i < roc.false_positive_rate.size(); ++i) {
    CHECK(close(roc.false_positive_rate[i], fixture::false_positive_rate[i]));
    CHECK(close(roc.true_positive_rate[i], fixture::true_positive_rate[i]));
  }
  CHECK(close(metrics::area(roc), fixture::per_class_auc[0]));
  CHECK(close(metrics::area(metrics::micro_roc(span(p), fixture::classes, fixture::labels)), fixture::micro_auc));

  const auto matrix = metrics::confusion_matrix(span(p), fixture::classes, fixture::labels);
  CHECK(matrix.counts() == fixture::confusion);
  CHECK(close(matrix.accuracy(), fixture::accuracy));
  CHECK(close(metrics::accuracy(span(p), fixture::classes, fixture::labels), fixture::accuracy));
  const metrics::Calibration calibration = metrics::calibration(span(p), fixture::classes, fixture::labels);
  CHECK(close(calibration.nll, fixture::nll, 1e-9));
  CHECK(close(calibration.brier, fixture::brier));
  CHECK(close(calibration.ece, fixture::ece));
}

TEST_CASE("roc: a curve can be read between its points and averaged") {
  const std::vector<float> scores{4, 3, 2, 1};
  const auto roc = metrics::roc_curve<float>(scores, std::vector<std::uint8_t>{1, 0, 1, 0});
  CHECK(roc.false_positive_rate == std::vector<double>{0, 0, 0.5, 0.5, 1});
  CHECK(roc.true_positive_rate == std::vector<double>{0, 0.5, 0.5, 1, 1});
  CHECK(metrics::area(roc) == 0.75);
  CHECK(metrics::true_positive_rate_at(roc, 0.0) == 0.5);
  CHECK(metrics::true_positive_rate_at(roc, 0.25) == 0.5);
  CHECK(metrics::true_positive_rate_at(roc, 0.5) == 1.0);
  const auto tied = metrics::roc_curve<float>(std::vector<float>{1, 1}, std::vector<std::uint8_t>{1, 0});
  const metrics::RocCurve both[] = {roc, tied};
  const auto envelope = metrics::roc_envelope(both, 3);
  CHECK(envelope.mean == std::vector<double>{0.25, 0.75, 1});
  CHECK(envelope.lowest == std::vector<double>{0, 0.5, 1});
  CHECK(envelope.highest == std::vector<double>{0.5, 1, 1});
  CHECK_THROWS_AS(metrics::roc_curve<float>(scores, std::vector<std::uint8_t>{1, 1, 1, 1}), glia::ValueError);
  CHECK_THROWS_AS(metrics::roc_envelope({}, 3), glia::ValueError);
}

TEST_CASE("calibration: hand-worked bins, and refusal of what is no probability") {
  // Confidences 0.9 (right), 0.8 (wrong), 0.55 (right), 0.5 (right, on a bin's upper edge for 2 bins).
  const std::vector<double> p{0.9, 0.1, 0.8, 0.2, 0.45, 0.55, 0.5, 0.5};
  const Labels labels{0, 1, 1, 0};
  const auto two = metrics::calibration(span(p), 2, labels, 2);
  CHECK(two.bins[0].count == 1);
  CHECK(two.bins[1].count == 3);
  CHECK(close(two.ece, (1 * 0.5 + 3 * std::abs(2.0 / 3 - 0.75)) / 4));
  CHECK(close(two.adaptive_ece, (2 * std::abs(1 - 0.525) + 2 * std::abs(0.5 - 0.85)) / 4));
  CHECK(close(two.brier, (0.02 + 1.28 + 0.405 + 0.5) / 4));
  CHECK(close(two.nll, -(std::log(0.9) + std::log(0.2) + std::log(0.55) + std::log(0.5)) / 4));
  CHECK(metrics::calibration(std::span<const double>(), 2, Labels{}).ece == 0.0);
  CHECK_THROWS_AS(metrics::calibration(span(std::vector<double>{2.0, -1.0}), 2, Labels{0}), glia::ValueError);
  CHECK_THROWS_AS(metrics::calibration(span(p), 2, labels, 0), glia::ValueError);
}

TEST_CASE("calibration: the fitted temperature undoes a known scaling") {
  // Labels drawn from softmax(logits); logits x 3 are then over-confident by a factor 3.
  std::mt19937 engine(11);
  const glia::Index classes = 4;
  std::vector<double> logits;
  Labels labels;
  for (int i = 0; i < 20'000; ++i) {
    for (int c = 0; c < 4; ++c) logits.push_back(static_cast<double>(engine() % 1000) / 250);
    const auto p = metrics::softmax_rows(std::span<const double>(logits).last(4), classes);
    double u = (static_cast<double>(engine()) + 0.5) / 4294967296.0;
    std::int64_t label = 0;
    while (label < 3 && u >= p[static_cast<std::size_t>(label)]) u -= p[static_cast<std::size_t>(label++)];
    labels.push_back(label);
  }
  for (double& value : logits) value *= 3;
  const double temperature = metrics::fit_temperature(span(logits), classes, labels);
  CHECK(std::abs(temperature - 3) < 0.1);
  const auto before = metrics::calibration<double>(metrics::softmax_rows(span(logits), classes), classes, labels);
  const auto after =
      metrics::calibration<double>(metrics::softmax_rows(span(logits), classes, temperature), classes, labels);
  CHECK(before.ece > 0.1);
  CHECK(after.ece < 0.02);
  CHECK(after.nll < before.nll);
}

TEST_CASE("balance: spread of accuracies and of errors") {
  metrics::ConfusionMatrix even(4);
  for (glia::Index t = 0; t < 4; ++t)
    for (glia::Index c = 0; c < 4; ++c)
      for (int n = 0; n < (t == c ? 7 : 1); ++n) even.add(t, c);
  const std::vector<std::int64_t> superclass{0, 0, 1, 1};
  const metrics::Balance flat = metrics::balance(even, superclass);
  CHECK(close(flat.accuracy_sd, 0));
  CHECK(close(flat.accuracy_min, 0.7));
  CHECK(close(flat.accuracy_gini, 0));
  CHECK(close(flat.error_entropy, 1));
  CHECK(close(flat.superclass_error_share, 1.0 / 3));
  CHECK(close(flat.top1_percent_error_share, 1.0 / 12));

  metrics::ConfusionMatrix skewed(3);
  for (int n = 0; n < 10; ++n) skewed.add(0, 0);
  for (int n = 0; n < 10; ++n) skewed.add(1, n < 5 ? 1 : 0);
  for (int n = 0; n < 10; ++n) skewed.add(2, 1);
  const metrics::Balance rough = metrics::balance(skewed);
  CHECK(close(rough.accuracy_sd, std::sqrt(1.0 / 6)));
  CHECK(rough.accuracy_min == 0.0);
  CHECK(close(rough.accuracy_percentile10, 0.1));
  CHECK(close(rough.accuracy_gini, (0.5 + 0.5 + 1.0) * 2 / (2.0 * 9 * 0.5)));
  CHECK(close(rough.error_entropy, -(std::log(1.0 / 3) / 3 + 2 * std::log(2.0 / 3) / 3) / std::log(6.0)));
  CHECK(close(rough.top1_percent_error_share, 2.0 / 3));
  CHECK(std::isnan(rough.superclass_error_share));
  CHECK_THROWS_AS(metrics::balance(skewed, superclass), glia::ShapeError);

  // Classes without samples have no cells: the errors of the only class with samples are spread evenly.
  metrics::ConfusionMatrix lone(5);
  for (glia::Index c = 1; c < 5; ++c) lone.add(0, c);
  CHECK(close(metrics::balance(lone).error_entropy, 1));
  CHECK(close(metrics::balance(lone).top1_percent_error_share, 0.25));

  metrics::ConfusionMatrix faultless(2);
  faultless.add(0, 0);
  faultless.add(1, 1);
  CHECK(std::isnan(metrics::balance(faultless).error_entropy));
  CHECK(close(metrics::balance(faultless).accuracy_gini, 0));
}
