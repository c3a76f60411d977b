#pragma once
// The settings of a run, as they are given on the command line and written to config.json.

#include "fine_tune_options.hpp"

#include <cstdint>
#include <string>

namespace cifar100 {

// Which parts of the unified framework are on, and how much they weigh in the one combined loss
//   L = classification + w_sim * similarity + w_sp * spatial + w_rate * mean activity.
struct Objective {
  std::string classification = "ce";  // ce, or for wrong labels: gce, sce, elr
  std::string similarity =
      "supcon";  // none; supcon: one view, positives by class; two views: ntxent, barlow, vicreg, byol, simsiam
  double similarity_weight = 0.1;
  double temperature = 0.1;  // of supcon and ntxent
  std::string spatial =
      "localized";  // none, localized (16-way), rotation (4-way) or jigsaw (24-way), on the shared features
  double spatial_weight = 0.1;
  double spatial_share = 0.25;  // of the images of a step that the task changes and is asked about
  std::string neuron = "multilevel";  // none, multilevel (QCFS) or lif
  int levels = 8;                     // of the multi-level activation
  int steps = 4;                      // time steps of the LIF layer
  double rate_weight = 1e-3;          // on the mean activity
  double label_smoothing = 0.2;       // of ce
  std::string pooling = "mean";       // of the features before the heads: mean, or mean+max (their sum)
};

struct Options {
  std::string data;  // folder with train.bin and test.bin; empty: GLIA_DATA
  std::string out = "runs/cifar100";
  std::string preset = "fast";         // fast, strong or paper
  std::string backbone = "speed-w32";  // see parse_backbone
  std::string init;                    // weights to start from; empty: random
  std::string protocol = "45k";        // 45k: 45,000 / 5,000 train / validation; paper: 50,000 / 10,000
  std::string optimizer = "muon";      // muon (with AdamW for vectors and heads) or adamw
  double learning_rate = 0.1;          // of Muon, or of AdamW when it is alone
  double vector_learning_rate = 5e-3;  // of AdamW beside Muon
  double weight_decay = 0.02;
  double warmup = 0.2;  // share of the steps
  std::int64_t epochs = 10;
  std::int64_t batch = 500;  // augmented images per step
  std::uint64_t seed = 0;
  double ema = 0;  // window of averaged weights as a share of the run; 0: off
  // the training set
  std::int64_t limit_train = 0;  // 0: all; else a stratified subset of the training part
  double long_tail = 1;          // size of the first class over that of the last
  double label_noise = 0;        // share of wrong labels
  std::string noise_kind = "symmetric";
  std::int64_t labels = 0;      // 0: all are labelled; else so many, and the rest has images only
  double unlabelled_ratio = 1;  // unlabelled per labelled image in a step
  bool labelled_only = false;   // leave the unlabelled images out of the steps, keep everything else
  // augmentation
  std::string resolution;        // progressive resizing, such as 20:0.15,24:0.5 (see resolution.hpp); empty: off
  std::int64_t shift = 2;        // largest translation, pixels
  std::int64_t cutout = 0;       // side of the square
  double mixup = 0, cutmix = 0;  // alpha of the Beta distribution; 0: off
  // conduct
  std::int64_t max_steps = 0;       // stop after this many steps of this call, as Ctrl-C would; 0: never
  std::int64_t gradient_every = 0;  // steps between measurements of the terms' gradients; 0: once an epoch, -1: never
  int threads = 0;                  // 0: all
  std::string device = "cpu";       // cpu, or cuda in a build with CUDA
  bool bfloat16 = false;            // products may be rounded where that is faster (glia::AllowBfloat16)
  std::int64_t profile = 0;         // record so many steps, after the first five; 0: none
  bool resume = false;
  bool synthetic = false;  // a generated 100-class set instead of CIFAR-100
  bool quiet = false;
  double checkpoint_minutes = 5;  // between checkpoints inside an epoch; every epoch's end has one too
  std::string command;            // the command line, for the record
  Objective objective;
  FineTune fine_tune;  // with init
};

// Whether the similarity task compares two views of each image.
inline bool two_views(const Objective& o) { return o.similarity != "none" && o.similarity != "supcon"; }

// Classes of the spatial task; 0 if it is off.
inline std::int64_t spatial_classes(const Objective& o) {
  return o.spatial == "localized" ? 16 : o.spatial == "rotation" ? 4 : o.spatial == "jigsaw" ? 24 : 0;
}

// Fills in what a preset fixes (fields not named there keep their defaults). std::invalid_argument for an unknown name.
void apply_preset(Options& options, const std::string& preset);

// std::invalid_argument naming the option, what it takes and what it got.
void validate(const Options& options);

// Options as the text of a JSON object, and back: config.json.
std::string to_json(const Options& options);
Options options_from_json(const std::string& text);

// The settings that change the numbers of a run, as text: not places, threads, display or how often it saves.
std::string identity(const Options& options);

}  // namespace cifar100
