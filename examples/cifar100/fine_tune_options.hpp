#pragma once
// Training from given weights (--init): how they are taken, and what is frozen or learns more slowly.

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace cifar100 {

struct FineTune {
  std::string prefix = "auto";     // what stands before the backbone's names in the file
  std::string stem = "area";       // how a 7x7 stem becomes 3x3: area or crop
  double layer_decay = 1;          // learning rate of a stage, relative to the next later one
  std::string freeze = "none";     // none, stem, the number of the last frozen stage, or all
  std::int64_t freeze_epochs = 0;  // the whole backbone is frozen for so many epochs at first
};

// Adds --init-prefix, --init-stem, --layer-decay, --freeze and --freeze-epochs to a command.
void add_fine_tune_options(CLI::App& app, FineTune& options);

// std::invalid_argument if a word or number is outside its range.
void validate(const FineTune& options);

// The last frozen stage of a backbone with `depth` stages: -1 none, 0 the stem, ... std::invalid_argument as validate.
std::int64_t last_frozen_stage(const FineTune& options, std::int64_t depth, std::int64_t epoch);

}  // namespace cifar100
