#include "records.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

namespace cifar100 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(EpochRecord, epoch, loss, classification, similarity, spatial, rate,
                                                running_accuracy, spatial_accuracy, train_accuracy, train_loss,
                                                validation_accuracy, validation_loss, learning_rate, gradient_norm,
                                                seconds, evaluation_seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Summary, test_accuracy, test_top5, test_loss, auc_macro, auc_micro,
                                                val_accuracy, val_loss, train_accuracy, train_loss, overfitting_gap,
                                                untrained_loss, seconds_per_epoch_median, seconds_per_epoch_spread,
                                                wall_seconds, images_per_second, calibration_error,
                                                class_accuracy_deviation, class_accuracy_minimum,
                                                superclass_internal_errors, parameters, epochs, seed, device,
                                                git_revision, data, protocol, backbone, threads)

std::string to_json_line(const EpochRecord& record) { return nlohmann::json(record).dump(); }
EpochRecord epoch_from_json(const std::string& line) { return nlohmann::json::parse(line).get<EpochRecord>(); }
std::string to_json(const Summary& summary) { return nlohmann::json(summary).dump(2); }

std::vector<EpochRecord> read_epochs(const std::string& path, std::int64_t first_dropped) {
  std::vector<EpochRecord> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    try {
      const EpochRecord record = epoch_from_json(line);
      if (record.epoch < first_dropped) out.push_back(record);
    } catch (const nlohmann::json::exception&) {
      break;  // a line cut off by a crash
    }
  }
  return out;
}

std::string git_revision() {
#ifdef CIFAR100_GIT_REVISION
  return CIFAR100_GIT_REVISION;
#else
  return "unknown";
#endif
}

}  // namespace cifar100
