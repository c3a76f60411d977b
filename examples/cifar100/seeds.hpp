#pragma once
// The same run under several seeds: one folder each, and the mean with its interval of every number.

#include "train.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

// Brings the runs options.out/seed-N to their ends, one after the other, and writes options.out/seeds.json. Finished
// runs are skipped and broken-off ones resumed. glia::Error as train().
Outcome train_seeds(const Options& options, const std::vector<std::uint64_t>& seeds);

// Whether a stop was asked for in a run that then came to its end all the same: the next run must not begin, for it
// would clear the request.
bool stopped_between_runs();

// The numbers of summary.json files side by side: an object of {mean, deviation, half_width, values} by name, as JSON
// text. half_width belongs to the 95 % interval of Student's t; null with one run.
std::string across_runs(const std::vector<std::string>& summaries);

}  // namespace cifar100
