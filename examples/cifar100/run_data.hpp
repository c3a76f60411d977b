#pragma once
// The data of a run: where they come from and how the protocol splits them.

#include "options.hpp"

#include <glia/data/dataset.hpp>
#include <glia/data/synthetic.hpp>

#include <cstdlib>

namespace cifar100 {

struct RunData {
  glia::data::Dataset train, validation, test;
  std::string name;
};

// Loads and splits. Protocol 45k: 45,000 training and 5,000 validation images, stratified, the same for every seed; the test set is
// read once at the end. Protocol paper: 50,000 training images, and the test set stands for the validation set at every epoch.
inline RunData load_run_data(const Options& options) {
  namespace data = glia::data;
  RunData out;
  data::Dataset full;
  if (options.synthetic) {
    full = data::synthetic({.count = 10'000, .seed = 1});
    out.test = data::synthetic({.count = 2'000, .seed = 2});
    out.name = "synthetic (generated shapes; not CIFAR-100)";
  } else {
    std::string folder = options.data;
    if (folder.empty())
      if (const char* variable = std::getenv("GLIA_DATA")) folder = variable;
    if (folder.empty())
      glia::raise<glia::ValueError>("cifar100", "no data: give --data DIR (with train.bin and test.bin), set GLIA_DATA, or try "
                                                "--synthetic");
    auto splits = data::load_cifar100(folder);
    full = std::move(splits.train);
    out.test = std::move(splits.test);
    out.name = "CIFAR-100";
  }
  if (options.protocol == "paper") {
    out.train = full;
    out.validation = out.test;
  } else {
    auto split = data::stratified_split(full, full.size() / 10, 20260302);
    out.train = std::move(split.train);
    out.validation = std::move(split.validation);
  }
  if (options.limit_train > 0 && options.limit_train < out.train.size())
    out.train = data::stratified_subset(out.train, options.limit_train, options.seed);
  return out;
}

}  // namespace cifar100
