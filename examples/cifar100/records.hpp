#pragma once
// What a run writes: metrics.jsonl (a line per epoch), summary.json, evaluation.json (curves of the test set).

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

// One epoch. Losses are means over the epoch's augmented training images; each term is unweighted, `loss` is the
// weighted sum. Accuracies and shares are in [0, 1].
struct EpochRecord {
  std::int64_t epoch = 0;
  double loss = 0, classification = 0, similarity = 0, spatial = 0, rate = 0;
  double running_accuracy = 0;  // while training, augmented labelled images
  double spatial_accuracy = 0;
  double train_accuracy =
      0;  // after the epoch, evaluation mode, unaugmented, on a fixed stratified part of the labelled images
  double train_loss = 0;           // cross-entropy there
  double true_train_accuracy = 0;  // there, against the labels before label noise
  double validation_accuracy = 0, validation_loss = 0;
  double learning_rate = 0, gradient_norm = 0;
  // each weighted term's part of the gradient norm on the shared features; the angle between classification and the
  // rest
  double share_classification = 0, share_similarity = 0, share_spatial = 0, share_rate = 0, gradient_cosine = 0;
  double seconds = 0;  // training only
  double evaluation_seconds = 0, measuring_seconds = 0;
};

struct BalanceRecord {
  double class_accuracy_deviation = 0, class_accuracy_minimum = 0, class_accuracy_percentile10 = 0,
         class_accuracy_gini = 0;
  double errors_in_top_percent_of_cells = 0, error_entropy = 0, superclass_internal_errors = 0;
};
struct CalibrationRecord {
  double ece = 0, adaptive_ece = 0, nll = 0, brier = 0;
};
struct StabilityRecord {
  double train_oscillation = 0, validation_oscillation = 0;  // rises over net fall of the loss curves
  double largest_spike = 0;            // of a step's loss over the 50 before it, in their deviations
  double gradient_norm_variation = 0;  // coefficient of variation over the second half of the run
};
struct ShareRecord {
  double classification = 0, similarity = 0, spatial = 0, rate = 0, cosine = 0;  // means over the epochs
};
struct EnvironmentRecord {
  std::string cpu, system, compiler, vector_instructions, date;
  int logical_cpus = 0;
  double memory_gib = 0;
};

struct Summary {
  double test_accuracy = 0, test_top5 = 0, test_loss = 0, auc_macro = 0, auc_micro = 0, auc_lowest_class = 0;
  double val_accuracy = 0, val_loss = 0, train_accuracy = 0, train_loss = 0, overfitting_gap = 0;
  double running_accuracy = 0,
         augmented_gap = 0;        // of the last epoch while training, and its distance from val_accuracy
  double true_train_accuracy = 0;  // against the labels before label noise
  double untrained_loss = 0;       // cross-entropy before the first step; ln(classes) if nothing leaks
  double seconds_per_epoch_median = 0, seconds_per_epoch_spread = 0, seconds_per_epoch_deviation = 0;
  double wall_seconds = 0, images_per_second = 0, evaluation_seconds_per_epoch = 0, measuring_seconds = 0;
  double temperature = 1;                             // fitted on the validation images
  CalibrationRecord calibration, calibration_scaled;  // of the test set, as it is and at that temperature
  BalanceRecord balance;
  StabilityRecord stability;
  ShareRecord gradient_share;
  std::int64_t parameters = 0, epochs = 0, steps = 0, train_images = 0, labelled_images = 0;
  std::uint64_t seed = 0;
  std::string device = "cpu", git_revision, data, protocol, backbone, command;
  int threads = 1;
  EnvironmentRecord environment;
};

// Curves and tables of the test set, for plots.
struct ReliabilityRecord {
  std::vector<double> confidence, accuracy;
  std::vector<std::int64_t> count;
};
struct Evaluation {
  std::vector<std::string> class_names;
  std::vector<std::int64_t> superclass;
  std::vector<double> auc, true_positive_rate, false_positive_rate, precision;  // per class
  // ROC at common false positive rates: mean, lowest and highest class, and all (image, class) pairs pooled
  std::vector<double> roc_rate, roc_mean, roc_lowest, roc_highest, roc_micro;
  ReliabilityRecord reliability, reliability_scaled;
  std::vector<std::int64_t> confusion;  // row-major, rows true classes
};

std::string to_json_line(const EpochRecord& record);
EpochRecord epoch_from_json(const std::string& line);
std::string to_json(const Summary& summary);
Summary summary_from_json(const std::string& text);
std::string to_json(const Evaluation& evaluation);
Evaluation evaluation_from_json(const std::string& text);

// The complete epochs of a metrics.jsonl; lines from `first_dropped` on and broken lines are left out.
std::vector<EpochRecord> read_epochs(const std::string& path, std::int64_t first_dropped);

// The commit this program was built from ("unknown" outside a repository).
std::string git_revision();

// Machine, system and compiler.
EnvironmentRecord environment();

}  // namespace cifar100
