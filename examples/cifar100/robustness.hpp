#pragma once
// Accuracy and calibration on damaged test images.

#include <cstdint>
#include <string>

namespace cifar100 {

struct RobustnessOptions {
  std::string checkpoint, data;  // as for evaluate
  std::string out;               // a JSON file; empty: the run's folder, robustness.json
  std::int64_t limit = 0;        // a stratified part of the test images; 0: all
  std::uint64_t seed = 20260302;
  int threads = 0;
};

// Scores the clean test images and every kind and severity of glia::data::Corruption; writes a JSON file and returns a
// table to print. glia::Error as load_trained.
std::string robustness(const RobustnessOptions& options);

}  // namespace cifar100
