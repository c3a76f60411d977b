#pragma once
// The explanation gallery of the report: maps for a few test images of a trained network.

#include "report.hpp"

namespace cifar100 {

// For `images` test images (every fourth a wrong answer, if there are any): SmoothGrad, integrated gradients, Grad-CAM,
// occlusion and the mean activity of the neuromorphic layer. Run and data as for load_trained.
std::vector<Explanation> explain_run(const std::string& run, const std::string& data, int images);

}  // namespace cifar100
