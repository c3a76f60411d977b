#pragma once
// A training run: data, network, optimizer, the epochs, checkpoints, and the final evaluation.

#include "options.hpp"

#include <string>

namespace cifar100 {

// How a run ended.
enum class Outcome { finished, interrupted };

// Trains and writes config.json, metrics.jsonl, checkpoint.safetensors and summary.json into options.out. With options.resume, goes
// on from the checkpoint there; the result equals that of an uninterrupted run bit for bit. An interrupt (Ctrl-C) saves and
// returns. glia::Error on bad data or a checkpoint that does not fit.
Outcome train(const Options& options);

// Evaluates a checkpoint on the test set of its data (or of `data`, if not empty); returns a JSON object as text.
std::string evaluate(const std::string& checkpoint, const std::string& data);

}  // namespace cifar100
