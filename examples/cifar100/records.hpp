#pragma once
// What a run writes: metrics.jsonl (a line per epoch) and summary.json.

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

// One epoch. Losses are means over the epoch's augmented training images; each term is unweighted, `loss` is the weighted sum.
// Accuracies are shares in [0, 1].
struct EpochRecord {
  std::int64_t epoch = 0;
  double loss = 0, classification = 0, similarity = 0, spatial = 0, rate = 0;
  double running_accuracy = 0;      // while training, augmented images
  double spatial_accuracy = 0;
  double train_accuracy = 0;        // after the epoch, evaluation mode, unaugmented, on a fixed stratified subset
  double train_loss = 0;            // cross-entropy there
  double validation_accuracy = 0, validation_loss = 0;
  double learning_rate = 0, gradient_norm = 0;
  double seconds = 0;               // training only
  double evaluation_seconds = 0;
};

struct Summary {
  double test_accuracy = 0, test_top5 = 0, test_loss = 0, auc_macro = 0, auc_micro = 0;
  double val_accuracy = 0, val_loss = 0, train_accuracy = 0, train_loss = 0, overfitting_gap = 0;
  double untrained_loss = 0;        // cross-entropy before the first step; ln(classes) if nothing leaks
  double seconds_per_epoch_median = 0, seconds_per_epoch_spread = 0, wall_seconds = 0, images_per_second = 0;
  double calibration_error = 0, class_accuracy_deviation = 0, class_accuracy_minimum = 0, superclass_internal_errors = 0;
  std::int64_t parameters = 0, epochs = 0;
  std::uint64_t seed = 0;
  std::string device = "cpu", git_revision, data, protocol, backbone;
  int threads = 1;
};

std::string to_json_line(const EpochRecord& record);
EpochRecord epoch_from_json(const std::string& line);
std::string to_json(const Summary& summary);

// The complete epochs of a metrics.jsonl; lines from `first_dropped` on and broken lines are left out.
std::vector<EpochRecord> read_epochs(const std::string& path, std::int64_t first_dropped);

// The commit this program was built from ("unknown" outside a repository).
std::string git_revision();

}  // namespace cifar100
