#pragma once
// The settings of a run, as they are given on the command line and written to config.json.

#include <cstdint>
#include <string>

namespace cifar100 {

// Which parts of the unified framework are on, and how much they weigh in the one combined loss
//   L = cross-entropy + similarity * L_sim + spatial * L_spatial + rate * R.
struct Objective {
  std::string similarity = "supcon";   // none, supcon (single view, positives by class) or ntxent (two views)
  double similarity_weight = 0.1;
  double temperature = 0.1;
  bool spatial = true;                 // localised rotation, 16-way, on the shared features
  double spatial_weight = 0.1;
  std::string neuron = "multilevel";   // none, multilevel (QCFS) or lif
  int levels = 8;                      // of the multi-level activation
  int steps = 4;                       // time steps of the LIF layer
  double rate_weight = 1e-3;           // on the mean activity
  double label_smoothing = 0.2;
};

struct Options {
  std::string data;                    // folder with train.bin and test.bin; empty: GLIA_DATA
  std::string out = "runs/cifar100";
  std::string preset = "fast";         // fast, strong or paper
  std::string backbone = "slim";       // slim, speed or resnet18
  std::string protocol = "45k";        // 45k: 45,000 / 5,000 train / validation; paper: 50,000 / 10,000
  std::string optimizer = "muon";      // muon (with AdamW for vectors and heads) or adamw
  double learning_rate = 0.1;          // of Muon, or of AdamW when it is alone
  double vector_learning_rate = 5e-3;  // of AdamW beside Muon
  double weight_decay = 0.02;
  double warmup = 0.2;                 // share of the steps
  std::int64_t epochs = 10;
  std::int64_t batch = 500;
  std::uint64_t seed = 0;
  std::int64_t limit_train = 0;        // 0: all; else a stratified subset of the training part
  std::string resolution;              // progressive resizing, such as 20:0.15,24:0.5 (see resolution.hpp); empty: off
  std::int64_t shift = 2;              // largest translation of the augmentation, pixels
  std::int64_t max_steps = 0;          // stop after this many steps of this call, as Ctrl-C would; 0: never
  int threads = 0;                     // 0: all
  bool resume = false;
  bool synthetic = false;              // a generated 100-class set instead of CIFAR-100
  bool quiet = false;
  double checkpoint_minutes = 5;       // between checkpoints inside an epoch; every epoch's end has one too
  Objective objective;
};

// Fills in what a preset fixes (fields not named there keep their defaults). std::invalid_argument for an unknown name.
void apply_preset(Options& options, const std::string& preset);

// std::invalid_argument if a word or number is outside its range.
void validate(const Options& options);

// Options as the text of a JSON object, and back: config.json.
std::string to_json(const Options& options);
Options options_from_json(const std::string& text);

}  // namespace cifar100
