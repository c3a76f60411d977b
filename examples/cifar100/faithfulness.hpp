#pragma once
// Whether the explanations of a trained network say what it looks at.

#include <cstdint>
#include <string>

namespace cifar100 {

struct FaithfulnessOptions {
  std::string checkpoint, data;  // as for evaluate
  std::string out;               // a JSON file; empty: the run's folder, faithfulness.json
  std::int64_t images = 64;      // a stratified part of the test images
  std::int64_t steps = 64;       // points on the path of integrated gradients
  int threads = 0;
};

// For the network's own answers: how far integrated gradients are from completeness; the areas under the deletion and insertion
// curves of four kinds of maps and of a random order (grey takes the place of pixels); rank correlation of the gradient's map with
// itself while the layers are randomised from the last to the first. Writes a JSON file and returns a table to print.
// glia::Error as load_trained.
std::string faithfulness(const FaithfulnessOptions& options);

}  // namespace cifar100
