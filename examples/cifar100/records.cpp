#include "records.hpp"

#include <glia/core/config.hpp>

#include <nlohmann/json.hpp>

#include <ctime>
#include <fstream>
#include <thread>

#if __has_include("cifar100_revision.hpp")  // written by the build
#include "cifar100_revision.hpp"
#endif

namespace cifar100 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(EpochRecord, epoch, loss, classification, similarity, spatial, rate,
                                                running_accuracy, spatial_accuracy, train_accuracy, train_loss,
                                                true_train_accuracy, validation_accuracy, validation_loss,
                                                learning_rate, gradient_norm, share_classification, share_similarity,
                                                share_spatial, share_rate, gradient_cosine, seconds, evaluation_seconds,
                                                measuring_seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(BalanceRecord, class_accuracy_deviation, class_accuracy_minimum,
                                                class_accuracy_percentile10, class_accuracy_gini,
                                                errors_in_top_percent_of_cells, error_entropy,
                                                superclass_internal_errors)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CalibrationRecord, ece, adaptive_ece, nll, brier)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StabilityRecord, train_oscillation, validation_oscillation,
                                                largest_spike, gradient_norm_variation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ShareRecord, classification, similarity, spatial, rate, cosine)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(EnvironmentRecord, cpu, system, compiler, vector_instructions, date,
                                                logical_cpus, memory_gib)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Summary, test_accuracy, test_top5, test_loss, auc_macro, auc_micro,
                                                auc_lowest_class, val_accuracy, val_loss, train_accuracy, train_loss,
                                                overfitting_gap, running_accuracy, augmented_gap, true_train_accuracy,
                                                untrained_loss, seconds_per_epoch_median, seconds_per_epoch_spread,
                                                seconds_per_epoch_deviation, wall_seconds, images_per_second,
                                                evaluation_seconds_per_epoch, measuring_seconds, temperature,
                                                calibration, calibration_scaled, balance, stability, gradient_share,
                                                parameters, epochs, steps, train_images, labelled_images, seed, device,
                                                git_revision, data, protocol, backbone, command, threads, environment)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ReliabilityRecord, confidence, accuracy, count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Evaluation, class_names, superclass, auc, true_positive_rate,
                                                false_positive_rate, precision, roc_rate, roc_mean, roc_lowest,
                                                roc_highest, roc_micro, reliability, reliability_scaled, confusion)

namespace {
// JSON has no NaN: the library writes null, which reads as NaN again.
template <class T>
T read(nlohmann::json json) {
  const auto fill = [](auto& self, nlohmann::json& node) -> void {
    for (auto& part : node) {
      if (part.is_null()) part = std::numeric_limits<double>::quiet_NaN();
      if (part.is_structured()) self(self, part);
    }
  };
  fill(fill, json);
  return json.get<T>();
}

// The value behind "key : value" of the first such line.
std::string field(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const auto start = line.find_first_not_of(" \t:=\"", line.find_first_of(":="));
    if (start == std::string::npos) return "";
    return line.substr(start, line.find_last_not_of(" \"") + 1 - start);
  }
  return "";
}
}  // namespace

std::string to_json_line(const EpochRecord& record) { return nlohmann::json(record).dump(); }
EpochRecord epoch_from_json(const std::string& line) { return read<EpochRecord>(nlohmann::json::parse(line)); }
std::string to_json(const Summary& summary) { return nlohmann::json(summary).dump(2); }
Summary summary_from_json(const std::string& text) { return read<Summary>(nlohmann::json::parse(text)); }
std::string to_json(const Evaluation& evaluation) { return nlohmann::json(evaluation).dump(); }
Evaluation evaluation_from_json(const std::string& text) { return read<Evaluation>(nlohmann::json::parse(text)); }

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

EnvironmentRecord environment() {
  EnvironmentRecord out;
  out.cpu = field("/proc/cpuinfo", "model name");
  out.system = field("/etc/os-release", "PRETTY_NAME");
#ifdef CIFAR100_COMPILER
  out.compiler = CIFAR100_COMPILER;
#endif
  out.vector_instructions =
      std::to_string(8 * glia::config::vector_bytes) + " bit" + (glia::config::has_fma ? ", fma" : "");
  out.logical_cpus = static_cast<int>(std::thread::hardware_concurrency());
  const std::string memory = field("/proc/meminfo", "MemTotal");
  out.memory_gib = memory.empty() ? 0 : std::stod(memory) / (1024.0 * 1024.0);
  const std::time_t time = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&time));
  out.date = text;
  return out;
}

}  // namespace cifar100
