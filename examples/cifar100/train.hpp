#pragma once
// A training run: data, network, optimizer, the epochs, checkpoints, and the final evaluation.

#include "options.hpp"

#include <string>

namespace cifar100 {

// How a run ended.
enum class Outcome { finished, interrupted };

// Trains and writes config.json, metrics.jsonl, checkpoint.safetensors, steps.csv, evaluation.json, confusion.csv,
// classes.csv and summary.json into options.out. With options.resume, goes on from the checkpoint there; the result
// equals that of an uninterrupted run bit for bit. An interrupt (Ctrl-C) saves and returns. glia::Error on bad data or
// a checkpoint that does not fit.
Outcome train(const Options& options);

// The same on the current CUDA device; what train() does for options.device "cuda". glia::DeviceError in a build
// without CUDA.
Outcome train_cuda(const Options& options);

// Brings the run in options.out to its end: begins it, resumes it, or leaves it alone if it is complete. glia::Error if
// the folder holds a run of other settings.
Outcome complete(const Options& options);

}  // namespace cifar100
