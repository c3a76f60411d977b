#pragma once
// Pre-training of a backbone without labels: two augmented views of every image and a self-supervised loss.

#include "train.hpp"

#include <cstdint>
#include <string>

namespace cifar100 {

struct PretrainOptions {
  std::string data;              // folder of CIFAR files; empty: GLIA_DATA
  std::string set = "cifar100";  // cifar100 or cifar10
  std::string images;            // a folder of PNG and JPEG images instead
  std::int64_t size = 32;        // side to which those are brought
  std::int64_t crop_size = 0;    // side of the views to train on; 0: that of the images
  std::string out = "runs/pretrain";
  std::string backbone = "resnet18";
  std::string objective = "ntxent";  // ntxent, barlow, vicreg, byol or simsiam
  std::string optimizer = "adamw";   // adamw or sgd
  double learning_rate = 1e-3;       // peak; of SGD with momentum 0.9 about 0.06
  double weight_decay = 0.01;        // of weights with at least two axes
  double warmup = 0.1;               // share of the steps
  double temperature = 0.2;          // of ntxent
  double momentum = 0.99;            // of BYOL's target network, rising to 1 along a cosine
  std::int64_t hidden = 1024;        // width of the projector
  std::int64_t projection = 0;  // its outputs; 0: 128 for ntxent, 512 for barlow and vicreg, 256 for byol and simsiam
  std::int64_t epochs = 100, batch = 256;  // images per step, each in two views
  std::uint64_t seed = 0;
  std::int64_t limit_train = 0, max_steps = 0, probe_every = 1;
  int threads = 0;
  bool resume = false, synthetic = false, quiet = false;
  double checkpoint_minutes = 5;
};

// The text of a JSON object: config.json.
std::string to_json(const PretrainOptions& options);

// std::invalid_argument if a word or number is outside its range.
void validate(const PretrainOptions& options);

// Trains and writes config.json, metrics.jsonl and checkpoint.safetensors into options.out; resumes bit for bit. Every
// probe_every epochs the collapse diagnostics are printed and, where there are labels, a k-NN vote and a linear probe
// on held-out images (labels serve the probes alone). glia::Error on bad data or a checkpoint that does not fit.
Outcome pretrain(const PretrainOptions& options);

}  // namespace cifar100
