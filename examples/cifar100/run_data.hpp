#pragma once
// The data of a run: where they come from, how the protocol splits them, and how they are made harder.

#include "options.hpp"

#include <glia/data/dataset.hpp>

#include <string>
#include <vector>

namespace cifar100 {

struct RunData {
  glia::data::Dataset train, validation, test;  // train: the labelled images, with the labels that training sees
  glia::data::Dataset unlabelled;               // empty unless --labels; training reads the images alone
  glia::Tensor<std::int64_t> true_labels;       // of train, before label noise
  std::vector<std::string> class_names;
  std::string name;

  glia::Index images() const { return train.size() + (unlabelled.labels.defined() ? unlabelled.size() : 0); }
};

// Loads and splits. Protocol 45k: 45,000 training and 5,000 validation images, stratified, the same for every seed; the
// test set is read once at the end. Protocol paper: 50,000 training images, and the test set stands for the validation
// set at every epoch. Then, to the training part alone and set by options.seed: limit, long tail, label noise, partial
// labels. glia::Error without data.
RunData load_run_data(const Options& options);

}  // namespace cifar100
