#pragma once
// What each added part costs: step times beside plain supervised training.

#include "options.hpp"

#include <string>

namespace cifar100 {

// Times training steps of plain supervised training and of it with parts added, at an equal number of augmented images
// per step: one step of each in turn in one process, `rounds` times after 3 rounds to warm up. Writes
// options.out/overhead.json, returns a table.
std::string overhead(const Options& options, int rounds);

}  // namespace cifar100
