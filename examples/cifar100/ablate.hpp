#pragma once
// The ablation: every combination of {pre-training, self-supervision, neuromorphic layer}, the same seeds in each.

#include "train.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

// One combination. Its name lists the parts that are on, "plain" if none is.
struct Cell {
  bool pretraining = false, self_supervision = false, neuromorphic = false;
  std::string name() const;
  friend bool operator==(const Cell&, const Cell&) = default;
};

// All 8 combinations; the 4 without pre-training if there are no weights to start from.
std::vector<Cell> ablation_cells(bool with_pretraining);

// The settings of a combination: parts that are off are taken out of `base`.
Options cell_options(const Options& base, const Cell& cell);

// What one finished run is to the analysis.
struct AblationRun {
  Cell cell;
  std::uint64_t seed = 0;
  std::string summary;  // text of its summary.json
};

// Cell means with 95 % intervals and the comparisons (each part's mean effect, each part taken out of the whole, the
// whole against plain) as paired t-tests over the seeds with Holm's correction, from the runs finished so far of
// ablation_cells(with_pretraining). JSON text.
std::string analyse_ablation(const std::vector<AblationRun>& runs, bool with_pretraining);

// The same as a markdown page.
std::string ablation_markdown(const std::string& analysis);

// Runs what is not finished yet under base.out/runs, one run at a time, all combinations of a seed before the next
// seed, and rewrites ablation.json and ablation.md in base.out after every run.
Outcome ablate(const Options& base, const std::vector<std::uint64_t>& seeds);

}  // namespace cifar100
